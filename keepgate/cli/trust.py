"""`keepgate trust`: shows the hosts' keys and pins them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.text import Text

from keepgate.cli import exits, hosts, output, words
from keepgate.cli.display import Display
from keepgate.cli.fingerprints import by_host, fingerprint
from keepgate.cli.pinning import Offer, Standing, offer
from keepgate.cli.runs import document
from keepgate.engine.pool import Pool
from keepgate.inventory import known_hosts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from deploys.edge import Target

DESCRIPTION = """\
A host's key is how you know that it is your host. Compare what is shown with
what the host says on its console, or its provider in its panel:

  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub

Known keys are kept; a key that has changed is refused unless the host is
named with --replace. Without a terminal nothing is pinned on mere sight: name
the fingerprints (then exactly those keys are pinned), or say --yes where the
network between is your own.

  keepgate trust inventories/production.yml
  keepgate trust inventories/production.yml --fingerprint web1=SHA256:...
  keepgate trust inventories/production.yml --replace web1
"""
_ANSWERS: Final = {"y": True, "yes": True, "n": False, "no": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    hosts.add_inventory(parser)
    parser.add_argument(
        "--replace",
        nargs="+",
        action="extend",
        metavar="HOST",
        default=[],
        help="hosts whose pinned keys shall be replaced by those they show now",
    )
    parser.add_argument(
        "--fingerprint",
        nargs="+",
        action="extend",
        type=fingerprint,
        metavar="[HOST=]SHA256:...",
        default=[],
        help="pin only keys with these fingerprints, and do not ask",
    )
    parser.add_argument(
        "--yes", action="store_true", help="pin what is shown, and do not ask"
    )


def run(args: argparse.Namespace) -> int:
    """Show every host's keys, pin those that may be, and say what was not."""
    chosen = hosts.targets(args)
    replaced = {
        target.name
        for target in (hosts.selected(args, args.replace) if args.replace else ())
    }
    expected = by_host(args.fingerprint, [target.name for target in chosen])
    names = [target.name for target in chosen]
    display = Display(names, as_json=args.json, fine="keys read")
    with Pool() as pool:
        with display:
            display.follow(pool.run(hosts.jobs("keys", chosen)))
        status = hosts.status_of(display, pool)
    if status == exits.INTERRUPTED:
        hosts.finish(args, display, status)
        return status
    offers = [
        offer(
            target,
            display.runs[target.name],
            replace=target.name in replaced,
            expected=expected.get(target.name),
        )
        for target in chosen
    ]
    out = output.console()
    if not args.json:
        _show(out, offers)
    fresh = [each for each in offers if each.standing is Standing.FRESH]
    if fresh and _agreed(args, fresh):
        for each in fresh:
            _pin(each)
    status = exits.of_all("ok" if each.trusted else "unreachable" for each in offers)
    if args.json:
        told = document(args.command, status, display.runs.values())
        for entry, each in zip(told["hosts"], offers, strict=True):
            entry.update(each.document())
        output.as_json(told)
    else:
        _conclude(out, offers)
    return status


def _agreed(args: argparse.Namespace, fresh: Sequence[Offer]) -> bool:
    """Whether the operator wants *fresh* pinned."""
    if args.yes or all(each.proved for each in fresh):
        return True
    if args.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        for each in fresh:
            each.doubt(
                "its key is not known, and nobody was there to compare it",
                "compare it, then name it with --fingerprint; or say --yes where the "
                "network between is your own",
            )
        return False
    while True:
        sys.stdout.write("Are these your hosts' keys, and shall they be pinned? [y/n] ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        answer = _ANSWERS.get(line.strip().lower(), None if line else False)
        if answer is not None:
            break
    if not answer:
        for each in fresh:
            each.doubt("its key was not confirmed", "compare it on the host's console")
    return answer


def _pin(each: Offer) -> None:
    target: Target = each.target
    name = known_hosts.name_of(target.address, target.port)
    known_hosts.pin(target.known_hosts, name, each.keys)
    each.standing = Standing.PINNED


def _show(out: Console, offers: Sequence[Offer]) -> None:
    for each in offers:
        target = each.target
        where = f"{target.address} port {target.port}"
        out.print(Text.assemble((target.name, "bold"), f"  {where}"), soft_wrap=True)
        for key in each.shown:
            mark = " pinned" if each.was.get(key["type"]) == key["key"] else ""
            shown = f"  {key['fingerprint']}  {key['type']}"
            out.print(Text.assemble(shown, (mark, "green")), soft_wrap=True)


def _conclude(out: Console, offers: Sequence[Offer]) -> None:
    wide = max(len(each.target.name) for each in offers)
    for each in offers:
        style = "green" if each.trusted else "bold red"
        name = f"{each.target.name:<{wide}}  "
        said = each.standing.value
        out.print(Text.assemble(("● ", style), (name, "bold"), said), soft_wrap=True)
        if each.message:
            words.say(out, each.message, indent="  ")
            words.say(out, each.fix, indent="  ", lead="→ ")
