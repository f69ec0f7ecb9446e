"""`keepgate apply`: makes the hosts as their settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from keepgate.cli import exits, hosts
from keepgate.cli.display import Display
from keepgate.engine.pool import Pool

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

DESCRIPTION = """\
The first host is the canary; the others follow in batches. Nothing more is
begun after the first host that fails or rolls back. Risky changes (accounts,
ssh, firewall) are armed on the host itself: unless a fresh login proves that
you still get in, it restores what was there. Ctrl-C takes an unfinished change
back.

  keepgate apply inventories/production.yml
  keepgate apply inventories/production.yml --limit web1 --only firewall
"""
BATCH: Final = 10
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    hosts.add_inventory(parser)
    hosts.add_only(parser)
    hosts.add_batch(parser, BATCH)
    hosts.add_timings(parser)


def run(args: argparse.Namespace) -> int:
    """Apply to the canary, then in batches; stop at the first that goes wrong."""
    chosen = hosts.targets(args)
    with Pool() as pool:
        display = Display([target.name for target in chosen], as_json=args.json)
        with display:
            for batch in batches(chosen, args.batch):
                jobs = hosts.jobs("apply", batch, args.only)
                display.follow(pool.run(jobs, args.batch))
                if hosts.status_of(display, pool) != exits.FINE:
                    break
        status = hosts.status_of(display, pool)
        hosts.finish(args, display, status)
    return status


def batches(chosen: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the canary alone, then the others, *size* at a time."""
    yield chosen[:1]
    for start in range(1, len(chosen), size):
        yield chosen[start : start + size]
