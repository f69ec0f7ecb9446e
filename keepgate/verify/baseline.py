"""What a host was like when it was first seen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from deploys.common.errors import KeepgateError
from keepgate.inventory import remembered_login
from keepgate.report.model import Report, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from deploys.edge import Target

NAME: Final = "baseline.json"


def remembered(target: Target) -> Snapshot | None:
    """Return the baseline of *target*, None if there is none that can be read."""
    try:
        text = (target.state / NAME).read_text(encoding="utf-8")
        return Snapshot.model_validate_json(text, strict=True)
    except (OSError, ValidationError):
        return None


def offer(target: Target, taken: Snapshot) -> None:
    """Remember *taken* if it is the first whole look, and at an untouched host.

    What is found after an `apply` is no "before", however early it is looked at, and
    whoever did it: a host that admits us only as its operator is not as its provider
    hands it out.
    """
    fresh = remembered_login(target) is None and taken.login == target.login
    if fresh and not (target.state / NAME).exists():
        remember(target, taken)


def remember(target: Target, taken: Snapshot) -> None:
    """Make *taken* the baseline of *target* (0600)."""
    target.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = target.state / f"{NAME}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(staged, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(taken.model_dump_json(indent=1))
    staged.replace(target.state / NAME)


def given(path: Path) -> dict[str, Snapshot]:
    """Return the snapshots in the report *path*, by host name.

    Raises:
        KeepgateError: the file is no report of `verify`.
    """
    try:
        report = Report.model_validate_json(path.read_text("utf-8"), strict=True)
    except (OSError, ValidationError) as error:
        message = f"{path} is no report: {str(error).splitlines()[0]}"
        fix = "name the JSON file of an earlier `keepgate verify --report`"
        raise KeepgateError(message, fix) from error
    return {host.name: host.after for host in report.hosts if host.after is not None}
