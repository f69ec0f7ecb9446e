"""Every command explains itself, takes no secret, and shows none to a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from auth_agent.authz.permissions import Permission
from auth_agent.callers import Caller, Client
from auth_agent.cli import main
from auth_agent.cli.commands import COMMANDS, GROUPS
from auth_agent.cli.local import prepare
from auth_agent.errors import DeniedError
from auth_agent.web.actions.base import ON_HOST, Principal, perform
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.asked import convert

from tests.agent.web.inside import Inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import World

OWED = """
create-admin
users add
users list
users disable
users enable
users delete
users role
users reset-password
users recover
users unlock
sessions list
sessions end
keys list
keys revoke
audit tail
audit search
audit review
audit export
audit verify
backup
restore
check-config
policy explain
serve
init
example-config
""".strip().splitlines()
"""What an operator needs when the pages are out of reach."""

EVERY = sorted({*OWED, *(" ".join(command.words) for command in COMMANDS)})


@pytest.mark.parametrize("words", EVERY)
def test_every_command_explains_itself(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` says what it does and what it takes."""
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--help"])

    shown = capsys.readouterr().out
    assert 0 == ended.value.code
    assert f"usage: auth-agent {words}" in shown
    assert "--config" in shown


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_every_group_lists_its_commands(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a group without a command is a wrong usage."""
    with pytest.raises(SystemExit) as ended:
        main([group, "--help"])
    shown = capsys.readouterr().out
    assert 0 == ended.value.code
    for command in COMMANDS:
        if command.words[0] == group:
            assert command.words[1] in shown

    with pytest.raises(SystemExit) as wrong:
        main([group])
    assert 2 == wrong.value.code


def test_the_search_takes_what_operators_ask_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Since when, of which type, how many."""
    with pytest.raises(SystemExit):
        main(["audit", "search", "--help"])

    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--since", "--type", "--limit"))


def test_no_argument_is_a_secret() -> None:
    """Arguments stand in the process list and the shell's history."""
    names = {arg.name.strip("-") for one in COMMANDS for arg in one.arguments}

    assert not names & {"password", "secret", "token", "code", "key-text", "link"}
    for command in COMMANDS:
        fields = set(ACTIONS[command.action].given.__struct_fields__)
        assert not fields & {"password", "current", "new", "code", "token"}, command


@pytest.mark.parametrize(
    "words", sorted(command.words for command in COMMANDS if command.once)
)
def test_what_is_shown_once_is_for_terminals(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not for a pipe, which may be a log; nothing is made then."""
    config = prepare(tmp_path / "agent")
    [command] = [one for one in COMMANDS if one.words == words]
    given = ["x" for one in command.arguments if not one.name.startswith("-")]

    assert 2 == main([*words, *given, "--config", str(config)])

    shown = capsys.readouterr()
    assert "" == shown.out
    assert "run it on a terminal" in shown.err
    assert not (tmp_path / "agent/state").exists()


ON_THE_HOST = sorted(
    name for name, action in ACTIONS.items() if action.access == ON_HOST
)


def test_the_most_powerful_actions_are_for_the_host_only() -> None:
    """Backup and clock, and the first administrator's link, are among them."""
    owed = {"system.backup", "system.reset-clock", "users.first-admin"}

    assert owed <= set(ON_THE_HOST)


@pytest.mark.parametrize("name", ON_THE_HOST)
def test_nobody_reaches_them_from_the_network(world: World, name: str) -> None:
    """No address leads there, and an administrator with every permission is denied."""
    boss = world.enrolled("boss")
    inside = Inside.of(world)
    browser = inside.sign_in(boss)
    action = ACTIONS[name]
    assert not action.path
    csrf = browser.get("/account").fields["csrf"]
    assert 404 == browser.post(f"/do/{name}", {"csrf": csrf}).status
    [login] = world.services.sessions.live.by_id.values()
    assert world.services.sessions.stepped_up(login)
    caller = Caller.of(login, Client(ip="192.0.2.1"))
    everything = Principal(caller, frozenset(map(str, Permission)))

    needed = {"path": "/nowhere"} if name == "system.backup" else {}
    given = convert(action.given, needed)

    with pytest.raises(DeniedError):
        world.do(perform(inside.runtime, everything, action, given))
    assert "permission" == world.last("access.denied")["reason"]
