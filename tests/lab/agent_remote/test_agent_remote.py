"""`keepgate agent` on a real host: what it asks, shows, pins and refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from deploys.agent import places
from keepgate.inventory.home import home
from tests.lab.agent_remote.conftest import BARE, NAME
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.agent_remote.conftest import Remote

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("agent-remote")]

AUDIT = f"{places.STATE}/audit"
KEPT = "/root/kept"


def place(remote: Remote) -> dict[str, int | str]:
    """Return what is pinned of the host's log."""
    found: dict[str, int | str] = json.loads(remote.pin.read_text())
    return found


@pytest.fixture
def carol(remote: Remote) -> Iterator[str]:
    """Return an account on the host."""
    add = f"{places.COMMAND} users add carol 'Carol Shaw' carol@example.com"
    remote.sh(f'script -qec "{add}" /dev/null >/dev/null')
    yield "carol"
    remote.sh(f"{places.COMMAND} users delete carol", check=False)


def test_status_is_told_in_words_and_json(remote: Remote) -> None:
    """The agent's own answer, and where its audit log ends."""
    told = remote.agent("status")
    assert (0, True) == (told.code, "healthy: yes" in told.out)

    answer = remote.agent("status", "--json")
    assert 0 == answer.code
    assert answer.only["result"]["sites"] == ["app.example.com"]
    assert answer.only["audit"]["holds"] is True
    assert answer.only["audit"]["pinned"] == place(remote)
    assert 0o600 == remote.pin.stat().st_mode & 0o777


def test_a_host_without_an_agent_is_told_apart(remote: Remote) -> None:
    """Others are asked none the less; nothing is pinned of what is not there."""
    both = ("--limit", BARE, "--json")
    answer = remote.agent("status", *both)

    assert 1 == answer.code
    assert "no agent on this host" in answer.host(BARE)["message"]
    assert "sites" in answer.host(BARE)["fix"]
    assert answer.host(BARE)["audit"]["pinned"] is None
    assert "ok" == answer.host(NAME)["status"]


def test_an_agent_that_is_down_is_not_replaced(remote: Remote) -> None:
    """Nothing opens its state behind its back; first-admin says the same."""
    remote.sh(f"systemctl stop {places.UNIT}")
    owners = f"find {places.STATE} -printf '%p %u %T@\\n' | sort"
    before = remote.sh(owners)

    for told in (remote.agent("users list", "--json"), remote.terminal("first-admin")):
        assert 1 == told.code
        text = told.screen if hasattr(told, "screen") else told.only["message"]
        assert "the agent does not run" in text
    assert before == remote.sh(owners)


def test_accounts_are_changed(remote: Remote, carol: str) -> None:
    """Each verb does what it says, as the agent itself then shows."""

    def shown() -> dict[str, object]:
        answer = remote.agent("users list", "--search", carol, "--json")
        (user,) = answer.only["result"]["users"]
        return dict(user)

    assert 0 == remote.agent("users role", carol, "editor").code
    assert "editor" == shown()["role"]
    assert 0 == remote.agent("users disable", carol).code
    disabled = shown()
    assert 0 == remote.agent("users enable", carol).code
    assert disabled != shown()
    assert 0 == remote.agent("unlock", carol).code
    assert 0 == remote.agent("users delete", carol).code

    tail = remote.agent("audit tail", "--count", "50", "--json")
    events = [one["event"] for one in tail.only["result"]["entries"]]
    assert {"user.role_change", "user.disable", "user.delete"} <= {*events}


@pytest.mark.parametrize(
    ("verb", "words", "status", "said"),
    [
        ("unlock", ["nobody"], 1, "no such"),
        ("users disable", ["$(touch /root/x); `id`"], 1, "no such"),
        ("users role", ["'\"\\ \n", "editor"], 1, "no such"),
        ("users list", ["--search=--json"], 0, ""),
    ],
)
def test_what_is_typed_is_data(
    remote: Remote, verb: str, words: list[str], status: int, said: str
) -> None:
    """The agent's own refusal in its own words; no shell sees what was typed."""
    answer = remote.agent(verb, *words, "--json")

    assert status == answer.code
    assert said in answer.only["message"]
    assert "" == remote.sh("ls /root/x", check=False)


def test_a_role_that_is_none_is_wrong_usage(remote: Remote, carol: str) -> None:
    """What the agent calls wrong usage, so do we."""
    answer = remote.agent("users role", carol, "root", "--json")

    assert 2 == answer.code
    assert "no such role" in answer.only["message"]


def test_the_first_link_is_shown_on_a_terminal_and_kept_nowhere(
    remote: Remote,
) -> None:
    """Not in a pipe, our state folder, or the host's journal and process list."""
    piped = remote.agent("first-admin")
    assert (2, "") == (piped.code, piped.out)

    shown = remote.terminal("first-admin")

    assert 0 == shown.code, shown.screen
    (token,) = re.findall(
        r"https://auth\.example\.com/link/first-admin/([\w-]{20,})", shown.screen
    )
    kept = [
        path
        for folder in ("log", "state")
        for path in (home() / folder).rglob("*")
        if path.is_file() and token.encode() in path.read_bytes()
    ]
    assert [] == kept
    remote.sh("journalctl --sync")
    journal = remote.sh(
        f"journalctl -q -o cat -n 100000 | grep -cF {token}", check=False
    )
    assert "0" == journal.strip()
    assert "" == remote.sh(f"grep -rlF {token} {AUDIT}", check=False)


def test_each_command_pins_the_end_it_saw(remote: Remote) -> None:
    """The first says so; what the agent writes behind it is no regress."""
    first = remote.agent("audit tail", "--json")
    before = place(remote)
    second = remote.agent("audit verify", "--json")

    assert "pinned from now on" in first.only["notes"][0]
    assert [] == second.only["notes"]
    assert 0 == second.code
    assert place(remote)["seq"] == int(before["seq"]) + 1


def test_a_log_that_was_cut_is_reported_until_it_is_accepted(remote: Remote) -> None:
    """Exit status 5, loudly; also when the log has grown past the pin again."""
    remote.sh(
        f"systemctl stop {places.UNIT}; rm -rf {KEPT}; cp -a {places.STATE} {KEPT}"
        f"; systemctl start {places.UNIT}"
    )
    for _ in range(3):
        assert 0 == remote.agent("audit tail").code
    pinned = place(remote)
    remote.sh(
        f"systemctl stop {places.UNIT}; rm -rf {places.STATE}; cp -a {KEPT}"
        f" {places.STATE}; systemctl start {places.UNIT}"
    )

    cut = remote.agent("status", "--json")

    assert (5, pinned) == (cut.code, place(remote))
    assert "before record" in cut.only["audit"]["wrong"]
    assert cut.only["audit"]["holds"] is False
    assert "ok" == cut.only["status"]  # who must act now still can

    for _ in range(4):
        remote.sh(f"{places.COMMAND} audit tail >/dev/null")
    loud = remote.agent("audit tail")
    assert 5 == loud.code
    assert "AUDIT LOG REGRESSED" in loud.out
    assert "is not the one that was seen" in loud.out
    assert "audit verify" in loud.out
    assert "--accept" in loud.out
    # The agent itself, asked for what was pinned, finds the same.
    both = remote.agent("audit verify", "--json")
    assert 5 == both.code
    assert "pinned" in json.dumps(both.only["result"]["faults"])

    assert 0 == remote.agent("audit verify", "--accept").code
    assert 0 == remote.agent("status").code


def test_an_agent_that_lies_is_not_believed(remote: Remote) -> None:
    """Whoever owns its account rewrites the log; what it answers does not matter."""
    assert 0 == remote.agent("audit tail").code
    tail = f"{AUDIT}/000001.jsonl"
    remote.sh(f"cp -a {tail} {KEPT}.jsonl; sed -i '$d' {tail}")
    try:
        answer = remote.agent("status", "--json")
    finally:
        remote.sh(f"cat {KEPT}.jsonl >{tail}")

    assert (5, "ok") == (answer.code, answer.only["status"])


def test_a_host_that_is_gone_is_unreachable(remote: Remote) -> None:
    """As for every other command: 4, and what to look at."""
    remote.sh("systemctl stop ssh.socket ssh.service; systemctl mask --runtime ssh")
    try:
        answer = remote.agent("status", "--json")
    finally:
        remote.sh("systemctl unmask --runtime ssh; systemctl start ssh")
        eventually(lambda: remote.agent("status").code == 0, "ssh is back")

    assert (4, "unreachable") == (answer.code, answer.only["status"])
    assert "refuses the connection" in answer.only["message"]
