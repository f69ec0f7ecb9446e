"""The command line: over the control socket, or under the lock; never in between."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from auth_agent.cli import main
from auth_agent.cli.commands import COMMANDS
from auth_agent.cli.show import safe, write
from auth_agent.web.actions.registry import ACTIONS
from typing_extensions import override

from tests.agent.web.browser import Agent


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """Return a running agent with an invited account, eve."""
    started = Agent.start()
    started.link("users", "add", "eve", "Eve", "eve@example.com")
    yield started
    started.remove()


def test_every_command_is_an_action_with_its_fields() -> None:
    """No command names an action or field that is not there."""
    for command in COMMANDS:
        fields = set(ACTIONS[command.action].given.__struct_fields__)

        assert {argument.field for argument in command.arguments} <= fields


def test_the_commands_act_on_the_running_agent(agent: Agent) -> None:
    """Add, list, change, lock out, end; with JSON for scripts."""
    link = agent.link("users", "add", "zoe", "Zoe", "zoe@example.com")
    assert link.startswith("/link/invite/")

    shown = json.loads(agent.run("users", "list", "--json").stdout)
    assert {"eve", "zoe"} == {user["name"] for user in shown["users"]}
    assert "zoe" in agent.run("users", "list").stdout
    assert agent.run("users", "role", "zoe", "editor").returncode == 0
    assert agent.run("users", "disable", "zoe").returncode == 0
    assert agent.run("unlock", "zoe@example.com").returncode == 0
    assert agent.run("audit", "verify").returncode == 0
    explained = agent.run("policy", "explain", "app.example.com", "/admin").stdout
    assert "asks for: app.admin" in explained


def test_what_was_done_on_the_host_is_recorded_as_such(agent: Agent) -> None:
    """The actor is the command line, with the user's name."""
    found = agent.run("audit", "search", "--since", "1h", "--limit", "200", "--json")

    kinds = {one["actor_kind"] for one in json.loads(found.stdout)["entries"]}
    assert "cli" in kinds


def test_the_export_is_lines_of_json(agent: Agent) -> None:
    """Nothing but the stored lines."""
    lines = agent.run("audit", "export").stdout.splitlines()

    assert lines
    assert all("seq" in json.loads(line) for line in lines)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["users", "role", "nobody", "admin"], 1, "no such"),
        (["users", "add", "x", "X", "x@example.com"], 2, "run it on a terminal"),
        (["audit", "search", "--since", "soon"], 2, "is no time"),
        (["audit", "search", "--type", "login.sucess"], 2, "no event is called"),
        (["policy", "explain", "app.example.com", "/a/../b"], 2, "dot segment"),
        (["users", "role", "eve", "root"], 2, "no such role"),
        (["bans", "lift", "nothing"], 1, "no such ban"),
        (["restore", "/nonexistent"], 2, "another process"),
        (["status", "--nonsense"], 2, "usage"),
    ],
)
def test_a_refusal_says_why(
    agent: Agent, words: list[str], status: int, said: str
) -> None:
    """On the error output, with the right exit status."""
    done = agent.run(*words)

    assert status == done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backup_is_private_and_not_written_over(agent: Agent, tmp_path: Path) -> None:
    """0600, and a second one to the same name is refused."""
    target = tmp_path / "copy.db"

    assert agent.run("backup", str(target)).returncode == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert agent.run("backup", str(target)).returncode == 1


def test_metrics_and_health_are_on_their_own_socket(agent: Agent) -> None:
    """Plain text, without a login, and nothing of them at the gate."""
    answers = {}
    for path in ("/metrics", "/health", "/else"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.settimeout(10)
            one.connect(str(agent.folder / "run/metrics.sock"))
            one.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            answers[path] = one.makefile().read()

    assert "200 OK" in answers["/health"]
    assert "auth_agent_healthy 1" in answers["/metrics"]
    assert "404" in answers["/else"]
    assert agent.browser().get("/metrics").status == 404


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b'{"action": 1}\n', b"\xff\n", b"x" * 100_000 + b"\n"]
)
def test_nonsense_at_the_control_socket_ends_the_connection(
    agent: Agent, line: bytes
) -> None:
    """And nothing else: the next question is answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.settimeout(10)
        one.connect(str(agent.folder / "run/control.sock"))
        try:
            one.sendall(line)
            assert one.recv(100) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert agent.run("status").returncode == 0


_ASK = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
    one.settimeout(30)
    one.connect(sys.argv[1])
    try:
        one.sendall(b'{"action": "system.status"}\\n')
        said = one.recv(100)
    except (BrokenPipeError, ConnectionResetError):
        said = b""
    print("answered" if said else "hung up")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_is_not_answered(agent: Agent) -> None:
    """The kernel says who it is; the folder alone is not trusted."""
    control = agent.folder / "run/control.sock"
    for path in (agent.folder, agent.folder / "run"):
        path.chmod(0o755)
    control.chmod(0o666)
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(control)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    for path in (agent.folder / "run", agent.folder):
        path.chmod(0o750)

    assert ("hung up\n", "") == (done.stdout, done.stderr)


def test_without_the_agent_the_lock_is_taken(agent: Agent) -> None:
    """The same commands work on the state itself when nobody serves it."""
    agent.stop()

    assert "eve" in agent.run("users", "list").stdout
    assert agent.run("users", "enable", "eve").returncode == 0
    agent.process = Agent.spawn(agent.folder)
    agent.wait()


def test_a_bad_configuration_stops_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, with every reason."""
    path = tmp_path / "agent.toml"
    path.write_text('[login]\nhost = "X"\nidel = 1\n')

    assert main(["check-config", str(path)]) == 2
    assert main(["serve", "--config", str(path)]) == 2
    assert "did you mean idle?" in capsys.readouterr().err


def test_the_example_passes_but_for_its_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`example-config` prints what `check-config` takes."""
    main(["example-config"])
    path = tmp_path / "agent.toml"
    secret = tmp_path / "secret"
    text = capsys.readouterr().out
    path.write_text(
        text.replace("# secret_file", "secret_file").replace(
            "/etc/auth-agent/secret", str(secret)
        )
    )

    assert main(["check-config", str(path)]) == 2
    assert main(["init", "--config", str(path)]) == 0
    assert main(["check-config", str(path)]) == 0
    assert secret.stat().st_mode & 0o777 == 0o600


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    """Names and user agents come from strangers."""
    assert "a?[31mb?" == safe("a\x1b[31mb\u202e")


class _Terminal(io.StringIO):
    """A terminal as far as programs ask."""

    @override
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_shown_lines_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records hold what strangers sent; in a file or pipe they stay as they are."""
    line = '{"user_agent":"\x9b31m"}'
    terminal, pipe = _Terminal(), io.StringIO()

    for stream in (terminal, pipe):
        monkeypatch.setattr("sys.stdout", stream)
        write(line)

    assert '{"user_agent":"?31m"}\n' == terminal.getvalue()
    assert f"{line}\n" == pipe.getvalue()
