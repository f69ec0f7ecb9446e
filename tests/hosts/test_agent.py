"""The agent that says who comes to the guarded sites, as it runs on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostchecks.login import (
    CONFIG,
    CONTROL,
    GATE,
    MAIL,
    PASSWORD,
    SECRET,
    STATE,
    Login,
    parse,
)
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.wanted import Wanted

LIMIT = 1.5
KEPT_DAYS = 400
"""After so many days the agent may remove what it has recorded."""

READERS = frozenset({"caddy"})
"""Who may be in the agent's group, besides itself."""


@pytest.fixture
def login(answers: dict[str, Section], wanted: Wanted) -> Login:
    """The agent; there is nothing to see of one without guarded sites."""
    if not wanted.is_guarded:
        not_observed("no site is behind login")
    return parse(answers)


def _modes(login: Login, *paths: str) -> dict[str, str]:
    """Return mode and owner of those of *paths* that are there."""
    found = {path: login.files[path] for path in paths if path in login.files}
    return {path: f"{one.mode & 0o777:o} {one.user}" for path, one in found.items()}


@pytest.mark.control(
    id="AGT-01",
    title="The agent runs, is well, and starts at boot",
    severity="high",
    refs=("ASVS 16.5.3",),
)
def test_it_runs(login: Login, seen: Seen) -> None:
    """Without it every guarded site is shut."""
    assert seen("runs", login.active), "it does not run"
    assert seen("is well", login.healthy), "it can make no change"
    assert seen("starts at boot", login.enabled), "it does not start at boot"


@pytest.mark.control(
    id="AGT-02",
    title="Only the web server reaches the gate, only root the agent's commands",
    severity="high",
    refs=("ASVS 13.2.2",),
)
def test_sockets_are_closed(login: Login, wanted: Wanted, seen: Seen) -> None:
    """Who reaches the gate can ask in anybody's name from where requests came."""
    expected = {
        "/run/auth-agent": "750 auth-agent",
        "/run/auth-agent/gate": "750 auth-agent",
        GATE: "660 auth-agent",
        CONTROL: "600 auth-agent",
    }
    if wanted.get("agent.mail"):
        # Who reaches this one speaks to the mail server from the host.
        expected[MAIL] = "600 auth-agent"

    assert expected == seen("sockets", _modes(login, *expected))
    assert seen("group", login.members) <= READERS


@pytest.mark.control(
    id="AGT-03",
    title="The agent is confined, and nobody logs in as it",
    severity="medium",
    refs=("systemd-analyze security",),
)
def test_it_is_confined(login: Login, seen: Seen) -> None:
    """Its exposure, as systemd counts it, is 1.5 or less of 10."""
    assert seen("exposure", login.score) <= LIMIT
    assert "/usr/sbin/nologin" == seen("shell", login.shell)


@pytest.mark.control(
    id="AGT-04",
    title="Secrets, accounts and log of the agent are closed to others",
    severity="high",
    refs=("ASVS 13.3.2",),
)
def test_files_are_closed(login: Login, wanted: Wanted, seen: Seen) -> None:
    """Secrets are for root alone, the state for the agent, settings for no other."""
    expected = {
        SECRET: "600 root",
        CONFIG: "640 root",
        STATE: "700 auth-agent",
        f"{STATE}/audit": "700 auth-agent",
        f"{STATE}/agent.db": "600 auth-agent",
    }
    if wanted.get("agent.mail.user"):
        expected[PASSWORD] = "600 root"

    assert expected == seen("files", _modes(login, *expected))


@pytest.mark.control(
    id="AGT-05",
    title="The agent that runs is the installed one, and root's alone",
    severity="high",
    refs=("CIS Controls 2.5",),
)
def test_the_program_is_roots(login: Login, seen: Seen) -> None:
    """Neither it nor anybody else can change its code."""
    assert {login.current} == seen("runs from", set(login.loaded))
    assert () == seen("not root's alone", login.foreign)


@pytest.mark.control(
    id="AGT-06",
    title="The agent's audit log is whole",
    severity="high",
    refs=("ASVS 16.4.2",),
)
def test_the_log_is_whole(login: Login, seen: Seen) -> None:
    """Each record vouches for the one before it."""
    assert login.faults is not None, "the agent does not tell"
    assert () == seen("faults", login.faults)


@pytest.mark.control(
    id="AGT-07",
    title="The agent's audit log can only grow",
    severity="medium",
    refs=("ASVS 16.4.2",),
)
def test_the_log_only_grows(login: Login, seen: Seen) -> None:
    """The kernel refuses the agent, too, to change or remove what it has recorded."""
    flags = {one.name: one.flag for one in login.segments if one.days < KEPT_DAYS}
    if "unknown" in flags.values():
        not_observed("the file system knows no append-only files")
    assert flags, "there is no log"
    assert {"append-only"} == set(seen("segments", flags).values())
