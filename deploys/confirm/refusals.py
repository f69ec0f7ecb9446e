"""Why a host did not arm or switch, in words, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploys.common.changes import Refusal
from deploys.common.errors import KeepgateError, Refused

if TYPE_CHECKING:
    from deploys.confirm.session import Answer

_AGAIN = "run again"
_MEANING = {
    "busy": ("another run is preparing or switching a commit", _AGAIN),
    "rolling": ("a rollback is being carried out", "run again in a minute"),
    "stuck": (
        "a commit of an interrupted run could not be undone: {}",
        "look at `journalctl -u 'keepgate-rollback*'` on the host",
    ),
    "disk": ("the host cannot write {}", "make room on its disk, then run again"),
    "stale": ("{} is not as it was when it was observed", _AGAIN),
    "unguarded": (
        "{} is not root's alone, so a staged file could be swapped there",
        "make it a folder of root's that others cannot write to",
    ),
    "arm": ("systemd did not arm the rollback: {}", "see its journal"),
    "unarmed": ("the rollback is no longer armed", _AGAIN),
    "nonce": ("the commit on the host is not ours", "run again when it has ended"),
    "rebooted": ("the host was restarted while the commit was armed", _AGAIN),
    "late": ("only {} s were left for the switch", "raise confirm.timeout"),
    "altered": ("{} was altered while the commit was armed", _AGAIN),
    "switched": ("the commit was switched before", _AGAIN),
}


def explain(answer: Answer, *, topic: str) -> KeepgateError:
    """Return the error for an *answer* that says `refused` or `failed`.

    In each of these cases nothing was switched.
    """
    code, _, rest = answer.rest.partition(" ")
    if code == "armed":
        return Refused([_armed(answer)])
    if code == "invalid":
        detail = "; ".join(answer.all("detail")[-3:])
        return KeepgateError(
            f"{topic}: the host refuses the new configuration: {detail}",
            "nothing was changed; mend the setting that it names",
        )
    if code in _MEANING:
        message, fix = _MEANING[code]
        return Refused([Refusal(code, message.format(rest), fix)])
    said = answer.errors.strip() or answer.rest or "nothing"
    return KeepgateError(f"{topic}: the host could not arm the rollback: {said}")


def _armed(answer: Answer) -> Refusal:
    record = answer.record()
    left = max(0, *(int(line) for line in answer.all("left")))
    return Refusal(
        "armed",
        f"a commit of {record.get('topic', '?')} by {record.get('owner', '?')} has been"
        f" armed since {record.get('since', '?')}",
        f"it is undone in {left} s unless it is confirmed; run again then",
    )
