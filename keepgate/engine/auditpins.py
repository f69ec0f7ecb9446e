"""Where each host's audit log ended when it was last seen from this machine."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from deploys.common.errors import KeepgateError

if TYPE_CHECKING:
    from datetime import datetime

    from deploys.edge import Target

NAME: Final = "agent-audit.json"


@dataclass(frozen=True)
class Pin:
    """A record of the log: where it stands, its number, its SHA-256 in hex.

    *seen* is when, in ISO 8601.
    """

    segment: int
    seq: int
    hash: str
    seen: str


def read(target: Target) -> Pin | None:
    """Return what is pinned of the host's log, None if nothing is yet.

    Raises:
        KeepgateError: there is something that is no pin. It is not passed over: the
            log would be believed whatever it says.
    """
    path = target.state / NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        pin = Pin(int(told["segment"]), int(told["seq"]), told["hash"], told["seen"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"what is pinned of the audit log cannot be read: {error!r}"
        fix = f"look at {path}; without it the next command pins anew"
        raise KeepgateError(message, fix) from error
    return pin


def write(target: Target, place: dict[str, object], now: datetime) -> Pin:
    """Pin *place* of the host's log (0600, in a folder of 0700)."""
    pin = Pin(
        int(str(place["segment"])),
        int(str(place["seq"])),
        str(place["hash"]),
        now.isoformat(timespec="seconds"),
    )
    target.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = target.state / f"{NAME}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(staged, flags, 0o600), "w") as file:
        json.dump(asdict(pin), file)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(target.state / NAME)
    return pin
