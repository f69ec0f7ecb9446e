"""`keepgate status`: how the hosts stand beside their settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from keepgate.cli import exits, hosts, output, words
from keepgate.cli.display import Display
from keepgate.cli.runs import document
from keepgate.engine.pool import Pool

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.console import Console

    from keepgate.cli.runs import HostRun

DESCRIPTION = """\
Says for each host whether it is as its settings say, whether a change waits to
be confirmed or undone, and what waits for a reboot or an update. Changes
nothing. Exit status 1: a host is not as its settings say, or a change is
undecided there.

  keepgate status inventories/production.yml
  keepgate status inventories/production.yml --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    hosts.add_inventory(parser)
    hosts.add_batch(parser)
    hosts.add_timings(parser)


def run(args: argparse.Namespace) -> int:
    """Ask all hosts and print how each stands."""
    chosen = hosts.targets(args)
    with Pool() as pool:
        names = [target.name for target in chosen]
        display = Display(names, as_json=args.json, fine="observed")
        with display:
            display.follow(pool.run(hosts.jobs("status", chosen), args.batch))
        status = hosts.status_of(display, pool)
        runs = display.runs.values()
        if status == exits.FINE and not all(map(_settled, runs)):
            status = exits.FAILED
        if args.json:
            output.as_json(document(args.command, status, runs))
            return status
        out = output.console()
        for each in runs:
            if each.end is not None and each.end.facts.get("commits"):
                _show(out, each, each.end.facts)
            else:
                output.summary(out, [each])
        if args.timings:
            output.timings(out, runs)
    return status


def _settled(run: HostRun) -> bool:
    facts = run.end.facts if run.end is not None else {}
    commits = facts.get("commits") or {}
    return not (facts.get("drift") or facts.get("refusals") or commits.get("armed"))


def _show(out: Console, run: HostRun, facts: dict[str, Any]) -> None:
    fine = _settled(run)
    line = Text.assemble(
        ("● ", "green" if fine else "bold yellow"),
        (run.name, "bold"),
        "  as its settings say" if fine else "  needs a look",
        (f"  {output.figures(run)}", "dim"),
    )
    out.print(line, soft_wrap=True)
    for label, text in _lines(run, facts):
        words.say(out, text, indent="  ", lead=f"{label:<13}")


def _lines(run: HostRun, facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "last apply", _last_apply(facts.get("last_apply"))
    yield from _commits(facts["commits"])
    label = "drift"
    for plan in run.plans:
        for summary in plan.summaries:
            yield label, f"{plan.topic}: {summary}"
            label = ""
    label = "in the way"
    for refusal in facts.get("refusals", []):
        yield label, f"{refusal['message']} ({refusal['fix']})"
        label = ""
    waiting = facts["waiting"]
    if waiting["reboot"]:
        packages = ", ".join(waiting["reboot_packages"])
        yield "reboot", f"wanted by {packages}" if packages else "wanted"
    if waiting["upgrades"]:
        count = words.counted(waiting["upgrades"], "package")
        yield "updates", f"{count} can be upgraded"
    if waiting["failed_units"]:
        yield "failed units", ", ".join(waiting["failed_units"])


def _last_apply(last: dict[str, Any] | None) -> str:
    if last is None:
        return "never, from this machine"
    when = datetime.fromisoformat(last["time"]).astimezone(UTC)
    by = f"as {last['login']}, by Keepgate {last['keepgate']}"
    text = f"{when:%-d %B %Y, %H:%M} UTC {by}"
    return f"{text}; settings changed since" if last["settings_changed"] else text


def _commits(commits: dict[str, Any]) -> Iterator[tuple[str, str]]:
    armed = commits["armed"]
    if armed is not None:
        what = f"{armed['topic']} by {armed['owner']}, {armed['since']}"
        end = f"undone in {armed['left']} s unless it is confirmed"
        if not armed["watched"]:
            end = "an interrupted run left it behind; `keepgate apply` undoes it"
        yield "armed", f"{what}; {end}"
    last = commits["last"]
    if last is not None and not last["confirmed"]:
        yield "rolled back", f"{last['topic']} by {last['owner']}, {last['ended']}"
        for line in last["report"]:
            yield "", line
    if commits["conflicts"]:
        kept = ", ".join(commits["conflicts"])
        yield "conflicts", f"/var/lib/keepgate/conflicts keeps {kept}"
