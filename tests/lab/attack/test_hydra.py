"""hydra, from an address of its own, against SSH and the login page of a real host."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from auth_agent.web.cookies import Cookie

from tests.agent.caddy.front import visit
from tests.agent.tools import needed
from tests.agent.web.browser import LOGIN_HOST, PASSWORD
from tests.lab.attack.besieged import LOGIN, REFUSED, RETRY, SSH
from tests.lab.bans.site import FAR
from tests.lab.commands.conftest import OPERATOR, gets_in
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.agent.web.browser import Member
    from tests.lab.attack.besieged import Besieged

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

GUESSES = 400
"""Passwords that are tried, many more than lead to a ban; the last is right."""
FAMILIES = pytest.mark.parametrize("version", [4, 6])


class Hydra:
    """Somebody with a list of passwords; the right one stands on it, late."""

    def __init__(self, on: Besieged, version: int, folder: Path) -> None:
        self._on, self._version, self._folder = on, version, folder
        guesses = [f"guess number {number}" for number in range(GUESSES)]
        (folder / "passwords").write_text("\n".join([*guesses, PASSWORD]) + "\n")
        # The name leads to the host, for this one alone: without it there is no TLS.
        (folder / "hosts").write_text(f"{self.address} {LOGIN_HOST}\n")

    @property
    def address(self) -> str:
        """The host's, of the family that is used."""
        host = self._on.host
        return host.address4 if self._version == 4 else host.address6

    @property
    def source(self) -> str:
        """The address that the host sees it at."""
        return self._on.attacker.address4 if self._version == 4 else f"{FAR}::77"

    @property
    def element(self) -> str:
        """What the packet filter drops once this one is banned: IPv6 by its /64."""
        return self.source if self._version == 4 else f"{FAR}::/64"

    def start(self, user: str, *words: str) -> subprocess.Popen[str]:
        """Begin; what it shows goes to its standard output."""
        found = 'mount --bind "$1" /etc/hosts; shift; exec "$@"'
        command = [
            *(*self._on.attacker.prefix, "unshare", "--mount", "sh", "-c", found, "sh"),
            *(str(self._folder / "hosts"), needed("hydra"), f"-{self._version}"),
            *("-I", "-V", "-t", "1", "-f", "-l", user, "-P", "passwords", *words),
        ]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
        )

    def run_ssh(self) -> str:
        """Go for the operator's account until it gives up; return what it shows."""
        address = self.address if self._version == 4 else f"[{self.address}]"
        return _shown(self.start(OPERATOR, f"ssh://{address}"))

    @contextmanager
    def at_the_login_page(self, fields: str, *headers: str) -> Iterator[None]:
        """Go for an administrator's password while this lasts."""
        sent = "".join(":H=" + one.replace(":", r"\:") for one in headers)
        # A login is answered with a way to go on, all else with a page.
        form = f"/login:{fields}&name=^USER^&password=^PASS^{sent}:S=ocation"
        process = self.start("ada", LOGIN_HOST, "https-post-form", form)
        try:
            yield
        finally:
            process.terminate()
            shown = _shown(process)
        # What it takes for a success is not to be relied on: it is refused with 401,
        # which it takes for another way to log in. The audit log knows better.
        assert "[ATTEMPT]" in shown, shown


def _shown(process: subprocess.Popen[str]) -> str:
    shown, _ = process.communicate(timeout=120)
    assert "Hydra" in shown, shown
    return shown


@pytest.fixture
def siege(besieged: Besieged, admin: Member) -> Iterator[Besieged]:
    """The host, nobody banned, and an administrator whom one may try to be."""
    assert admin.name == "ada"
    besieged.forgive()
    yield besieged
    besieged.forgive()
    besieged.sh("auth-agent users unlock ada")


@pytest.fixture
def hydra(siege: Besieged, tmp_path: Path, version: int) -> Iterator[Hydra]:
    """An attacker who comes by IP *version*; by IPv6 from a /64 of its own."""
    way = (f"{siege.host.address6}/128", "dev", "eth0")
    ip = (*siege.attacker.prefix, "ip", "-6", "route")
    subprocess.run([*ip, "replace", *way, "src", f"{FAR}::77"], check=True)
    yield Hydra(siege, version, tmp_path)
    subprocess.run([*ip, "delete", *way], check=True)


def _logins(on: Besieged, address: str, how: str = "failure") -> int:
    """Return how many logins from *address* ended so, as the audit log tells."""
    words = ("audit", "export", "--type", f"login.{how}")
    lines = on.front.agent.run(*words).stdout.splitlines()
    return sum(json.loads(line)["ip"] == address for line in lines)


def _answers(on: Besieged, hydra: Hydra) -> bool:
    """Whether the host answers the attacker at all."""
    knock = f"exec 3<>/dev/tcp/{hydra.address}/443"
    command = [*on.attacker.prefix, "timeout", "2", "bash", "-c", knock]
    return not subprocess.run(command, check=False, capture_output=True).returncode


def _logs_in(on: Besieged, member: Member) -> bool:
    """Whether the owner logs in anew, with a browser that the account knows.

    One that it does not know has to wait as long as the account is attacked.
    """
    browser = on.front.browser()
    known = member.browser.cookies[LOGIN_HOST][Cookie.DEVICE]
    browser.cookies[LOGIN_HOST] = {Cookie.DEVICE: known}
    given = {"name": member.name, "password": PASSWORD}
    asked = visit(browser, "/")
    second = browser.follow(browser.post("/login", {**asked.fields, **given}))
    code = {"kind": "totp", "code": member.code()}
    page = browser.follow(browser.post("/second", {**second.fields, **code}))
    return page.status == 200 and "remote-user" in page.text.lower()


@FAMILIES
def test_ssh_gives_nothing_and_shuts_it_out(siege: Besieged, hydra: Hydra) -> None:
    """No password is asked for; so many connections, and there is no answer."""
    for _ in range(RETRY[SSH]):
        assert hydra.element not in siege.held(SSH)
        assert "does not support password" in hydra.run_ssh()

    siege.banned(SSH, hydra.element)
    assert not _answers(siege, hydra)
    assert gets_in(siege.host)
    siege.forgive()
    assert _answers(siege, hydra)


@FAMILIES
def test_the_login_page_gives_nothing_and_shuts_it_out(
    siege: Besieged, hydra: Hydra, admin: Member
) -> None:
    """With all that a browser sends; each try is on record, and the owner gets in."""
    before = _logins(siege, hydra.source)
    page = siege.front.browser()
    token = page.get("/login").fields["csrf"]
    cookies = "; ".join(f"{k}={v}" for k, v in page.cookies[LOGIN_HOST].items())
    with hydra.at_the_login_page(
        f"csrf={token}&to=", f"Origin: https://{LOGIN_HOST}", f"Cookie: {cookies}"
    ):
        siege.banned(LOGIN, hydra.element)
        assert _logs_in(siege, admin)

    tried = _logins(siege, hydra.source) - before
    assert 0 < tried < GUESSES
    assert 0 == _logins(siege, hydra.source, "success")
    assert not _answers(siege, hydra)
    siege.forgive()
    assert _answers(siege, hydra)


@pytest.mark.parametrize("version", [4])
def test_without_the_forms_token_it_is_refused_and_shut_out(
    siege: Besieged, hydra: Hydra
) -> None:
    """As it comes out of the box: no password of it is even looked at."""
    before = _logins(siege, hydra.source)
    with hydra.at_the_login_page("to="):
        siege.banned(REFUSED, hydra.element)

    assert before == _logins(siege, hydra.source)
    assert 0 == _logins(siege, hydra.source, "success")
    siege.forgive()
    eventually(lambda: _answers(siege, hydra), "who is forgiven gets an answer")
