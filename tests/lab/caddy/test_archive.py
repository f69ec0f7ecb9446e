"""Caddy comes from an archive that its pinned key has signed, and nothing else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploys.caddy.places import ARCHIVE, ARCHIVE_KEY, ARCHIVE_PINS
from tests.lab.caddy.current import FIRST, TOPICS, begin, from_archive
from tests.lab.caddy.faults import OF_THE_ARCHIVE
from tests.lab.caddy.hosts import prepared
from tests.lab.waiting import eventually
from tests.unit.caddy.test_gate import COOKIE, OPEN, SITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keepgate.lab import LabHost
    from tests.lab.caddy.archive import Archive
    from tests.lab.caddy.hosts import Served
    from tests.lab.commands.conftest import Outcome

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("caddy-archive")]

SECOND = "2.11.8"
UPGRADE = (
    "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confold"
    " --only-upgrade install caddy"
)
"""What automatic updates do, of one package."""


@pytest.fixture(scope="module")
def bare(
    hardened: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A host without Caddy."""
    with prepared(tmp_path_factory.mktemp("web"), source=hardened.name) as made:
        begin(made)
        yield made


def _left(host: Served) -> list[str]:
    paths = f"{ARCHIVE} {ARCHIVE_KEY} {ARCHIVE_PINS}"
    return host.sh(f"ls {paths} 2>/dev/null", check=False).split()


def _version(host: Served) -> str:
    return host.sh("dpkg-query -W -f='${Version}' caddy 2>/dev/null", check=False)


def _told(done: Outcome) -> str:
    return json.dumps(done.only, ensure_ascii=False)


def test_a_current_caddy_serves(current: Served) -> None:
    """It is the archive's, and the sites are served by it as by Debian's."""
    assert FIRST == _version(current)
    assert current.visitor().get(OPEN).is_apps
    assert current.visitor().get(SITE, "/", COOKIE).is_apps
    assert 401 == current.visitor().get(SITE, "/").status


def test_a_second_run_changes_nothing(current: Served, source: Archive) -> None:
    """Nor does the archive have to be there for it: it answers nobody now."""
    shut = source.folder.rename(source.folder.with_name("away"))
    again = current.run("apply", topics=TOPICS)
    shut.rename(source.folder)

    assert 0 == again.code, again.out
    assert 0 == again.only["changes"], again.out


def test_nothing_else_is_taken_from_there(current: Served) -> None:
    """Neither a newer version of what is installed, nor what only it has."""
    offered = current.sh("apt-cache policy bash whatever")

    assert offered.count("99:1 -1") == 2
    assert "Candidate: 99:1" not in offered
    assert "bash" not in current.sh("apt-get -s dist-upgrade | grep ^Inst || true")


def test_controls_see_where_it_comes_from(current: Served) -> None:
    """They hold, and do not where the archive may do more, or is not followed."""
    every = _outcomes(current)
    assert {"passed"} == set(every.values()), every
    try:
        current.sh("\n".join(OF_THE_ARCHIVE.values()))
        loose = _outcomes(current)
    finally:
        current.apply(topics=TOPICS)

    assert set(OF_THE_ARCHIVE) <= {name for name in loose if loose[name] == "failed"}


def _outcomes(current: Served) -> dict[str, str]:
    done = current.run("verify", topics=TOPICS)
    return {
        one["id"]: one["outcome"]
        for one in done.only["after"]["findings"]
        if one["id"].startswith(("WEB-", "UPD-18"))
    }


def test_automatic_updates_follow_it(current: Served, source: Archive) -> None:
    """A newer Caddy comes by itself, serves on, and leaves nothing to change."""
    source.add_caddy(SECOND)
    source.publish("theirs")
    current.sh("apt-get -q update && unattended-upgrade", seconds=120)

    assert SECOND == _version(current)
    eventually(lambda: current.visitor().get(OPEN).is_apps, "the sites are served")
    again = current.run("apply", topics=TOPICS)
    assert 0 == again.only["changes"], again.out


def test_what_another_key_has_signed_is_not_taken(
    bare: Served, source: Archive
) -> None:
    """Who insists is refused, with nothing left; by default it is Debian's then."""
    refused = bare.run(
        "apply", caddy=from_archive(source, package="archive", key="others")
    )

    assert 1 == refused.code, refused.out
    assert "caddy-archive" in _told(refused)
    assert [] == _left(bare)
    assert not _version(bare)

    done = bare.apply(caddy=from_archive(source, key="others"))
    assert "cannot be used" in _told(done)
    assert [] == _left(bare)
    assert _version(bare).startswith("2.6.2")
    assert bare.visitor().get(OPEN).is_apps


def test_what_is_installed_stays_until_it_is_updated(
    bare: Served, source: Archive
) -> None:
    """By default nothing is asked any more; who insists gets the archive's in time."""
    bare.apply(caddy=from_archive(source))
    assert [] == _left(bare)

    done = bare.apply(caddy=from_archive(source, package="archive"))
    assert "stays until the next automatic update" in _told(done)
    assert 3 == len(_left(bare))
    assert "Candidate: 2.11" in bare.sh("apt-cache policy caddy")

    bare.sh(UPGRADE, seconds=120)
    assert _version(bare).startswith("2.11")
    eventually(lambda: bare.visitor().get(OPEN).is_apps, "the sites are served")
    bare.apply(caddy=from_archive(source, package="archive"))  # what 2.6 cannot
    again = bare.apply(caddy=from_archive(source, package="archive"))
    assert 0 == again.only["changes"], _told(again)

    bare.apply(caddy={"package": "debian"})
    assert [] == _left(bare)


def test_an_archive_that_is_away_is_told(bare: Served, source: Archive) -> None:
    """Only who insists is refused."""
    away = {"url": f"{source.url}/away", "key": source.keys["theirs"]}
    refused = bare.run("apply", caddy={"package": "archive", "archive": away})

    assert 1 == refused.code, refused.out
    assert "caddy-archive" in _told(refused)
    assert [] == _left(bare)


def test_an_archive_beside_the_systems_own_is_not_taken(
    bare: Served, source: Archive
) -> None:
    """To keep its other packages out would shut the system's out as well."""
    mirror = f"deb {source.url}/debian trixie main"
    bare.sh(f"echo '{mirror}' >/etc/apt/sources.list.d/mirror.list")
    refused = bare.run("apply", caddy=from_archive(source, package="archive"))
    bare.sh("rm /etc/apt/sources.list.d/mirror.list")

    assert 1 == refused.code, refused.out
    assert "on the same server" in _told(refused)
    assert [] == _left(bare)


def test_the_older_release_takes_it_too(source: Archive, tmp_path: Path) -> None:
    """Debian 12, whose apt is older, from stock; a second run changes nothing."""
    topics = ("accounts", "ssh", *TOPICS)
    with prepared(tmp_path, release="bookworm") as host:
        begin(host)
        host.package = from_archive(source, package="archive")
        host.apply(topics=topics)
        again = host.apply(topics=topics)

        assert 0 == again.only["changes"], _told(again)
        assert _version(host).startswith("2.11")
        assert host.visitor().get(OPEN).is_apps
        assert "Candidate: 99:1" not in host.sh("apt-cache policy bash whatever")
