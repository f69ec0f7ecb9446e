"""`keepgate demo`: a throwaway host, hardened, guarded and proved, before and after."""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from keepgate import lab
from keepgate.cli import exits, hosts, output, story, words
from keepgate.cli.display import Display
from keepgate.cli.steps import Steps
from keepgate.demo import app
from keepgate.engine.pool import Pool
from keepgate.inventory.home import PROJECT, home
from keepgate.inventory.loader import load
from keepgate.report import terminal, write
from keepgate.verify import verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from deploys.edge import Target
    from keepgate.cli.runs import HostRun
    from keepgate.lab import LabHost
    from keepgate.report import Picture, Report, Snapshot, Story

NAME: Final = "demo"
INVENTORY: Final = PROJECT / "inventories" / "demo.yml"
ADDRESS: Final = re.compile(r"(?m)address: \S+$")
AUTHORITY: Final = "authority.crt"
"""Beside the report: the certificate that the host's own are signed by."""

RELEASES: Final = {"trixie": "Debian 13", "bookworm": "Debian 12"}
DESCRIPTION = """\
Boots a host that looks like a stock cloud server, checks it, hardens it with
an app behind TLS and login, and hardens it again to show that nothing is left
to change. Makes a first login with two factors, reaches the app by it, and
attacks both. Checks the host once more, and takes it down. Needs root; touches
nothing on this machine but its own lab. The report has pictures if there is a
Chromium.

  keepgate demo
  keepgate demo --keep          and log in by yourself
  keepgate demo --release bookworm --report /tmp/demo
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--keep", action="store_true", help="leave the host running afterwards"
    )
    parser.add_argument(
        "--release",
        choices=tuple(RELEASES),
        default="trixie",
        help="the host's Debian release (default trixie)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="where report.html, report.json and junit.xml go",
    )


def run(args: argparse.Namespace) -> int:
    """Show it all on one throwaway host; the host goes unless it shall stay.

    Raises:
        UsageError: we are not root; nothing was done.
    """
    try:
        lab.require_root("booting the demo's host")
    except lab.LabUsageError as error:
        raise exits.UsageError(error.message, error.fix) from error
    steps = Steps(as_json=args.json)
    kept = False
    try:
        host, inventory = _boot(steps, args.release)
        kept = args.keep
        (target,) = load(inventory).hosts
        shown = _show(steps, target, host)
        files = _write(shown, args.report)
        if kept and shown.story:
            story.clear(steps, target, shown.story)
    finally:
        if not kept:
            _take_down(steps)
    more = hints(host, target, inventory, files) if kept else []
    if args.json:
        output.as_json(_document(shown, steps, files, more))
    else:
        _tell(shown, files, more)
    return shown.status


@dataclass
class Shown:
    """What the demo has come to."""

    status: int = exits.FAILED
    before: Snapshot | None = None
    runs: dict[str, HostRun] = field(default_factory=dict)
    authority: str = ""
    story: Story | None = None
    pictures: dict[str, Picture] = field(default_factory=dict)
    report: Report | None = None

    @property
    def holds(self) -> bool:
        """Whether the second run changed nothing, and all that was shown holds."""
        end = self.runs["apply again"].end
        return bool(end and not end.changes and self.report and self.report.ok)


def _boot(steps: Steps, release: str) -> tuple[LabHost, Path]:
    """Boot a fresh host; return it, and the inventory that reaches it."""
    with steps.step(f"boot a stock {RELEASES[release]} host") as step:
        if any(host.name == NAME for host in lab.listing()):
            step.note("the host of an earlier demo is replaced")
            lab.down([NAME])
        (host,) = lab.up([NAME], release=release)
        inventory = inventory_of(host)
        (target,) = load(inventory).hosts
        # What is remembered belongs to an earlier host of that name.
        shutil.rmtree(target.state, ignore_errors=True)
        step.end(f"{host.address4}, {host.address6}")
    return host, inventory


def inventory_of(host: LabHost) -> Path:
    """Return the demo's inventory; a copy if KEEPGATE_HOME names another lab."""
    text = INVENTORY.read_text(encoding="utf-8")
    if host.address4 in text.split():
        return INVENTORY
    path = home() / INVENTORY.name
    path.write_text(ADDRESS.sub(f"address: {host.address4}", text), encoding="utf-8")
    return path


def _show(steps: Steps, target: Target, host: LabHost) -> Shown:
    shown = Shown()
    with steps.step("verify before") as step:
        report = verify([target], inventory=INVENTORY.name, told=step.told)
        shown.before = report.hosts[0].after
        step.end(_held(report))
    with steps.step("start an app") as step:
        app.start(host)
        step.end("examples/whoami, on a unix socket")
    with Pool() as pool:
        for what in ("apply", "apply again"):
            display = _apply(steps, pool, target, what)
            shown.runs[what] = display.runs[NAME]
            shown.status = hosts.status_of(display, pool)
            if shown.status != exits.FINE:
                return shown
    shown.authority = story.authority(host)
    shown.story, shown.pictures = story.tell(steps, target, host, shown.authority)
    with steps.step("verify after") as step:
        known = {NAME: shown.before} if shown.before else None
        found = verify([target], inventory=INVENTORY.name, before=known, told=step.told)
        shown.report = found.model_copy(update={"story": shown.story})
        step.end(_held(found))
    shown.status = exits.FINE if shown.holds else exits.FAILED
    return shown


def _held(report: Report) -> str:
    found = report.hosts[0].after
    if found is None:
        return f"not checked: {report.hosts[0].error}"
    return f"{found.tally.passed} of {found.tally.observed} controls hold"


def _apply(steps: Steps, pool: Pool, target: Target, what: str) -> Display:
    display = Display([NAME], as_json=steps.as_json)
    with steps.step(what, draws=True) as step:
        with display:
            display.follow(pool.run(hosts.jobs("apply", [target], ()), 1))
        run = display.runs[NAME]
        changes = run.end.changes if run.end else 0
        step.end(words.status(run.status, changes))
    return display


def _write(shown: Shown, folder: Path | None) -> tuple[Path, ...]:
    """Write the report; under sudo it belongs to whoever called sudo."""
    if shown.report is None:
        return ()
    wanted = folder or home() / "reports" / "demo"
    certificate = wanted / AUTHORITY
    files = (*write(shown.report, wanted, shown.pictures), certificate)
    certificate.write_text(shown.authority, encoding="utf-8")
    owner = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and all(text.isdecimal() for text in owner):
        for path in (wanted.parent, wanted, *files):
            if path != home() and path.stat().st_uid == 0:
                os.chown(path, int(owner[0]), int(owner[1]))
    return files


def _take_down(steps: Steps) -> None:
    with suppress(lab.LabError), steps.step("take the host down"):
        if any(host.name == NAME for host in lab.listing()):
            lab.down([NAME])


def _document(
    shown: Shown,
    steps: Steps,
    files: Sequence[Path],
    more: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    after = shown.report.hosts[0].after if shown.report else None
    return {
        "command": NAME,
        "exit": shown.status,
        "kept": bool(more),
        "before": asdict(shown.before.tally) if shown.before else None,
        "after": asdict(after.tally) if after else None,
        "runs": {what: one.document() for what, one in shown.runs.items()},
        "story": shown.story.model_dump(mode="json") if shown.story else None,
        "steps": steps.document(),
        "report": [str(path) for path in files],
        "next": [{"what": what, "how": how} for what, how in more],
    }


def _tell(shown: Shown, files: Sequence[Path], more: Sequence[tuple[str, str]]) -> None:
    out = output.console()
    if shown.report:
        out.print(terminal.host(shown.report.hosts[0]), soft_wrap=True)
    else:
        output.summary(out, list(shown.runs.values())[-1:])
    if shown.story:
        out.print(terminal.story(shown.story), soft_wrap=True)
    looks = [("the report", str(path)) for path in files[:1]]
    for what, where in [*looks, *more]:
        out.print(
            Text.assemble(("→ ", "cyan"), f"{what}: ", (where, "bold")), soft_wrap=True
        )


def hints(
    host: LabHost, target: Target, inventory: Path, files: Sequence[Path]
) -> list[tuple[str, str]]:
    """Return what can be done with the host that stays, as commands to paste."""
    us, settings = _ourselves(), target.settings
    names = [site.host for site in settings.sites]
    names += [settings.caddy.login.host] if settings.caddy.login else []
    known = f"echo '{host.address4} {' '.join(names)}' | sudo tee -a /etc/hosts"
    certificate = [_from_here(path) for path in files if path.name == AUTHORITY]
    path = _from_here(inventory)
    return [
        ("have its names lead there", known),
        *(("have the browser trust its authority", file) for file in certificate),
        ("a first login", f"{us} agent first-admin {path}"),
        ("the app", f"https://{names[0]}"),
        ("look around", f"{us} lab ssh {NAME}"),
        ("what would change", f"{us} plan {path}"),
        ("take it down", f"{us} lab down {NAME}"),
    ]


def _ourselves() -> str:
    program = _from_here(Path(sys.prefix) / "bin" / "keepgate")
    return f"sudo -E {program}" if "SUDO_UID" in os.environ else program


def _from_here(path: Path) -> str:
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
