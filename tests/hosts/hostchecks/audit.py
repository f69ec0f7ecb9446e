"""ssh-audit's verdict on the SSH server, and a policy of our own for it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hostchecks.link import Link

POLICIES = Path(__file__).parent / "policies"
_LIMIT = 60.0  # seconds for one scan, on an emulated machine too


class AuditError(Exception):
    """ssh-audit could not finish its scan."""


@dataclass(frozen=True)
class Audit:
    """What ssh-audit holds against the algorithms on offer."""

    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    offered: dict[str, tuple[str, ...]]


def standard(link: Link) -> Audit:
    """Return the verdict of a standard scan; the rate test is left out.

    Raises:
        AuditError: ssh-audit got no answer.
    """
    found = _run(link, ())
    failures, warnings = [], []
    offered: dict[str, tuple[str, ...]] = {}
    for kind in ("kex", "key", "enc", "mac"):
        offered[kind] = tuple(item["algorithm"] for item in found.get(kind, []))
        for item in found.get(kind, []):
            notes = item.get("notes", {})
            failures += [item["algorithm"]] if notes.get("fail") else []
            warnings += [item["algorithm"]] if notes.get("warn") else []
    return Audit(tuple(failures), tuple(warnings), offered)


def policy(link: Link, name: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether the server passes policy *name*, and its deviations.

    *name* is a file of `POLICIES` or one of ssh-audit's built-in policies.

    Raises:
        AuditError: ssh-audit got no answer.
    """
    path = POLICIES / name
    found = _run(link, ("-P", str(path) if path.is_file() else name))
    errors = found.get("errors") or []
    return bool(found["passed"]), tuple(str(e["mismatched_field"]) for e in errors)


def _run(link: Link, extra: tuple[str, ...]) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "ssh_audit", "-n", "-j", "--skip-rate-test"),
        *("-t", "10", *extra, "-p", str(link.port), link.address),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT, check=False
        )
        found = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        message = f"ssh-audit gave no verdict: {error}"
        raise AuditError(message) from error
    if not isinstance(found, dict):
        message = f"ssh-audit answered {done.stdout[:200]!r}"
        raise AuditError(message)
    return found
