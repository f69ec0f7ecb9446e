"""`keepgate plan`: what would change, with diffs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keepgate.cli import hosts, output
from keepgate.cli.display import Display
from keepgate.engine.pool import Pool

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Observes each host and prints the very changes that `apply` would make.

  keepgate plan inventories/production.yml
  keepgate plan inventories/production.yml --limit web1 --only ssh firewall
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    hosts.add_inventory(parser)
    hosts.add_only(parser)
    hosts.add_batch(parser)
    hosts.add_timings(parser)


def run(args: argparse.Namespace) -> int:
    """Plan all hosts and print what each would change."""
    chosen = hosts.targets(args)
    with Pool() as pool:
        display = Display([target.name for target in chosen], as_json=args.json)
        with display:
            jobs = hosts.jobs("plan", chosen, args.only)
            display.follow(pool.run(jobs, args.batch))
        status = hosts.status_of(display, pool)
        if not args.json:
            out = output.console()
            for each in display.runs.values():
                output.plans(out, each)
        hosts.finish(args, display, status)
    return status
