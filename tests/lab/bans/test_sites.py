"""Who fails at the sites of a real host is shut out; whoever works there never is."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.bans.site import FAR, REFUSALS, RETRY
from tests.lab.commands.conftest import OPERATOR
from tests.lab.commands.conftest import gets_in as logs_in
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from tests.lab.bans.site import Sites

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("bans-sites")]

LOGIN, REFUSED = "keepgate-login", "keepgate-refused"
LOG = "/var/log/caddy/access.json"
FULL = 51
"""Megabytes at which Caddy begins another log."""

_LINE = (
    '{"time": "2030-01-01T00:00:00.000+00:00", "level": "info", "logger": '
    '"auth_agent.refusals", "message": "login refused", "ip": "203.0.113.5"}'
)


def test_a_second_run_changes_nothing(sites: Sites) -> None:
    """The jails are there, watch what they should, and bans are as planned."""
    told = sites.keepgate("plan")

    assert 0 == told.code
    plans = {plan["topic"]: plan["summaries"] for plan in told.only["plans"]}
    assert [] == plans.get("fail2ban", [])


def test_who_guesses_passwords_is_shut_out(sites: Sites) -> None:
    """After so many failures at the login page, from every port; forgiven, no more."""
    assert {200} == set(sites.knock("look"))

    answers = sites.knock("login", RETRY)

    assert 0 not in answers
    sites.banned(LOGIN, sites.attacker.address4)
    assert [0] == sites.knock("look")
    sites.forgive()
    eventually(lambda: sites.knock("look") == [200], "who is forgiven gets in")


def test_ipv6_is_shut_out_by_its_prefix(sites: Sites) -> None:
    """The whole /64, as the packet filter tells it."""
    sites.knock("login", RETRY, far=True)

    sites.banned(LOGIN, f"{FAR}::/64")
    assert [0] == sites.knock("look", far=True)


def test_who_is_refused_again_and_again_is_shut_out(sites: Sites) -> None:
    """By Caddy's own log: keys that are none."""
    answers = sites.knock("app", REFUSALS)

    assert [401] == sorted({*answers} - {0})
    sites.banned(REFUSED, sites.attacker.address4)


def _total(status: str) -> int:
    """Return how many failures a jail has seen, of fail2ban-client's *status*."""
    return int(status.partition("Total failed:")[2].split()[0])


def test_who_fails_less_often_is_not(sites: Sites) -> None:
    """One failure too few, and what comes after is answered."""
    status = f"fail2ban-client status {REFUSED}"
    before = _total(sites.sh(status))

    sites.knock("login", RETRY - 1)
    sites.knock("app", RETRY)
    eventually(
        lambda: _total(sites.sh(status)) >= before + RETRY, "the refusals are counted"
    )

    assert set() == sites.held(LOGIN) | sites.held(REFUSED)
    assert [200] == sites.knock("look")


def test_the_operator_is_never_shut_out(sites: Sites) -> None:
    """Whoever has logged in by SSH may fail at the login page as often as one likes."""
    assert logs_in(sites.host)

    sites.knock("login", 2 * RETRY, own=True)
    eventually(
        lambda: (
            "] Ignore "
            in sites.sh(
                "journalctl -q -u fail2ban -o cat -g 'keepgate-login.*Ignore'",
                check=False,
            )
        ),
        "fail2ban ignores the operator",
    )

    assert set() == sites.held(LOGIN)
    assert [200] == sites.knock("look", own=True)
    assert logs_in(sites.host)


def test_a_local_user_cannot_have_others_banned(sites: Sites) -> None:
    """What somebody else writes in the agent's words, or under its name, is not its."""
    line = f"'{_LINE}'"
    sites.sh(
        f"for i in 1 2 3 4 5 6; do\n"
        f"runuser -u {OPERATOR} -- logger -t auth-agent {line}\n"
        f"echo {line} | runuser -u {OPERATOR} -- systemd-cat -t auth-agent\n"
        f"printf '_SYSTEMD_UNIT=auth-agent.service\\n_TRANSPORT=stdout\\n"
        f"SYSLOG_IDENTIFIER=auth-agent\\nMESSAGE=%s\\n' {line} "
        f"| runuser -u {OPERATOR} -- logger --journald\n"
        f"done; journalctl --sync"
    )
    assert sites.sh("journalctl -q -o cat -g 203.0.113.5 | head -n 1")

    # Whoever comes later has been judged after all of these.
    sites.knock("login", RETRY)
    sites.banned(LOGIN, sites.attacker.address4)

    assert {sites.attacker.address4} == sites.held(LOGIN)


def test_what_a_client_says_is_not_taken_for_what_was_answered(sites: Sites) -> None:
    """Caddy's words in a header, and an address: an answer of 200 is no refusal."""
    words = '","status":401,"resp_headers":{"request":{"remote_ip":"203.0.113.9","'
    path = "/_auth/style.css?" + "x%22%2C%22status%22%3A401%2C%22"
    ask = (
        f"curl -sk -o /dev/null -w '%{{http_code}}' -H 'X-Words: {words}' -A '{words}' "
        f"--resolve auth.example.com:443:{sites.host.address4} "
        f"'https://auth.example.com/login{path[len('/_auth/style.css') :]}'"
    )
    done = subprocess.run(
        [*sites.attacker.prefix, "sh", "-c", ask], capture_output=True, check=True
    )
    assert b"200" == done.stdout
    eventually(lambda: sites.sh(f"grep -c X-Words {LOG}", check=False), "it is logged")

    tried = sites.sh(
        f"grep X-Words {LOG} >/root/words.json; "
        f"fail2ban-regex /root/words.json {REFUSED} | grep '^Lines:'"
    )
    assert " 0 matched" in tried


def test_bans_go_on_when_the_log_is_rolled(sites: Sites) -> None:
    """Caddy gives a log that is full another name and begins anew; fail2ban follows."""
    folder = LOG.rpartition("/")[0]
    rolled = f"find {folder} -name 'access-*'"
    sites.sh(f"{rolled} -delete; systemctl stop caddy")
    # Lines of a megabyte: what is to be read is not what is tried here.
    sites.sh(
        f"for i in $(seq {FULL}); do head -c 1048575 /dev/zero | tr '\\0' x; echo;"
        f" done >>{LOG}; systemctl start caddy"
    )
    eventually(lambda: sites.knock("look") == [200], "Caddy is back")
    eventually(lambda: sites.sh(rolled), "the log is rolled")

    assert "caddy caddy 600" == sites.sh(f"stat -c '%U %G %a' {LOG}").strip()
    sites.knock("app", REFUSALS)
    sites.banned(REFUSED, sites.attacker.address4)


def test_the_log_that_is_gone_keeps_nobody_from_banning(sites: Sites) -> None:
    """fail2ban starts without it, and Caddy can write what is made in its place."""
    sites.sh(f"rm {LOG}; systemctl restart fail2ban")
    assert "caddy caddy 600" == sites.sh(f"stat -c '%U %G %a' {LOG}").strip()
    sites.sh("systemctl restart caddy")
    eventually(lambda: sites.knock("look") == [200], "Caddy is back")

    until = time.monotonic() + 60
    while sites.attacker.address4 not in sites.held(REFUSED):
        assert time.monotonic() < until, sites.sh("journalctl -u fail2ban -n 20")
        sites.knock("app", REFUSALS)
