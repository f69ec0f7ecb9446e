"""From one version of the agent to the next, and back, with people at the sites."""

from __future__ import annotations

import platform
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from deploys.agent.wheelhouse import Machine, fetch
from tests.agent.web.browser import SITE
from tests.lab.agent.conftest import told, who
from tests.lab.agent.index import index
from tests.lab.agent.load import under_load
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.agent.conftest import Guarded
    from tests.lab.agent.load import Load

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("agent-trixie")]

_PACKAGE: Final = "auth_agent/src/auth_agent"
_SWITCH: Final = "templates/agent/switch.sh.j2"
_BROKEN: Final = "raise SystemExit('this version is broken')\n"
_MIGRATION: Final = "CREATE TABLE made_by_the_new_one (one INTEGER);\n"


@pytest.fixture
def version(trixie: Guarded) -> Iterator[Guarded]:
    """The host, whose copy of the agent is put right afterwards."""
    kept = {
        path: path.read_text()
        for path in (
            *(trixie.project / _PACKAGE).rglob("*.py"),
            trixie.project / _SWITCH,
            trixie.project / "deploys/agent/places.py",
        )
    }
    there = set((trixie.project / _PACKAGE).rglob("*.sql"))
    yield trixie
    for path, text in kept.items():
        path.write_text(text)
    for path in set((trixie.project / _PACKAGE).rglob("*.sql")) - there:
        path.unlink()
    trixie.apply()


def _next(on: Guarded, mark: str) -> None:
    """Have another version of the agent in the copy of the project."""
    init = on.project / _PACKAGE / "__init__.py"
    init.write_text(f"{init.read_text()}# {mark}\n")


@contextmanager
def _asked(on: Guarded) -> Iterator[Load]:
    """Have ada's session be used all the while."""
    jar = on.known().cookies[SITE]
    outside = on.outside
    cookie = "; ".join(f"{name}={text}" for name, text in jar.items())
    with under_load(lambda: outside.connect(SITE), "/x", {"Cookie": cookie}) as load:
        eventually(lambda: len(load.answers) > 20, "the load has begun")
        yield load
        before = len(load.answers)
        eventually(lambda: len(load.answers) > before + 20, "the load goes on")


def test_an_upgrade_under_load_costs_a_moment(
    version: Guarded, request: pytest.FixtureRequest
) -> None:
    """Requests wait for it or are told to come back; nobody has to log in anew.

    How long that moment was stands among the properties of `--junitxml`. Beside the
    old environment stands the new one, with a copy of the database from
    before; what is older is removed.
    """
    releases = [version.release]
    users = version.sh("auth-agent users list --json")
    for number in range(2):
        _next(version, str(number))
        with _asked(version) as load:
            version.apply()
        # `record_property` warns, though what is written is the same.
        request.node.user_properties.append(("upgrade under load", load.told))
        releases.append(version.release)
        assert {200} <= load.statuses <= {200, 502, 503}
        assert 200 == load.answers[-1].status

    assert "ada" == who(version.ada.browser.get("/x", SITE))
    assert users == version.sh("auth-agent users list --json")
    assert 3 == len(set(releases))
    assert {*releases[1:], "current"} == set(
        version.sh("ls /opt/auth-agent").splitlines()
    )
    kept = version.sh("stat -c '%a %U' /var/lib/auth-agent/before-upgrade.db")
    assert "600 auth-agent" == kept


@pytest.mark.parametrize("migrates", [False, True], ids=["at-once", "after-migrating"])
def test_a_broken_version_is_taken_back(version: Guarded, migrates: bool) -> None:
    """The former one runs again by itself, with all that it knew.

    Also when the new one has made of the database what the former one refuses.
    """
    before, known = version.release, version.known()
    users = version.sh("auth-agent users list --json")
    package = version.project / _PACKAGE
    if migrates:
        (package / "storage/migrations/9999_new.sql").write_text(_MIGRATION)
        services = package / "services.py"
        text = services.read_text()
        last = "        await services.system.watch_clock()\n"
        assert last in text
        services.write_text(text.replace(last, f"{last}        {_BROKEN}"))
    else:
        (package / "services.py").write_text(_BROKEN)
    with _asked(version) as load:
        done = version.run("apply")

    assert 1 == done.code, done.out
    assert "the former one is back" in told(done)
    assert "this version is broken" in told(done)
    assert before == version.release
    assert {200} <= load.statuses <= {200, 502, 503}
    assert "ada" == who(known.get("/x", SITE))
    assert users == version.sh("auth-agent users list --json")
    assert "faults: -" in version.sh("auth-agent audit verify")
    assert "" == version.sh("ls /var/lib/keepgate/agent/armed", check=False)


@pytest.mark.parametrize(
    ("line", "how", "new"),
    [
        ("upgrade=; [ -z", "power", False),
        ("cursor=$(journalctl", "kill", False),
        ("if begin; then", "power", True),
    ],
    ids=["power-files-placed", "kill-stopped-and-copied", "power-link-turned"],
)
def test_an_upgrade_that_is_cut_off_is_ended_by_the_host(
    version: Guarded, line: str, how: str, new: bool
) -> None:
    """Wherever a power cut or a kill hits it, one of the two is at work afterwards.

    The one from before as long as the new one cannot have run; else the new one, if it
    is well. A second run finds all as it should be.
    """
    known, before = version.known(), version.release
    users = version.sh("auth-agent users list --json")
    _next(version, f"{how} {new}")
    whole = _held_at(version, line)
    controller = version.begin("apply")
    try:
        eventually(
            lambda: version.sh("test -e /run/held && echo y", check=False),
            "the upgrade is in its middle",
            seconds=180,
        )
        if how == "kill":
            version.sh("kill -9 -$(ps -o pgid= -p $(cat /run/held) | tr -d ' ')")
            controller.wait(120)
    finally:
        controller.kill()
        controller.communicate()
    if how == "power":
        version.cut_power()
    eventually(
        lambda: not version.sh("ls /var/lib/keepgate/agent/armed", check=False),
        "the host has ended it",
    )

    assert new is (before != version.release)
    assert "ada" == who(known.get("/x", SITE))
    assert users == version.sh("auth-agent users list --json")
    assert "faults: -" in version.sh("auth-agent audit verify")
    version.sh("rm -f /run/held")
    (version.project / _SWITCH).write_text(whole)
    version.apply()
    assert 0 == version.apply().only["changes"]
    assert before != version.release


def _held_at(on: Guarded, line: str) -> str:
    """Have the switch wait before *line*, and the host look after it early.

    Returns the text of the switch as it was.
    """
    switch, places = on.project / _SWITCH, on.project / "deploys/agent/places.py"
    whole, named = switch.read_text(), places.read_text()
    hold = "sh -c 'echo $PPID' >/run/holds; mv /run/holds /run/held; sleep 300"
    assert 1 == whole.count(f"\n{line}")
    switch.write_text(whole.replace(f"\n{line}", f"\n{hold}\n{line}"))
    places.write_text(
        named.replace("SETTLE_AFTER: Final = 60", "SETTLE_AFTER: Final = 5")
    )
    assert named != places.read_text()
    return whole


def test_a_host_fetches_by_itself_and_takes_nothing_that_was_altered(
    version: Guarded,
) -> None:
    """From its package index, by the hashes of the lock; what it has goes on."""
    before = version.release
    number = version.sh("python3 -c 'import sys; print(*sys.version_info[:2])'")
    major, minor = map(int, number.split())
    wheels = fetch(Machine((major, minor), platform.machine(), 36))
    altered = next(name for name in wheels if name.startswith("starlette"))
    gateway = version.sh("ip -4 route show default").split()[2]
    _next(version, "fetched")
    version.source = "host"
    try:
        bad = {**wheels, altered: wheels[altered][:-1] + b"x"}
        with index(gateway, bad) as url:
            _use(version, url)
            refused = version.run("apply")
        kept = version.release
        with index(gateway, wheels) as url:
            _use(version, url)
            done = version.apply()
    finally:
        version.source = "auto"
        version.sh("rm -f /etc/pip.conf")

    assert 1 == refused.code
    assert "DO NOT MATCH THE HASHES" in refused.only["message"]
    assert before == kept
    assert "from PyPI" in told(done)
    assert before != version.release
    assert "ada" == who(version.known().get("/x", SITE))


def _use(on: Guarded, url: str) -> None:
    """Have the host's pip ask the index at *url*."""
    host = urlsplit(url).hostname
    on.sh(f"printf '[global]\nindex-url={url}\ntrusted-host={host}\n' >/etc/pip.conf")
