"""The Debian packages that topics need, installed in one transaction.

A topic of its own, before all others: observed with one command for all packages,
planned as one step. Nothing is ever removed, upgraded for its own sake, or started:
a topic starts its services itself once they are configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploys.common.changes import Action, Plan, Refusal
from deploys.common.dpkg import POLICY, Packages, PackagesFact
from deploys.common.remote import PATH
from deploys.common.templates import render
from deploys.common.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploys.settings import Settings

FRESH_LISTS: Final = 3600
"""Seconds for which package lists are taken as they are."""

PATIENCE: Final = 300
"""Seconds to wait for another package manager that ends by itself."""

ROOM: Final = 300 * 2**20
"""Bytes that must be free below /var and /usr before packages are installed."""

INODES: Final = 5000
"""Inodes that must be free there."""

_PLACES: Final = {
    "policy": POLICY,
    "saved": f"{POLICY}.keepgate-saved",
    "marker": "/run/keepgate/packages.run",
    "output": "/run/keepgate/packages.log",
}


def topic(topics: Sequence[Topic]) -> Topic:
    """Return the topic that installs what *topics* need."""

    def arguments(settings: Settings) -> dict[str, Any]:
        names = {name for topic in topics for name in topic.packages(settings)}
        return {"names": tuple(sorted(names))}

    return Topic(
        name="packages",
        title="Packages",
        fact=PackagesFact,
        plan=lambda settings, seen: plan(arguments(settings)["names"], seen),
        arguments=arguments,
    )


def plan(names: Sequence[str], seen: Packages) -> Plan:
    """Return the one step that installs those of *names* that are missing.

    A host where dpkg is broken, busy with somebody at a prompt, or without room is
    refused, but only if something is to be installed.
    """
    missing = [
        name
        for name in names
        if name not in seen.known or not seen.known[name].installed
    ]
    troubles = _troubles(missing, seen)
    if not missing:
        return Plan(
            "packages",
            before=(_tidy(),) if seen.leftover else (),
            notes=tuple(
                refusal.message for refusal in troubles if refusal.code == "dpkg"
            ),
        )
    unknown = [name for name in missing if not seen.candidates.get(name)]
    stale = seen.age is None or not 0 <= seen.age < FRESH_LISTS
    if unknown and not stale:
        troubles += (
            Refusal(
                "package-unknown",
                f"apt knows no {', '.join(unknown)}",
                "look at /etc/apt/sources.list and sources.list.d: the release's own "
                "`main` has them",
            ),
        )
    step = Action(
        f"install {', '.join(missing)}",
        render(
            "common/packages.sh.j2",
            **_PLACES,
            names=" ".join(missing),
            update=stale,
            patience=PATIENCE,
            path=PATH,
        ).decode(),
    )
    return Plan(
        "packages",
        before=(step,),
        notes=tuple(
            f"{holder.program} (process {holder.pid}) is at work; packages wait up to "
            f"{PATIENCE} s for it"
            for holder in seen.holders
            if holder.passing
        ),
        refusals=troubles,
    )


def _tidy() -> Action:
    text = render("common/policy.sh.j2", **_PLACES).decode() + "give_back\n"
    return Action("take away the policy-rc.d that an interrupted run left", text)


def _troubles(missing: Sequence[str], seen: Packages) -> tuple[Refusal, ...]:
    troubles: list[Refusal] = []
    if seen.interrupted or seen.broken:
        which = f" ({', '.join(seen.broken[:5])})" if seen.broken else ""
        troubles.append(
            Refusal(
                "dpkg",
                f"dpkg was interrupted and left packages half done{which}",
                "run `dpkg --configure -a` on the host (then `apt-get -f install` if "
                "it complains)",
            )
        )
    troubles += [
        Refusal(
            "dpkg-locked",
            f"packages are locked by {holder.program} (process {holder.pid})",
            "let it end, or end it, then run again",
        )
        for holder in seen.holders
        if not holder.passing
    ]
    troubles += [
        Refusal(
            "package-held",
            f"{name} is needed but held back",
            f"release it: `apt-mark unhold {name}`",
        )
        for name in missing
        if name in seen.known and seen.known[name].held
    ]
    troubles += [
        Refusal(
            "disk-full",
            f"{place} has {free // 2**20} MiB and {inodes} inodes free"
            if inodes is not None
            else f"{place} has {free // 2**20} MiB free",
            f"make room: packages need {ROOM // 2**20} MiB and {INODES} inodes",
        )
        for place, (free, inodes) in seen.room.items()
        if free < ROOM or (inodes is not None and inodes < INODES)
    ]
    return tuple(troubles)
