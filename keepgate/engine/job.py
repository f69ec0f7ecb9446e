"""What a worker is asked to do on one host."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Mode = Literal["plan", "apply", "status", "keys"]


@dataclass(frozen=True)
class Job:
    """One host, as JSON of its `deploys.edge.Target`, and what to do there.

    *only* names topics; empty means all of them. *log* is a file of the caller's
    for what libraries write to the standard streams.
    """

    mode: Mode
    target: str
    only: tuple[str, ...] = ()
    log: str = "/dev/null"

    def to_dict(self) -> dict[str, Any]:
        """Return the job as plain data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Job:
        """Return the job that *data* describes."""
        return Job(data["mode"], data["target"], tuple(data["only"]), data["log"])
