"""What a check found, and the file in which `verify` reads it.

A check ends in one of three outcomes. `passed` and `failed` speak of what was
observed; `not_observed` says that this host (or the place we look from) cannot
show it, and is never counted as passed. A check that breaks is `failed`, with
the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeVar

import pytest

Outcome = Literal["passed", "failed", "not_observed"]
Severity = Literal["high", "medium", "low"]

SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
TOPICS = {
    "ACC": "accounts",
    "SSH": "ssh",
    "FW": "firewall",
    "BAN": "fail2ban",
    "UPD": "updates",
    "AGT": "agent",
    "WEB": "caddy",
    "OUT": "outside",
}
"""The topic of a control, by the letters its id begins with."""

_REMEDIES = {
    "outside": "`keepgate apply INVENTORY`, then look at what listens on the host",
}

T = TypeVar("T")


def not_observed(reason: str) -> NoReturn:
    """End a check that cannot be observed here; *reason* says why."""
    pytest.skip(reason)


@dataclass(frozen=True)
class Control:
    """What a check is about, as its `control` marker says.

    A *slow* one is looked at only by who asks for it.
    """

    id: str
    title: str
    severity: Severity
    refs: tuple[str, ...] = ()
    remedy: str = ""
    slow: bool = False

    @classmethod
    def of(cls, item: pytest.Item) -> Control:
        """Return the control of *item*.

        Raises:
            ValueError: the test has no usable `control` marker.
        """
        marker = item.get_closest_marker("control")
        if marker is None or marker.args:
            message = f"{item.nodeid} needs @pytest.mark.control(id=…, title=…, …)"
            raise ValueError(message)
        control = cls(**marker.kwargs)
        if control.severity not in SEVERITIES or control.prefix not in TOPICS:
            message = f"{item.nodeid} has an unknown severity or topic: {control}"
            raise ValueError(message)
        return control

    @property
    def prefix(self) -> str:
        """The letters the id begins with."""
        return self.id.partition("-")[0]

    @property
    def topic(self) -> str:
        """The topic the control belongs to."""
        return TOPICS[self.prefix]

    @property
    def advice(self) -> str:
        """What to do when the control does not hold."""
        if self.remedy:
            return self.remedy
        default = f"`keepgate apply INVENTORY --only {self.topic}`"
        return _REMEDIES.get(self.topic, default)


@dataclass
class Seen:
    """Records what a check observed, and hands the value back to assert on."""

    items: list[str] = field(default_factory=list)

    def __call__(self, label: str, value: T) -> T:
        """Record *value* under *label* and return it."""
        self.items.append(f"{label} {_show(value)}".strip())
        return value

    def note(self, text: str) -> None:
        """Record a sentence."""
        self.items.append(text)


def _show(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == "":
        return "nothing"
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return ", ".join(_show(item) for item in items) or "none"
    if isinstance(value, dict):
        pairs = (f"{key} {_show(item)}" for key, item in value.items())
        return "; ".join(pairs) or "none"
    return str(value)


@dataclass(frozen=True)
class Finding:
    """One check's result on one host."""

    id: str
    topic: str
    title: str
    severity: str
    refs: tuple[str, ...]
    outcome: Outcome
    observed: tuple[str, ...]
    reason: str
    remedy: str
    seconds: float


def reason_of(call: pytest.CallInfo[None]) -> str:
    """Return why a check did not pass, in a line or two; "" if it did."""
    if call.excinfo is None:
        return ""
    error = call.excinfo.value
    if isinstance(error, pytest.skip.Exception | pytest.fail.Exception):
        return str(error.msg)
    if isinstance(error, AssertionError):
        first = str(error).partition("\n")[0]
        return first.removeprefix("assert ").strip() or "it does not hold"
    return f"the check broke: {type(error).__name__}: {str(error)[:300]}"


def explain(op: str, left: object, right: object) -> str:
    """Return why the comparison of a check does not hold, without Python in it."""
    if isinstance(left, (set, frozenset)) and isinstance(right, (set, frozenset)):
        surplus, missing = left - right, right - left
        if op == "<=":
            return f"{_show(surplus)} not among {_show(right)}"
        if op == ">=":
            return f"{_show(missing)} missing"
    if isinstance(left, dict) and isinstance(right, dict) and op == "==":
        same = {key for key in left if key in right and left[key] == right[key]}
        left = {key: value for key, value in left.items() if key not in same}
        right = {key: value for key, value in right.items() if key not in same}
    words = {
        "==": "wanted {0}, found {1}",
        "!=": "found {1}",
        "<=": "{0} is more than {1}",
        ">=": "{0} is less than {1}",
        "<": "{0} is not less than {1}",
        ">": "{0} is not more than {1}",
        "in": "{0} not among {1}",
        "not in": "{0} among {1}",
    }
    return words.get(op, "{0} " + op + " {1}").format(_show(left), _show(right))
