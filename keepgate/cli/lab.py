"""`keepgate lab`: throwaway hosts that look like a stock cloud server."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from keepgate import lab
from keepgate.cli import exits, output
from keepgate.lab.ssh import ssh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keepgate.lab import LabHost

_SSH_FAILED = 255

DESCRIPTION = """\
Boots hosts to try things on, in seconds, and leaves nothing behind.
Needs root.

  keepgate lab up web                      a Debian 13 host (systemd-nspawn)
  keepgate lab up old --release bookworm   Debian 12
  keepgate lab up real --backend qemu      with a kernel of its own
  keepgate lab up web --count 20           web-1 to web-20
  keepgate lab up twin --source web        begins as `web` (stopped) is now
  keepgate lab list
  keepgate lab ssh web -- uname -a
  keepgate lab stop web                    and `lab start web`
  keepgate lab down --all

`lab up` prints the inventory that the other commands take.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    add = verbs.add_parser
    up = _verb(add, "up", "boot hosts and wait until SSH answers", _up)
    up.add_argument("names", nargs="*", metavar="NAME")
    up.add_argument("--count", type=int, metavar="N", help="this many, numbered")
    up.add_argument("--backend", default="", help="nspawn (the default) or qemu")
    up.add_argument("--release", default="", help="trixie (the default) or bookworm")
    up.add_argument(
        "--variant", default="", help="cloud (the default) or root-only, without sudo"
    )
    up.add_argument(
        "--source", default="", metavar="HOST", help="begin as this stopped host"
    )
    up.add_argument(
        "--disk", default="", metavar="SIZE", help="limit what it can write (64M)"
    )
    _verb(add, "list", "show the hosts", _list)
    for word, text, what in (
        ("stop", "power hosts off, keeping their disks", _stop),
        ("start", "boot stopped hosts again", _start),
    ):
        one = _verb(add, word, text, what)
        one.add_argument("names", nargs="+", metavar="NAME")
    log_in = _verb(add, "ssh", "log in, or run a command", _ssh)
    log_in.add_argument("name", metavar="NAME")
    log_in.add_argument("--login", default="", help="as this account")
    log_in.add_argument("words", nargs="*", default=[], metavar="-- COMMAND")
    down = _verb(add, "down", "take hosts away, with all they wrote", _down)
    down.add_argument("names", nargs="*", metavar="NAME")
    down.add_argument("--all", action="store_true", help="everything of the lab")


def run(args: argparse.Namespace) -> int:
    """Do what the verb says.

    Raises:
        UsageError: it makes no sense here; nothing was done.
    """
    try:
        result: dict[str, Any] = args.verb_run(args)
    except lab.LabUsageError as error:
        raise exits.UsageError(error.message, error.fix) from error
    status = int(result.pop("exit", exits.FINE))
    if args.json:
        output.as_json({"command": f"lab {args.verb}", "exit": status, **result})
    return status


def numbered(names: Sequence[str], count: int | None) -> list[str]:
    """Return the hosts that *names* and `--count` mean.

    Raises:
        LabUsageError: they mean nothing together.
    """
    if count is None:
        if not names:
            message = "no host is named"
            raise lab.LabUsageError(message, "keepgate lab up NAME")
        return list(names)
    if count < 1 or len(names) > 1:
        message = "--count takes a number above zero and one NAME at most"
        raise lab.LabUsageError(message, "keepgate lab up web --count 20")
    stem = names[0] if names else "host"
    return [f"{stem}-{number}" for number in range(1, count + 1)]


def _verb(
    add: Callable[..., argparse.ArgumentParser],
    name: str,
    text: str,
    what: Callable[[argparse.Namespace], dict[str, Any]],
) -> argparse.ArgumentParser:
    parser = add(name, help=text)
    parser.set_defaults(verb_run=what)
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="one JSON document on standard output",
    )
    return parser


def _up(args: argparse.Namespace) -> dict[str, Any]:
    def told(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    hosts = lab.up(
        numbered(args.names, args.count),
        backend=args.backend,
        release=args.release,
        variant=args.variant,
        source=args.source,
        disk=args.disk,
        told=told,
    )
    return _show(args, hosts)


def _list(args: argparse.Namespace) -> dict[str, Any]:
    return _show(args, lab.listing())


def _stop(args: argparse.Namespace) -> dict[str, Any]:
    return _show(args, [lab.stop(host) for host in _named(args.names)])


def _start(args: argparse.Namespace) -> dict[str, Any]:
    hosts = [lab.start(host, wait=False) for host in _named(args.names)]
    lab.wait_for_ssh(hosts)
    return _show(args, hosts)


def _ssh(args: argparse.Namespace) -> dict[str, Any]:
    (host,) = _named([args.name])
    done = ssh(host, args.words, login=args.login, captured=args.json)
    lost = done.returncode == _SSH_FAILED
    result: dict[str, Any] = {"exit": exits.UNREACHABLE if lost else done.returncode}
    if args.json:
        result |= {"stdout": done.stdout, "stderr": done.stderr}
    return result


def _down(args: argparse.Namespace) -> dict[str, Any]:
    if args.all == bool(args.names):
        fix = "keepgate lab down NAME, or keepgate lab down --all"
        message = "name hosts, or say --all"
        raise lab.LabUsageError(message, fix)
    gone = lab.down(args.names, everything=args.all)
    if not args.json:
        sys.stdout.write(f"gone: {', '.join(gone) or 'no host'}\n")
    return {"gone": gone}


def _named(names: Sequence[str]) -> list[LabHost]:
    known = {host.name: host for host in lab.listing()}
    missing = [name for name in names if name not in known]
    if missing:
        fix = "see `keepgate lab list`"
        message = f"there is no host {missing[0]}"
        raise lab.LabUsageError(message, fix)
    return [known[name] for name in names]


def _show(args: argparse.Namespace, hosts: Sequence[LabHost]) -> dict[str, Any]:
    inventory = lab.inventory()
    if not args.json:
        rows = [_row(host) for host in hosts]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(wide) for cell, wide in zip(row, widths, strict=True))
            sys.stdout.write("  ".join(cells).rstrip() + "\n")
        last = f"inventory: {inventory}" if hosts else "no hosts; see `keepgate lab up`"
        sys.stdout.write(f"{last}\n")
    return {"inventory": inventory, "hosts": [_told(host) for host in hosts]}


def _row(host: LabHost) -> tuple[str, ...]:
    state = "running" if host.running else "stopped"
    kind = f"{host.release} {host.backend} {host.variant}"
    return host.name, host.address4, host.address6, host.login, kind, state


def _told(host: LabHost) -> dict[str, Any]:
    return {
        "name": host.name,
        "address4": host.address4,
        "address6": host.address6,
        "port": host.port,
        "login": host.login,
        "key": str(host.key),
        "release": host.release,
        "backend": host.backend,
        "variant": host.variant,
        "running": host.running,
    }
