"""May a host's keys be pinned? What it shows, beside what is pinned already."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from keepgate.inventory import hints, known_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.edge import Target
    from keepgate.cli.runs import HostRun


class Standing(StrEnum):
    """How a host's keys stand."""

    TRUSTED = "trusted already"
    FRESH = "not pinned yet"
    PINNED = "pinned"
    REFUSED = "not trusted"
    UNREACHABLE = "not reachable"


@dataclass
class Offer:
    """The keys that one host shows, and what becomes of them.

    *keys* are those to be pinned (base64 by type), *was* those that are; *proved*
    says that the operator named their fingerprints.
    """

    target: Target
    shown: list[dict[str, str]]
    was: Mapping[str, str]
    standing: Standing
    keys: Mapping[str, str]
    proved: bool = False
    message: str = ""
    fix: str = ""

    @property
    def trusted(self) -> bool:
        """Whether the host can be used now."""
        return self.standing in (Standing.TRUSTED, Standing.PINNED)

    def doubt(self, message: str, fix: str) -> None:
        """Leave the keys alone, for this reason."""
        self.standing = Standing.REFUSED
        self.message, self.fix = message, fix

    def document(self) -> dict[str, Any]:
        """Return the host's part of the JSON document."""
        pinned = sorted(self.keys) if self.standing is Standing.PINNED else []
        return {
            "status": "ok" if self.trusted else "unreachable",
            "trust": self.standing.name.lower(),
            "pinned": pinned,
            "message": self.message,
            "fix": self.fix,
            "changes": len(pinned),
        }


def offer(
    target: Target,
    run: HostRun,
    *,
    replace: bool,
    expected: frozenset[str] | None,
) -> Offer:
    """Judge what *target* shows by what is pinned.

    Only a host without any pinned key, or one to be replaced, gets keys pinned: a
    type of key that a trusted host shows in another connection is not proved to be
    the same host's.
    """
    pins = known_hosts.pins(
        target.known_hosts, known_hosts.name_of(target.address, target.port)
    )
    shown: list[dict[str, str]] = run.end.facts.get("keys", []) if run.end else []
    keys = {key["type"]: key["key"] for key in shown}
    was = {
        kind: key
        for kind, key in keys.items()
        if key in pins.keys.get(kind, frozenset())
    }
    made = Offer(target, shown, was, Standing.FRESH, keys)
    if not shown:
        made.standing = Standing.UNREACHABLE
        if run.end is not None:
            made.message, made.fix = run.end.message, run.end.fix
        return made
    if pins.revoked & set(keys.values()):
        made.doubt(
            f"{target.known_hosts} says that its key is revoked",
            "give the host new keys, or take that line out",
        )
        return made
    if expected is not None:
        _narrow(made, expected)
    _compare(made, pins, replace=replace)
    return made


def _narrow(made: Offer, expected: frozenset[str]) -> None:
    """Keep only keys whose fingerprints are *expected*."""
    named = [key for key in made.shown if key["fingerprint"] in expected]
    made.keys = {key["type"]: key["key"] for key in named}
    made.proved = bool(named)
    if not named:
        made.doubt(
            "no key that it shows has the given fingerprint: another machine, or"
            " somebody is between",
            "check the fingerprint and `address`; do not trust this host",
        )


def _compare(made: Offer, pins: known_hosts.Pins, *, replace: bool) -> None:
    if made.standing is not Standing.FRESH or not pins.keys:
        return
    shown = {key["type"]: key["key"] for key in made.shown}
    changed = [
        kind
        for kind, key in shown.items()
        if pins.keys.get(kind, {key}).isdisjoint({key})
    ]
    if made.was and not changed:
        made.standing = Standing.TRUSTED
    elif not replace:
        name = made.target.name
        made.doubt(
            "its key has CHANGED since it was pinned: another machine, or somebody is"
            " between",
            "find out why; only if it was reinstalled: "
            + hints.trust(made.target, "--replace", name),
        )
