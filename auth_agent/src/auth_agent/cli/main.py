"""Reads the command line, asks, prints; exits 0, 1 (refused) or 2 (wrong usage)."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import msgspec

from auth_agent import __version__
from auth_agent.cli import local
from auth_agent.cli.client import RefusedError, ask
from auth_agent.cli.commands import COMMANDS, GROUPS, Argument, Command
from auth_agent.cli.show import lines_of, safe, write
from auth_agent.clock import to_micros
from auth_agent.config.check import load
from auth_agent.config.model import Config
from auth_agent.config.places import file_problems
from auth_agent.config.problems import ConfigProblems
from auth_agent.errors import AgentError, ConfigError
from auth_agent.serving.questions import Question

DEFAULT = Path("/etc/auth-agent/auth-agent.toml")
_USAGE = frozenset({"usage", "invalid_input"})
"""Refusals of what was typed, rather than of what it asks for."""

_AGE = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen)
    except ConfigProblems as error:
        for problem in error.problems:
            _complain(problem.text)
        return 2
    except ConfigError as error:
        _complain(error.message, error.fix)
        return 2
    except RefusedError as error:
        _complain(error.message, error.fix)
        return 2 if error.code in _USAGE else 1
    except AgentError as error:
        _complain(error.message, error.fix)
        return 1
    except BrokenPipeError:
        return 1


def _run(chosen: argparse.Namespace) -> int:
    if chosen.do == "example-config":
        example = resources.files("auth_agent").joinpath("config/example.toml")
        sys.stdout.write(example.read_text())
        return 0
    if chosen.do == "serve" and chosen.local:
        chosen.config = local.prepare(chosen.local, chosen.port)
    if chosen.do == "check-config":
        return _check(chosen.file or chosen.config)
    config = load(chosen.config)
    if chosen.do == "init":
        made = local.make_secret(Path(config.server.secret_file))
        sys.stdout.write("made\n" if made else "there is one already\n")
        return 0
    if chosen.do == "serve":
        # Only this command needs the server's half.
        from auth_agent.serving.process import serve  # noqa: PLC0415 - see above

        welcome = bool(chosen.local) and sys.stdout.isatty()
        asyncio.run(serve(config, chosen.config, welcome=welcome))
        return 0
    if chosen.do == "restore":
        return _restore(config, chosen)
    return _act(config, chosen)


def _restore(config: Config, chosen: argparse.Namespace) -> int:
    # As for `serve`: few commands need the server's half.
    from auth_agent.cli.offline import restore_offline  # noqa: PLC0415 - see above

    done = restore_offline(config, chosen.file)
    _show(chosen, msgspec.json.decode(msgspec.json.encode(done)))
    if not done.known:
        _complain(
            "the audit log does not tell all that happened since this backup",
            "look through accounts and roles; all API keys have ended",
        )
    return 0


def _check(path: Path) -> int:
    config = load(path)
    problems = list(file_problems(config))
    for problem in problems:
        _complain(problem.text)
    if problems:
        return 2
    sys.stdout.write(f"{path} is fine\n")
    return 0


def _act(config: Config, chosen: argparse.Namespace) -> int:
    command: Command = chosen.command
    if command.once and not sys.stdout.isatty():
        _complain("this shows a secret once", "run it on a terminal")
        return 2
    given = {
        argument.field: value
        for argument in command.arguments
        if (value := _value(config, chosen, argument)) is not None
    }
    holds = True
    for answer in ask(config, chosen.config, Question(command.action, given)):
        if answer.line:
            write(answer.line.removesuffix("\n"))
        elif answer.done and (chosen.json or command.action != "audit.export"):
            _show(chosen, answer.ok)
        if command.action == "audit.verify" and isinstance(answer.ok, dict):
            holds = not answer.ok.get("faults")
    return 0 if holds else 1


def _show(chosen: argparse.Namespace, result: object) -> None:
    if chosen.json:
        write(msgspec.json.encode(result).decode())
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines_of(result))


def _value(config: Config, chosen: argparse.Namespace, argument: Argument) -> object:
    value = getattr(chosen, argument.name.lstrip("-").replace("-", "_"))
    if value is None:
        return None
    if argument.account:
        [answer] = ask(config, chosen.config, Question("users.find", {"name": value}))
        return answer.ok["id"] if isinstance(answer.ok, dict) else value
    if argument.file:  # the agent has another working directory
        return str(Path(value).absolute())
    return _since(value) if argument.since else value


def _since(text: str) -> int:
    if match := _AGE.fullmatch(text):
        age = timedelta(**{_UNITS[match[2]]: int(match[1])})
        return to_micros(datetime.now(UTC) - age)
    try:
        day = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text} is no time"
        raise RefusedError(
            message, code="usage", fix="write 2030-12-31, 90m, 12h or 7d"
        ) from error
    return to_micros(day if day.tzinfo else day.replace(tzinfo=UTC))


def _complain(message: str, fix: str = "") -> None:
    told = safe(f"{message}; {fix}" if fix else message)
    sys.stderr.write(f"auth-agent: {told}\n")


def _port(text: str) -> int:
    port = int(text)
    if port not in range(1, 65_536):
        message = f"{text} is no port: give 1 to 65535"
        raise argparse.ArgumentTypeError(message)
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="auth-agent", description="Login, roles and audit behind forward_auth."
    )
    parser.add_argument("--version", action="version", version=__version__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config", type=Path, default=DEFAULT, help=f"configuration ({DEFAULT})"
    )
    common.add_argument("--json", action="store_true", help="one JSON document")
    words = parser.add_subparsers(required=True, metavar="COMMAND")

    serving = words.add_parser("serve", parents=[common], help="serve until stopped")
    serving.set_defaults(do="serve")
    serving.add_argument(
        "--local", type=Path, metavar="FOLDER", help="for one's own machine"
    )
    serving.add_argument(
        "--port", type=_port, help=f"with --local ({local.PORT} if left out)"
    )
    checking = words.add_parser(
        "check-config", parents=[common], help="explain every error of a file"
    )
    checking.set_defaults(do="check-config")
    checking.add_argument("file", type=Path, nargs="?", help="instead of --config")
    restoring = words.add_parser(
        "restore",
        parents=[common],
        help="put a backup back; the agent must be stopped",
        description=(
            "Puts a backup in the place of the state, which is kept beside it. All "
            "sessions and links end, and what the audit log holds since the backup "
            "is repeated: deleted and disabled accounts, roles, ended keys, replaced "
            "passwords and second factors."
        ),
    )
    restoring.set_defaults(do="restore")
    restoring.add_argument("file", type=Path, help="what `backup` wrote")
    for name, text in (
        ("example-config", "print a commented configuration"),
        ("init", "make the secret file, if there is none"),
    ):
        words.add_parser(name, parents=[common], help=text).set_defaults(do=name)

    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for command in COMMANDS:
        place = words
        if len(command.words) > 1:
            group = command.words[0]
            if group not in groups:
                groups[group] = words.add_parser(
                    group, help=GROUPS[group], description=GROUPS[group]
                ).add_subparsers(required=True, metavar="COMMAND")
            place = groups[group]
        found = place.add_parser(
            command.words[-1],
            parents=[common],
            help=command.help,
            description=command.help,
        )
        found.set_defaults(do="act", command=command)
        for argument in command.arguments:
            _add(found, argument)
    return parser


def _add(parser: argparse.ArgumentParser, argument: Argument) -> None:
    kind = int if argument.number else str
    if argument.many:
        parser.add_argument(argument.name, help=argument.help, action="append")
    elif argument.name.startswith("--") or argument.default is None:
        parser.add_argument(
            argument.name, help=argument.help, type=kind, default=argument.default
        )
    else:
        parser.add_argument(
            argument.name, help=argument.help, nargs="?", default=argument.default
        )
