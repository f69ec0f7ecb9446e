"""The agent fails on a real host: nobody gets through, and it comes back by itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.agent.caddy.front import marker
from tests.agent.web.browser import LOGIN_HOST, PASSWORD, SITE
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.web.browser import Member
    from tests.lab.attack.besieged import Besieged

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

AGENT = "auth-agent.service"
STATE = "/var/lib/auth-agent"
PATHS: Final = ("/", "/secret", "/_auth/../secret")
FORGED: Final = {"Remote-User": "ada", "Cookie": "__Host-auth-site=" + "A" * 43}
HOLD: Final = (
    "import sqlite3, time; one = sqlite3.connect("
    f"'{STATE}/agent.db', isolation_level=None); one.execute('BEGIN IMMEDIATE'); "
    "open('/run/held', 'w').close(); time.sleep(300)"
)


def _nothing_passes(on: Besieged) -> None:
    """Assert that a stranger reaches nothing that is not public."""
    for path in PATHS:
        for forged in ({}, FORGED):
            word = marker()
            sent = {**forged, "X-Marker": word}
            page = on.front.browser().ask("GET", SITE, path, headers=sent)

            assert page.status in {400, 401, 502}, (path, page.status)
            assert on.front.echo.of(word) == []


def _opens(on: Besieged, member: Member) -> bool:
    """Whether the site opens for who was logged in before, as that one."""
    word = marker()
    headers = {"X-Marker": word}
    if member.browser.ask("GET", SITE, "/", headers=headers).status != 200:
        return False
    (seen,) = on.front.echo.of(word)
    return seen.value("remote-user") == "ada"


def _login(on: Besieged) -> int:
    """Return how a right password is answered."""
    browser = on.front.browser()
    given = {"to": "", "name": "ada", "password": PASSWORD}
    return browser.submit("/login", "/login", **given).status


def _main(on: Besieged) -> str:
    return on.sh(f"systemctl show -P MainPID {AGENT}")


def test_a_killed_agent_lets_nobody_pass_and_comes_back(
    besieged: Besieged, admin: Member
) -> None:
    """Killed as the kernel does when memory is short; sessions live on."""
    assert _opens(besieged, admin)
    # Stopped first: dead, it would be started anew before anybody has asked.
    besieged.sh(f"systemctl kill -s STOP {AGENT}; systemctl kill -s KILL {AGENT}")
    _nothing_passes(besieged)

    eventually(lambda: _opens(besieged, admin), "the agent is back")


@pytest.mark.parametrize("how", ["rm -f", "mv -t /root"])
def test_a_lost_socket_lets_nobody_pass_and_comes_back(
    besieged: Besieged, admin: Member, how: str
) -> None:
    """Nobody else may listen in its place; another process has taken over soon."""
    before = _main(besieged)
    besieged.sh(f"{how} /run/auth-agent/gate/agent.sock")
    _nothing_passes(besieged)

    eventually(lambda: _main(besieged) not in {"0", before}, "another agent")
    eventually(lambda: _opens(besieged, admin), "the agent is back")
    assert "was taken away" in besieged.sh(f"journalctl -q -u {AGENT} -o cat -n 50")


@contextmanager
def _locked(on: Besieged) -> Iterator[None]:
    """Hold the database's lock, as a foreign program might."""
    on.sh(f'systemd-run -q --collect --unit=holder python3 -c "{HOLD}"')
    try:
        eventually(lambda: on.sh("ls /run/held", check=False), "it is held")
        yield
    finally:
        on.sh("systemctl stop holder; rm -f /run/held")


@contextmanager
def _full(on: Besieged) -> Iterator[None]:
    """Leave the agent's file system, here a small one of its own, no byte."""
    # The service's own view of its folder is what it writes to.
    on.sh(
        f"systemctl stop {AGENT}; mkdir -p /mnt/small\n"
        f"mount -t tmpfs -o size=24m,mode=0700,uid=$(id -u auth-agent),"
        f"gid=$(id -g auth-agent) tmpfs /mnt/small\n"
        f"cp -a {STATE}/. /mnt/small/; mount --bind /mnt/small {STATE}\n"
        f"systemctl start {AGENT}"
    )
    try:
        on.sh(f"cat /dev/zero >{STATE}/filler 2>/dev/null", check=False)
        yield
    finally:
        on.sh(f"rm {STATE}/filler")


def _unmount(on: Besieged) -> None:
    """Go back to the disk, with what was written meanwhile."""
    # The log that is there may be append-only; its folder is not.
    on.sh(
        f"systemctl stop {AGENT}; umount {STATE}\n"
        f"mv {STATE}/audit $(mktemp -d /root/before.XXXXXX)\n"
        f"cp -a /mnt/small/. {STATE}/; umount /mnt/small\n"
        f"systemctl start {AGENT}"
    )


def _fails_closed(on: Besieged, member: Member) -> None:
    """Assert that nobody logs in, no stranger passes, and who is known still may."""
    assert _login(on) == 503
    _nothing_passes(on)
    assert _opens(on, member)


def test_a_locked_database_lets_nobody_in(besieged: Besieged, admin: Member) -> None:
    """Logins are refused until it is free; nothing is to be done then."""
    with _locked(besieged):
        _fails_closed(besieged, admin)

    eventually(lambda: _login(besieged) == 303, "logins are taken again")
    assert _opens(besieged, admin)


def test_a_full_disk_lets_nobody_in(besieged: Besieged, admin: Member) -> None:
    """Logins are refused until there is room; the audit log is whole."""
    try:
        with _full(besieged):
            eventually(lambda: _opens(besieged, admin), "it runs on the small disk")
            _fails_closed(besieged, admin)

        eventually(lambda: _login(besieged) == 303, "logins are taken again")
        assert "faults: -" in besieged.sh("auth-agent audit verify")
    finally:
        _unmount(besieged)
    eventually(lambda: _opens(besieged, admin), "it runs where it was")
    assert besieged.front.browser().get("/login", LOGIN_HOST).status == 200
