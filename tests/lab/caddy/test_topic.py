"""The topic `caddy` on real hosts: applied, repeated, broken, drifted, undone."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from deploys.caddy import places
from tests.lab.caddy.hosts import SOON
from tests.lab.commands.conftest import gets_in
from tests.lab.waiting import eventually
from tests.unit.caddy.test_gate import COOKIE, OPEN, SITE, SITES

if TYPE_CHECKING:
    from tests.lab.caddy.hosts import Served
    from tests.lab.commands.conftest import Outcome

pytestmark = pytest.mark.lab

MORE = (*SITES, {**SITES[1], "host": "more.kg.test"})
UNHAD = (*SITES, {**SITES[1], "host": "unhad.kg.test", "tls": "acme"})
DEAF: dict[str, Any] = {
    "email": "ops@example.org",
    # Nobody is there: the certificate cannot be had.
    "acme": {"directory": "https://127.0.0.1:9/directory"},
}


def _unchanged(served: Served) -> None:
    done = served.apply()
    assert 0 == done.only["changes"], told(done)


def told(done: Outcome) -> str:
    """Return all that a command said of its only host, as one text."""
    return json.dumps(done.only, ensure_ascii=False)


def test_a_second_run_changes_nothing(either: Served) -> None:
    """And asks no more than once."""
    done = either.apply()

    assert 0 == done.only["changes"], told(done)
    assert 1 == sum(phase["channels"] for phase in done.only["phases"])


def test_the_server_is_confined(either: Served) -> None:
    """By systemd, and its API by the folder of its socket."""
    score = either.sh("systemd-analyze security caddy.service | tail -n 1")
    ask = f"runuser -u nobody -- test -r {places.ADMIN} && echo reached"

    assert float(score.split(":")[1].split()[0]) <= 2.0
    assert "700 caddy" == either.sh("stat -c '%a %U' /run/caddy").strip()
    assert "" == either.sh(ask, check=False)
    assert "" == either.sh("ss -Hltn 'sport = :2019'")
    assert "" != either.sh("ss -Hlun 'sport = :443'")


def test_logs_are_closed_and_without_credentials(either: Served) -> None:
    """JSON, for root alone; no cookie and no query."""
    either.visitor().get(SITE, "/sesame?sesame=1", COOKIE)
    (entry,) = [
        json.loads(line)
        for line in either.sh(f"cat {places.ACCESS_LOG}").splitlines()
        if "/sesame" in line
    ]

    assert "/sesame?REDACTED" == entry["request"]["uri"]
    assert "Cookie" not in entry["request"]["headers"]
    assert "600" == either.sh(f"stat -c %a {places.ACCESS_LOG}").strip()


def test_a_certificate_that_cannot_be_had_takes_nothing_away(either: Served) -> None:
    """The proof fails, and the configuration before serves on."""
    before = either.configuration()
    done = either.run("apply", sites=UNHAD, caddy=DEAF, confirm=SOON)

    assert 3 == done.code, done.out
    assert "unhad.kg.test" in told(done)
    assert before == either.configuration()
    assert either.visitor().get(OPEN).is_apps
    _unchanged(either)


def test_a_configuration_that_caddy_refuses_is_not_placed(either: Served) -> None:
    """It is tried as the user that would run it, before anything is switched."""
    before = either.sh(f"cat {places.CADDYFILE}")
    acme = {**DEAF["acme"], "root": "/root/none.pem"}
    done = either.run("apply", sites=UNHAD, caddy={**DEAF, "acme": acme})

    assert 1 == done.code, done.out
    assert "refuses the new configuration" in told(done)
    assert "/root/none.pem" in told(done)
    assert before == either.sh(f"cat {places.CADDYFILE}")
    assert either.visitor().get(OPEN).is_apps


def test_a_lost_controller_is_undone_by_the_host(either: Served) -> None:
    """Nobody confirmed: the host brings the former configuration back itself."""
    before = either.configuration()
    either.die_before_proof(MORE)
    assert "more.kg.test" in either.configuration()

    eventually(
        lambda: either.configuration() == before, "the former configuration runs"
    )

    assert either.visitor().get(OPEN).is_apps
    assert gets_in(either.host)
    eventually(
        lambda: "armed" not in either.sh("ls /var/lib/keepgate/commit"), "it is over"
    )
    _unchanged(either)


@pytest.mark.xdist_group("caddy-trixie")
def test_an_end_that_nobody_confirms_is_undone_by_the_host(trixie: Served) -> None:
    """The last site was taken out, and the controller lost: all is served again."""
    running = "systemctl is-active caddy; systemctl is-enabled caddy"
    before = trixie.sh(f"cat {places.CADDYFILE}")
    trixie.die_before_proof(())
    assert ["inactive", "disabled"] == trixie.sh(running, check=False).split()

    eventually(
        lambda: ["active", "enabled"] == trixie.sh(running, check=False).split(),
        "caddy runs again",
    )

    assert before == trixie.sh(f"cat {places.CADDYFILE}")
    assert trixie.visitor().get(OPEN).is_apps
    eventually(
        lambda: "armed" not in trixie.sh("ls /var/lib/keepgate/commit"), "it is over"
    )
    _unchanged(trixie)


def test_sites_that_are_not_seen_from_here_stand(either: Served) -> None:
    """A wall between is told, and the host's own proof decides; no wall, no word."""
    wall = "table inet kg_wall"
    chain = "type filter hook input priority -50; iifname != lo tcp dport 443 drop;"
    either.sh(f"nft '{wall} {{ chain in {{ {chain} }}; }}'")
    try:
        behind = either.apply(sites=MORE)
    finally:
        either.sh(f"nft delete {wall}")
    before = either.apply()

    assert "not seen from here" in told(behind)
    assert behind.only["changes"] > 0
    assert "seen from here" not in told(before)
    assert before.only["changes"] > 0


def test_a_reload_drops_no_request(either: Served) -> None:
    """Sites come and go while others are asked without a pause."""
    visitor = either.visitor()
    over = threading.Event()
    failed: list[str] = []
    count = [0]

    def hammer() -> None:
        while not over.is_set():
            try:
                if not visitor.get(OPEN).is_apps:
                    failed.append("another answer")
            except OSError as error:
                failed.append(repr(error))
            count[0] += 1

    thread = threading.Thread(target=hammer)
    thread.start()
    try:
        more = either.apply(sites=MORE)
        asked = count[0]
        either.apply()
    finally:
        over.set()
        thread.join()

    assert [] == failed
    assert more.only["changes"] > 0
    assert 0 < asked < count[0]


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ("systemctl stop caddy", "does not run"),
        ("systemctl disable caddy", "enable caddy.service"),
        (
            "sed -i s/REDACTED/SHOWN/ /etc/caddy/Caddyfile && systemctl reload caddy",
            "change /etc/caddy/Caddyfile",
        ),
        (
            (
                "cp /etc/caddy/Caddyfile /root/kept && sed -i s/REDACTED/SHOWN/"
                " /etc/caddy/Caddyfile && systemctl reload caddy"
                " && cp -p /root/kept /etc/caddy/Caddyfile"
            ),
            "runs another configuration",
        ),
        (
            (
                "cp -p /etc/systemd/system/caddy.service.d/keepgate.conf /root/kept"
                " && sed -i s/KEEPGATE_UNIT=.*/KEEPGATE_UNIT=x/"
                " /etc/systemd/system/caddy.service.d/keepgate.conf"
                " && systemctl daemon-reload && systemctl restart caddy"
                " && cp -p /root/kept /etc/systemd/system/caddy.service.d/keepgate.conf"
                " && systemctl daemon-reload"
            ),
            "another unit file",
        ),
    ],
)
def test_drift_is_seen_and_mended(either: Served, harm: str, why: str) -> None:
    """By what runs, not by what was written once."""
    either.sh(harm)

    seen = either.run("plan")
    either.apply()

    assert why in told(seen)
    _unchanged(either)
    assert either.visitor().get(OPEN).is_apps


def test_a_port_in_use_is_told(either: Served) -> None:
    """By its program; nothing is changed."""
    either.sh("systemctl stop caddy")
    either.sh("systemd-run --quiet --collect --unit=taker python3 -m http.server 80")
    eventually(lambda: either.sh("ss -Hltn 'sport = :80'"), "port 80 is taken")
    try:
        done = either.run("apply")

        assert 1 == done.code
        assert "port 80" in told(done)
        assert "python3" in told(done)
    finally:
        either.sh("systemctl stop taker")
        either.apply()


def test_a_killed_server_comes_back(either: Served) -> None:
    """By itself."""
    either.sh("systemctl kill -s KILL caddy.service")

    eventually(
        lambda: "active" == either.sh("systemctl is-active caddy", check=False).strip(),
        "caddy runs again",
    )
    assert either.visitor().get(OPEN).is_apps


def test_ports_are_open_for_sites_only(either: Served) -> None:
    """The firewall follows the sites, both ways."""
    table = "nft list table inet keepgate"
    try:
        either.apply(sites=(), topics=("firewall",))
        without = either.sh(table)
    finally:
        either.apply()

    assert "443" not in without
    assert "dport { 80, 443 } accept" in either.sh(table)


def test_a_first_commit_that_fails_leaves_no_server_behind(either: Served) -> None:
    """As on the day before: installed by the package, not running, not ours."""
    either.sh(
        "systemctl disable --now caddy; rm /etc/caddy/Caddyfile"
        " /etc/systemd/system/caddy.service.d/keepgate.conf; systemctl daemon-reload"
    )
    try:
        done = either.run("apply", sites=UNHAD, caddy=DEAF, confirm=SOON)

        assert 3 == done.code, done.out
        state = either.sh(
            "systemctl is-active caddy; systemctl is-enabled caddy", check=False
        )
        assert ["inactive", "disabled"] == state.split()
        assert "" == either.sh(
            "find /etc/caddy /etc/systemd/system/caddy.service.d -type f"
        )
    finally:
        either.apply()
