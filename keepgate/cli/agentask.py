"""Asking one host's agent, and holding its audit log against what was pinned."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from deploys.common.errors import KeepgateError
from keepgate.engine import agent, auditpins
from keepgate.verify.connection import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploys.edge import Target
    from keepgate.engine.auditpins import Pin

MOST: Final = 500
"""Records or accounts that are asked for at once."""

_MISUSED: Final = 2  # the agent's exit status for what it was told wrongly


@dataclass
class Asked:
    """How it went on one host; *status* is a word of `exits.of_status`.

    *regress* says what is wrong with the audit log, beside what was seen of it before;
    *text* is what the agent said to people, *result* what it said to programs.
    """

    target: Target
    status: str = "ok"
    message: str = ""
    fix: str = ""
    text: str = ""
    result: Any = None
    regress: str = ""
    misused: bool = False
    pin: Pin | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        """How it went, as people say it."""
        return "done" if self.status == "ok" else self.status

    def document(self) -> dict[str, Any]:
        """Return the host's part of the JSON document."""
        return {
            "host": self.target.name,
            "status": self.status,
            "message": self.message,
            "fix": self.fix,
            "result": self.result,
            "audit": {
                "holds": not self.regress,
                "wrong": self.regress,
                "pinned": asdict(self.pin) if self.pin else None,
            },
            "notes": self.notes,
        }


def asked(
    target: Target,
    words: Sequence[str],
    *,
    as_json: bool,
    once: bool = False,
    accept: bool = False,
) -> Asked:
    """Have the agent of *target* carry *words* out; never raises a `KeepgateError`.

    The end of its audit log is pinned, unless the log does not go on from what is
    pinned already; *accept* has it pinned even then. *once* is for what is shown on a
    terminal: it is in `text` alone.
    """
    seen = Asked(target)
    try:
        seen.pin = auditpins.read(target)
        _ask(seen, words, as_json=as_json, once=once, accept=accept)
    except KeepgateError as error:
        seen.status, seen.message, seen.fix = error.status, error.message, error.fix
    return seen


def _ask(
    seen: Asked, words: Sequence[str], *, as_json: bool, once: bool, accept: bool
) -> None:
    given, pin = list(words), seen.pin
    options: list[str] = ["--json"] if as_json else []
    if pin and words[:2] == ["audit", "verify"] and not accept:
        # The agent looks, too: it knows the key of every record's mac.
        place = (f"--segment={pin.segment}", f"--seq={pin.seq}", f"--hash={pin.hash}")
        options += place
    # Nothing behind `--` is an option.
    at = given.index("--") if "--" in given else len(given)
    given[at:at] = options
    with connect(seen.target) as opened:
        wire = agent.Wire(opened.config, opened.name)
        if once:
            agent.ask(wire, (), pin)  # says it better than a terminal, if it is down
            status, seen.text = agent.show_once(wire, given)
            reply = agent.ask(wire, (), pin)
            _judge(seen, status, seen.text)
        else:
            reply = agent.ask(wire, given, pin)
            _take(seen, reply, as_json=as_json)
    seen.regress = "" if accept else reply.wrong
    if reply.end is None and not seen.regress:
        seen.regress = "" if pin is None else "nothing is left of its audit log"
    if not seen.regress and reply.end is not None:
        _pin(seen, reply.end, accept=accept)


def _take(seen: Asked, reply: agent.Reply, *, as_json: bool) -> None:
    if as_json and reply.out:
        try:
            seen.result = json.loads(reply.out)
        except ValueError as error:
            message = f"the agent answers with {reply.out[:80]!r}, which is no JSON"
            raise KeepgateError(message, "ask it on the host") from error
    elif not as_json:
        seen.text = reply.out
    _judge(seen, reply.status, reply.err)


def _judge(seen: Asked, status: int | None, err: str) -> None:
    if status == 0:
        return
    seen.status = "failed"
    seen.misused = status == _MISUSED
    if status is None:
        seen.message = f"the agent did not answer within {agent.PATIENCE:.0f} s"
        seen.fix = "look at the host's load, then run again"
        return
    said = err.strip().removeprefix("auth-agent: ")
    what, _, fix = said.partition("; ")
    seen.message = what or ("" if seen.text or seen.result else f"status {status}")
    seen.fix = fix


def _pin(seen: Asked, end: dict[str, Any], *, accept: bool) -> None:
    if seen.pin is None:
        note = "its audit log is pinned from now on"
        seen.notes.append(f"{note}: record {end['seq']}, {end['hash']}")
    now = auditpins.read(seen.target)
    # Another command may have seen more of it while we looked.
    if accept or now is None or now == seen.pin or now.seq <= end["seq"]:
        seen.pin = auditpins.write(seen.target, end, datetime.now(UTC))
