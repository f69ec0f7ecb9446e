"""Somebody with a shell on the host, and the app itself: what they get hold of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.agent.caddy.front import marker
from tests.agent.web.browser import PASSWORD, SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.web.browser import Member
    from tests.lab.attack.besieged import Besieged

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

USER = "mallory"
CLOSED: Final = (
    *("/run/auth-agent/gate/agent.sock", "/run/auth-agent/control.sock"),
    *("/run/auth-agent/metrics.sock", "/run/caddy/admin.sock"),
    *("/run/fail2ban/fail2ban.sock", "/run/credentials/auth-agent.service/secret"),
    *("/etc/auth-agent/secret", "/etc/auth-agent/auth-agent.toml"),
    *("/var/lib/auth-agent/agent.db", "/var/lib/auth-agent/audit"),
    *("/var/lib/caddy/.local", "/var/log/caddy/access.json", "/var/lib/keepgate"),
    *("/var/log/journal/*/system.journal", "/proc/AGENT/environ"),
    *("/proc/AGENT/fd", "/proc/AGENT/root/var/lib/auth-agent", "/proc/CADDY/environ"),
)
"""What is none of a local user's business; processes by name."""

_TRY: Final = """
import glob, os, socket, sys
for line in sys.stdin.read().split():
    for path in glob.glob(line) or [line]:
        try:
            if path.endswith(".sock"):
                socket.socket(socket.AF_UNIX).connect(path)
            else:
                os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        except PermissionError:
            print("closed", line)
        except OSError as error:
            print("odd", line, error)
        else:
            print("open", line)
"""

_ASK: Final = """
import http.client, socket, ssl, sys
careless = ssl._create_unverified_context()
wire = http.client.HTTPConnection("")
plain = socket.create_connection((sys.argv[1], 443), 20)
wire.sock = careless.wrap_socket(plain, server_hostname="{host}")
wire.request("GET", "/secret", headers={headers})
print(wire.getresponse().status)
"""


@pytest.fixture
def local(besieged: Besieged) -> Iterator[Besieged]:
    """The host, with an ordinary account on it."""
    besieged.sh(f"id {USER} >/dev/null 2>&1 || useradd --create-home {USER}")
    yield besieged
    besieged.sh(f"userdel --remove --force {USER} 2>/dev/null", check=False)


def _as_user(on: Besieged, script: str) -> str:
    """Run sh text as the ordinary account."""
    return on.sh(f"cd /; runuser -u {USER} -- sh -s <<'SCRIPT'\n{script}\nSCRIPT")


def test_a_local_user_gets_hold_of_nothing(local: Besieged) -> None:
    """No socket, secret, state, log or process; root, asked the same way, does."""
    agent = local.sh("systemctl show -P MainPID auth-agent")
    caddy = local.sh("systemctl show -P MainPID caddy")
    paths = " ".join(CLOSED).replace("AGENT", agent).replace("CADDY", caddy)
    ask = f"cat >/run/try.py <<'TRY'\n{_TRY}TRY\nchmod 0644 /run/try.py"
    local.sh(ask)
    tries = f"echo '{paths}' | python3 /run/try.py"

    assert {"open"} == {line.split()[0] for line in local.sh(tries).splitlines()}
    assert {"closed"} == {
        line.split()[0] for line in _as_user(local, tries).splitlines()
    }, _as_user(local, tries)


def test_a_local_user_commands_nobody(local: Besieged) -> None:
    """Neither the agent, nor systemd, nor the web server, nor fail2ban, nor nft."""
    commands = (
        "auth-agent users list",
        "auth-agent first-admin",
        "systemctl --no-ask-password stop auth-agent",
        "fail2ban-client unban --all",
        "nft list ruleset",
        "sudo -n true",
        "caddy stop --address unix//run/caddy/admin.sock",
    )
    tries = "".join(
        f"if PATH=$PATH:/usr/local/sbin:/usr/sbin {one} </dev/null >/dev/null 2>&1;"
        f" then echo done; else echo refused; fi\n"
        for one in commands
    )

    assert ["refused"] * len(commands) == _as_user(local, tries).splitlines()


def test_a_local_user_is_a_stranger_at_the_sites(local: Besieged) -> None:
    """From loopback nobody is believed more than from elsewhere."""
    before = len(local.front.echo.seen)
    forged = {
        "Host": SITE,
        "Remote-User": "ada",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Uri": "/open",
        "X-Forwarded-Method": "OPTIONS",
    }
    ask = _ASK.format(host=SITE, headers=forged)
    for address in ("127.0.0.1", "::1", local.host.address4):
        told = _as_user(local, f"python3 - {address} <<'ASK'\n{ask}ASK")

        assert "401" == told
    assert before == len(local.front.echo.seen)


def test_an_app_cannot_use_what_it_is_told(besieged: Besieged, admin: Member) -> None:
    """Nothing that reaches it opens the gate: as a cookie, a key or a header."""
    word = marker()
    admin.browser.ask("GET", SITE, "/", headers={"X-Marker": word})
    (seen,) = besieged.front.echo.of(word)
    tokens = {text for jar in admin.browser.cookies.values() for text in jar.values()}
    told = [value for _, value in seen.headers if value]

    assert not [one for one in tokens if one in json.dumps(seen.headers)]
    for value in told:
        for sent in (
            {"Cookie": f"__Host-auth-site={value}"},
            {"Authorization": f"Bearer {value}"},
            {"Remote-Session": value},
        ):
            page = besieged.front.browser().ask("GET", SITE, "/", headers=sent)
            assert page.status in {400, 401}, sent


def test_no_log_and_no_process_tells_a_secret(
    besieged: Besieged, admin: Member
) -> None:
    """Passwords, sessions, the agent's own secret: not even root finds them there."""
    besieged.sh("journalctl --sync")
    secret = besieged.sh(
        "base64 -w0 /etc/auth-agent/secret; echo; od -An -v -tx1 /etc/auth-agent/secret"
        " | tr -d ' \\n'"
    ).splitlines()
    words = [*secret, PASSWORD, PASSWORD.replace(" ", "+"), admin.secret]
    words += [text for jar in admin.browser.cookies.values() for text in jar.values()]
    listed = "\n".join(words)
    found = besieged.sh(
        f"umask 077; cat >/run/words <<'WORDS'\n{listed}\nWORDS\n"
        "journalctl -q -o export | grep -caFf /run/words\n"
        "cat /var/log/caddy/*.json | grep -caFf /run/words\n"
        "cat /var/lib/auth-agent/audit/* | grep -caFf /run/words\n"
        # All but the shell that asks.
        "for one in /proc/[0-9]*; do [ ${one#/proc/} = $$ ] ||"
        " cat $one/cmdline $one/environ 2>/dev/null; done | grep -caFf /run/words\n"
        "rm /run/words",
        check=False,
    )

    assert ["0"] * 4 == found.splitlines()
