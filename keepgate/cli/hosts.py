"""What the commands on an inventory share: its arguments, its hosts, running jobs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deploys.topics import NAMES
from keepgate.cli import exits, output
from keepgate.cli.runs import document
from keepgate.engine import logs
from keepgate.engine.job import Job
from keepgate.engine.pool import AT_ONCE, Pool
from keepgate.inventory.loader import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploys.edge import Target
    from keepgate.cli.display import Display
    from keepgate.engine.job import Mode


def add_inventory(parser: argparse.ArgumentParser) -> None:
    """Declare the inventory and `--limit`."""
    parser.add_argument("inventory", type=Path, help="an inventory (.yml)")
    parser.add_argument(
        "--limit",
        nargs="+",
        action="extend",
        metavar="HOST",
        default=[],
        help="only these hosts, or hosts of these groups",
    )


def add_only(parser: argparse.ArgumentParser) -> None:
    """Declare `--only`."""
    parser.add_argument(
        "--only",
        nargs="+",
        action="extend",
        metavar="TOPIC",
        choices=NAMES,
        default=[],
        help=f"only these topics ({', '.join(NAMES)})",
    )


def add_batch(parser: argparse.ArgumentParser, default: int = AT_ONCE) -> None:
    """Declare `--batch`."""
    parser.add_argument(
        "--batch",
        type=_positive,
        default=default,
        metavar="N",
        help=f"how many hosts at the same time (default {default})",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is no number of hosts; write 1 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def add_timings(parser: argparse.ArgumentParser) -> None:
    """Declare `--timings`."""
    parser.add_argument(
        "--timings", action="store_true", help="show what each part of the run took"
    )


def targets(args: argparse.Namespace) -> tuple[Target, ...]:
    """Return the hosts that the command line means, in the inventory's order.

    Raises:
        InventoryError: the inventory is not usable, or has no such host.
    """
    return selected(args, args.limit)


def selected(args: argparse.Namespace, names: Sequence[str]) -> tuple[Target, ...]:
    """Return the named hosts; all if there are no names.

    Raises:
        InventoryError: the inventory is not usable, or has no such host.
    """
    return load(args.inventory).select(names)


def jobs(
    mode: Mode, chosen: Sequence[Target], only: Sequence[str] = ()
) -> dict[str, Job]:
    """Return what is to be done, by host."""
    return {
        target.name: Job(
            mode,
            target.model_dump_json(),
            tuple(only),
            str(logs.of_host(target.name)),
        )
        for target in chosen
    }


def status_of(display: Display, pool: Pool) -> int:
    """Return the exit status for what was seen."""
    if pool.interrupts.count:
        return exits.INTERRUPTED
    return exits.of_all(run.status for run in display.runs.values())


def finish(args: argparse.Namespace, display: Display, status: int) -> None:
    """Print the JSON document, or for people the summary and what they asked for."""
    runs = display.runs.values()
    if args.json:
        output.as_json(document(args.command, status, runs))
        return
    out = output.console()
    output.summary(out, runs)
    if args.timings:
        output.timings(out, runs)
