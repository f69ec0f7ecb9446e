"""`keepgate verify`: checks every control, from inside and outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from deploys.common.errors import KeepgateError
from keepgate.cli import exits, hosts, output, words
from keepgate.report import TOPICS, Report, terminal, write
from keepgate.verify import Scope, baseline, verify

if TYPE_CHECKING:
    import argparse

    from keepgate.report import HostReport

DESCRIPTION = """\
Reads the hosts with other tools than those that changed them, tries the locks
from outside, and says what holds. Changes nothing. What it finds on an
untouched host for the first time is remembered: later reports show it as
"before".

  keepgate verify inventories/production.yml
  keepgate verify inventories/production.yml --report reports/today
  keepgate verify inventories/production.yml --only ssh outside --all
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    hosts.add_inventory(parser)
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write report.html, report.json and junit.xml into DIR",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="compare with this report.json instead of the first look at each host",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        action="extend",
        metavar="TOPIC",
        choices=tuple(TOPICS),
        default=[],
        help=f"only these topics ({', '.join(TOPICS)})",
    )
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="take the time for testssl.sh, too: half a minute for a site",
    )
    parser.add_argument(
        "--all", action="store_true", help="list the controls that hold, too"
    )
    hosts.add_timings(parser)


def run(args: argparse.Namespace) -> int:
    """Check all hosts and print, or write, what was found."""
    chosen = hosts.targets(args)
    before = baseline.given(args.baseline) if args.baseline else None
    progress = Console(stderr=True, highlight=False)

    def told(name: str, text: str) -> None:
        words.say(progress, text, lead=f"{name}  ", style="dim")

    report = verify(
        chosen,
        inventory=args.inventory.name,
        before=before,
        scope=Scope(tuple(args.only), slow=args.thorough),
        told=told,
    )
    status = exits.of_all(_status(host) for host in report.hosts)
    files = _write(report, args.report) if args.report else ()
    if args.json:
        output.as_json(document(report, status))
        return status
    out = output.console()
    for host in report.hosts:
        out.print(terminal.host(host, every=args.all), soft_wrap=True)
    if args.timings:
        out.print(terminal.timings(report), soft_wrap=True)
    for path in files:
        out.print(Text.assemble(("→ ", "cyan"), str(path)), soft_wrap=True)
    return status


def document(report: Report, status: int) -> dict[str, Any]:
    """Return the JSON document: the report, with the command and its exit status."""
    found: dict[str, Any] = report.model_dump(mode="json")
    return {"command": "verify", "exit": status, **found}


def _write(report: Report, folder: Path) -> tuple[Path, ...]:
    try:
        return write(report, folder)
    except OSError as error:
        message = f"the report cannot be written: {error}"
        raise KeepgateError(message, "name another folder with --report") from error


def _status(host: HostReport) -> str:
    if host.ok:
        return "ok"
    return "failed" if host.reachable else "unreachable"
