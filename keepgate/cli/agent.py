"""`keepgate agent`: asks the agent on the hosts, and watches its audit log."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from keepgate.cli import agentask, exits, hosts, output, words
from keepgate.cli.agentask import Asked
from keepgate.inventory.problems import relative
from keepgate.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from deploys.edge import Target

DESCRIPTION = """\
Asks the agent that guards the hosts' sites, over SSH. No answer holds a
secret; `first-admin` shows its link on a terminal only, and keeps it nowhere.

  keepgate agent first-admin inventories/my.yml
  keepgate agent status inventories/my.yml
  keepgate agent users list inventories/my.yml
  keepgate agent users role inventories/my.yml carol editor --limit web
  keepgate agent unlock inventories/my.yml carol
  keepgate agent audit tail inventories/my.yml --count 50
  keepgate agent audit verify inventories/my.yml

Where a host's audit log ends is remembered here every time. A log that later
ends before that, or goes on differently, has been cut or forged: exit status
5, every time, until `audit verify --accept`.
"""

AT_ONCE: Final = 8
"""Hosts that are asked at the same time."""


@dataclass(frozen=True)
class Verb:
    """`keepgate agent WORDS…`; *build* makes the agent's own words of the arguments.

    *many* says whether several hosts may be meant: where something is changed, only
    one. *once* is for what a terminal alone may see.
    """

    words: tuple[str, ...]
    help: str
    build: Callable[[argparse.Namespace], list[str]]
    arguments: tuple[tuple[str, dict[str, Any]], ...] = ()
    many: bool = False
    once: bool = False

    @property
    def name(self) -> str:
        """What is typed."""
        return " ".join(self.words)


_USER: Final = ("user", {"metavar": "USER", "help": "account name or address"})
_ROLE: Final = ("role", {"metavar": "ROLE", "help": "new role"})


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= agentask.MOST:
        message = f"{text!r} is no number from 1 to {agentask.MOST}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _counted(default: int) -> tuple[str, dict[str, Any]]:
    told = f"how many (default {default})"
    return "--count", {"type": _count, "default": default, "metavar": "N", "help": told}


def _fixed(*given: str) -> Callable[[argparse.Namespace], list[str]]:
    return lambda _: list(given)


def _of_user(*given: str) -> Callable[[argparse.Namespace], list[str]]:
    # What is behind `--` is no option, whatever it begins with.
    return lambda args: [*given, "--", args.user]


VERBS: Final = (
    Verb(
        ("first-admin",),
        "show the link that makes the first administrator (15 minutes)",
        _fixed("first-admin"),
        once=True,
    ),
    Verb(("status",), "how the agent is", _fixed("status"), many=True),
    Verb(
        ("users", "list"),
        "list accounts",
        lambda args: [
            *("users", "list", f"--search={args.search}", f"--limit={args.count}")
        ],
        (
            ("--search", {"default": "", "metavar": "TEXT", "help": "part of a name"}),
            _counted(100),
        ),
        many=True,
    ),
    *(
        Verb(("users", word), text, _of_user("users", word), (_USER,))
        for word, text in (
            ("disable", "let an account in no more"),
            ("enable", "let it in again"),
            ("delete", "remove the account"),
        )
    ),
    Verb(
        ("users", "role"),
        "change the role of an account",
        lambda args: ["users", "role", "--", args.user, args.role],
        (_USER, _ROLE),
    ),
    Verb(
        ("unlock",),
        "end the locks and limits of an account",
        _of_user("unlock"),
        (_USER,),
    ),
    Verb(
        ("audit", "tail"),
        "the newest records",
        lambda args: ["audit", "tail", f"--limit={args.count}"],
        (_counted(20),),
        many=True,
    ),
    Verb(
        ("audit", "verify"),
        "check the whole log, and against what was seen of it here",
        _fixed("audit", "verify"),
        (
            (
                "--accept",
                {
                    "action": "store_true",
                    "help": "from now on believe the log as it is, whatever was seen",
                },
            ),
        ),
        many=True,
    ),
)
_GROUPS: Final = {
    "users": "accounts: listed, let in or not, their roles",
    "audit": "the audit log: read, checked",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their arguments."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    groups = {
        name: verbs.add_parser(name, help=text).add_subparsers(
            metavar="VERB", required=True
        )
        for name, text in _GROUPS.items()
    }
    for verb in VERBS:
        place = groups[verb.words[0]] if len(verb.words) > 1 else verbs
        one = place.add_parser(verb.words[-1], help=verb.help, description=verb.help)
        one.set_defaults(verb=verb, accept=False)
        hosts.add_inventory(one)
        for name, options in verb.arguments:
            one.add_argument(name, **options)
        one.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="one JSON document on standard output",
        )


def run(args: argparse.Namespace) -> int:
    """Ask the hosts that are meant and print what they say.

    Raises:
        UsageError: nothing was asked.
    """
    verb: Verb = args.verb
    if verb.once and (args.json or not sys.stdout.isatty()):
        message = f"`agent {verb.name}` shows a secret, once"
        raise exits.UsageError(message, "run it on a terminal, without --json")
    chosen = hosts.targets(args)
    if len(chosen) > 1 and not verb.many:
        message = f"`agent {verb.name}` is for one host, and {len(chosen)} are meant"
        raise exits.UsageError(message, f"say --limit {chosen[0].name}")
    given = verb.build(args)
    as_json = bool(args.json)

    def one(target: Target) -> Asked:
        return agentask.asked(
            target, given, as_json=as_json, once=verb.once, accept=args.accept
        )

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="agent") as pool:
        answers = list(pool.map(one, chosen))
    status = status_of(answers)
    if as_json:
        told = [each.document() for each in answers]
        document = {"command": f"agent {verb.name}", "exit": status, "hosts": told}
        output.as_json(document)
        return status
    out = output.console()
    for each in answers:
        _show(out, each, args)
    return status


def status_of(answers: Sequence[Asked]) -> int:
    """Return the exit status: 5 if any log regressed, then 2, 1, 4 as any host met."""
    if any(each.regress for each in answers):
        return exits.REGRESSED
    if any(each.misused for each in answers):
        return exits.USAGE
    return exits.of_all(each.status for each in answers)


def _show(out: Console, each: Asked, args: argparse.Namespace) -> None:
    style = "bold red" if each.regress else words.STYLES[each.status]
    said = "AUDIT LOG REGRESSED" if each.regress else each.told
    head = Text.assemble(("● ", style), (f"{each.target.name}  ", "bold"))
    out.print(head.append(said, style if each.regress else ""), soft_wrap=True)
    if each.regress:
        words.say(out, each.regress, indent="  ", style="bold red")
        again = f"keepgate agent audit verify {relative(args.inventory)}"
        fix = (
            "believe nothing this agent says until you know why; once you do, "
            f"`{again} --limit {each.target.name} --accept`"
        )
        words.say(out, fix, indent="  ", lead="→ ")
    if each.message:
        words.say(out, each.message, indent="  ")
        if each.fix:
            words.say(out, each.fix, indent="  ", lead="→ ")
    for line in plain(each.text).splitlines():
        out.print(Text(f"  {line}"), soft_wrap=True)
    for note in each.notes:
        words.say(out, note, indent="  ", lead="note: ", style="yellow")
