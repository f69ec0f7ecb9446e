"""`keepgate`: parses the command line and turns every outcome into an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from typing_extensions import override

from deploys.common.errors import KeepgateError, Refused
from keepgate.cli import exits, output
from keepgate.engine import logs
from keepgate.inventory.problems import InventoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "lab": "throwaway hosts that look like a stock cloud server",
    "demo": "boot a throwaway host, harden it, prove it, show before and after",
    "trust": "show the hosts' keys and pin them",
    "plan": "what would change on the hosts, with diffs; changes nothing",
    "apply": "make the hosts as their settings say, confirmed by fresh logins",
    "verify": "check every control on the hosts, from inside and outside",
    "status": "armed rollbacks, drift, pending reboots and updates",
    "agent": "ask the agents that guard the sites, watch their audit logs",
}
"""What each command does; each is a module of this package with that name."""

_DESCRIPTION = """\
Makes a fresh cloud host safe, never locks you out, and proves what it says.

  keepgate demo                       see it all on a throwaway host
  keepgate trust inventories/my.yml   pin the hosts' keys
  keepgate plan inventories/my.yml    what would change; changes nothing
  keepgate apply inventories/my.yml   make it so, confirmed by fresh logins
  keepgate verify inventories/my.yml  prove it, from inside and outside
"""
_EXITS = """\
exit status: 0 fine; 1 a host failed or a check did not hold; 2 wrong usage or
configuration; 3 rolled back; 4 host not reachable or its key not trusted; 5 an
agent's audit log was cut or forged; 130 interrupted

With --json, exactly one JSON document is on standard output, also when an
inventory is wrong; only a command line that cannot be read has none.
"""


_MISPLACED: Final = re.compile(r"required: inventory|invalid choice: '[^']*\.ya?ml'")
"""argparse's words when a list of hosts or topics has taken the inventory for one."""


class Command(Protocol):
    """What each command's module offers."""

    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit status."""


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        if _MISPLACED.search(message):
            message += " (it stands before --limit and --only)"
        sys.stderr.write(f"keepgate: {message}; see `{self.prog} --help`\n")
        raise SystemExit(exits.USAGE)


def build(wanted: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands, of which only *wanted* is filled in.

    Filling one in imports its module, and with it all that the command needs.
    """
    plain = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        "keepgate", description=_DESCRIPTION, epilog=_EXITS, formatter_class=plain
    )
    told = f"keepgate {version('keepgate')}"
    parser.add_argument("--version", action="version", version=told)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        one = commands.add_parser(name, help=what, epilog=_EXITS, formatter_class=plain)
        if name != wanted:
            continue
        module = cast("Command", importlib.import_module(f"keepgate.cli.{name}"))
        one.description = f"{what[0].upper()}{what[1:]}.\n\n{module.DESCRIPTION}"
        module.add_arguments(one)
        one.add_argument(
            "--json", action="store_true", help="one JSON document on standard output"
        )
        one.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status of the process."""
    words = sys.argv[1:] if arguments is None else arguments
    wanted = next((word for word in words if not word.startswith("-")), None)
    args = _parsed(words, wanted)
    try:
        status: int = args.run(args)
    except KeepgateError as error:
        return _tell(args, error, exits.of_error(error))
    except KeyboardInterrupt:
        return _tell(args, KeepgateError("interrupted"), exits.INTERRUPTED)
    except BrokenPipeError:  # `keepgate … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAILED
    except Exception as error:  # noqa: BLE001 - told, and kept in a log
        what = f"unexpected {type(error).__name__}: {error}"
        told = KeepgateError(what, f"please report it with {logs.crash(error)}")
        return _tell(args, told, exits.FAILED)
    return status


def _parsed(words: Sequence[str], wanted: str | None) -> argparse.Namespace:
    """Return what *words* mean; they may end in `-- COMMAND` for a host.

    argparse would take a command for lost behind an option (`lab ssh NAME --login
    LOGIN -- COMMAND`), and looks for help on the whole program's page.
    """
    parser = build(wanted)
    at = words.index("--") if wanted == "lab" and "--" in words else len(words)
    args, lost = parser.parse_known_args(words[:at])
    command = list(words[at + 1 :])
    if command and "words" in args:
        args.words = [*args.words, *command]
    else:
        lost += command
    if lost:
        parser.prog = f"{parser.prog} {wanted}"
        parser.error(f"unrecognized arguments: {' '.join(lost)}")
    return args


def _tell(args: argparse.Namespace, error: KeepgateError, status: int) -> int:
    """Say what ended the command, on standard error and as the JSON document."""
    head = "" if isinstance(error, InventoryError) else "keepgate: "
    sys.stderr.write(f"{head}{error}\n")
    if args.json:
        told: dict[str, Any] = {"message": error.message, "fix": error.fix}
        if isinstance(error, InventoryError):
            told |= error.as_dict()
        elif isinstance(error, Refused):
            told["problems"] = [
                {"code": each.code, "message": each.message, "fix": each.fix}
                for each in error.refusals
            ]
        document = {"command": args.command, "exit": status, "error": told, "hosts": []}
        output.as_json(document)
    return status
