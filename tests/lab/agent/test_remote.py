"""`keepgate agent` on hosts as the topic leaves them, of both releases."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.web.browser import SITE
from tests.lab.agent_remote.conftest import on_terminal
from tests.lab.commands.conftest import keepgate

if TYPE_CHECKING:
    from tests.lab.agent.conftest import Guarded

pytestmark = pytest.mark.lab


def _asked(on: Guarded, verb: str, *words: str) -> dict[str, Any]:
    """Return what the host's agent answers to *verb*, which it must do well."""
    inventory = on.folder / "inventory.yml"
    done = keepgate("agent", *verb.split(), inventory, *words, "--json")
    assert done.code == 0, f"{done.out}\n{done.err}"
    return done.only


def test_it_tells_how_the_agent_is(either: Guarded) -> None:
    """Healthy, guarding its site, with a log that holds and is pinned."""
    told = _asked(either, "status")

    assert [SITE] == told["result"]["sites"]
    assert told["audit"]["holds"] is True
    assert told["audit"]["pinned"]["seq"] > 0


def test_accounts_are_listed_and_unlocked(either: Guarded) -> None:
    """What was done stands in the log, with who came for it."""
    (ada,) = _asked(either, "users list", "--search", "ada")["result"]["users"]
    _asked(either, "unlock", "ada")
    last = _asked(either, "audit tail", "--count", "20")["result"]["entries"]

    assert ("ada", "admin") == (ada["name"], ada["role"])
    assert "login.unlock" in {one["event"] for one in last}


def test_the_log_is_verified(either: Guarded) -> None:
    """All of it, against what was seen before."""
    before = _asked(either, "audit tail")["audit"]["pinned"]["seq"]
    told = _asked(either, "audit verify")

    assert [] == told["result"]["faults"]
    assert told["audit"]["pinned"]["seq"] > before


def test_there_is_no_second_first_link(either: Guarded) -> None:
    """An administrator exists: neither on a terminal nor in a pipe is one shown."""
    inventory = str(either.folder / "inventory.yml")
    command = (sys.executable, "-P", "-m", "keepgate", "agent", "first-admin")
    shown = on_terminal([*command, inventory])

    assert shown.code == 1, shown.screen
    assert "/link/" not in shown.screen
