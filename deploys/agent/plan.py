"""From settings and an observed agent to what has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.agent import config, password, places, steps, wanted
from deploys.agent.settings import Source
from deploys.agent.wheel import build
from deploys.common import files
from deploys.common.changes import Action, Plan, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.agent.facts import AgentHost
    from deploys.agent.wheelhouse import Machine
    from deploys.settings import Settings

PYTHON: Final = (3, 11)
"""Oldest Python that the agent runs on: Debian 12's."""

_PRIVATE: Final = "600 root:root"
_ACCOUNT: Final = f"{places.STATE}:/usr/sbin/nologin"


def plan(settings: Settings, seen: AgentHost) -> Plan:
    """Return what makes the agent guard the sites of *settings*; without any it ends.

    Judged by what the running process was started with and by its health.
    """
    if not config.guarded(settings):
        return Plan("agent", after=(steps.end(),) if seen.left else ())
    refusals = tuple(_refusals(seen))
    if refusals or seen.machine is None:
        return Plan("agent", refusals=refusals)
    release = build().release(seen.machine.python)
    changes = files.changes(wanted.files(settings, release), seen.files)
    given = tuple(_password(settings, seen))
    why = tuple(_stale(settings, seen, release))
    if given and seen.active:
        why = (*why, "the mail password is another")
    after: list[Action] = []
    if not seen.enabled:
        after.append(steps.enable())
    if changes or why:
        after.append(steps.switch(release, "; ".join(why[:3])))
    if seen.caddy is False:
        after.append(steps.admit_caddy())
    return Plan(
        "agent",
        before=(
            *_prepared(settings, seen, seen.machine),
            *((steps.trial(settings, release),) if changes else ()),
            *((steps.keep(release),) if changes or why else ()),
            *given,
        ),
        files=changes,
        after=tuple(after),
        notes=tuple(_notes(seen)),
    )


def _prepared(
    settings: Settings, seen: AgentHost, machine: Machine
) -> Iterator[Action]:
    if seen.account != _ACCOUNT:
        yield steps.account()
    if seen.key != _PRIVATE:
        yield steps.secret()
    wheel, source = build(), settings.agent.source
    if wheel.release(machine.python) not in seen.releases:
        by_host = source is Source.HOST or (source is Source.AUTO and seen.index)
        yield steps.install(wheel, machine, pushed=not by_host)


def _password(settings: Settings, seen: AgentHost) -> Iterator[Action]:
    path = password.wanted(settings)
    if path is None:
        if seen.password.mode:
            yield password.forget()
    elif not seen.password.holds(password.read(path)):
        yield password.push(path)


def _stale(settings: Settings, seen: AgentHost, release: str) -> Iterator[str]:
    if not seen.active:
        yield "it does not run"
        return
    if seen.reload:
        yield "systemd has not read its unit file"
    if seen.current != release:
        yield f"{seen.current or 'nothing'} is in use"
    elif release not in seen.releases:
        yield "what it runs in is made anew"
    elif seen.running != wanted.digest(settings, release):
        yield "it was started with other settings"
    elif seen.outdated:
        yield "its Python was replaced"
    yield from _beside(settings, seen)
    if not seen.healthy:
        yield "it is not healthy"


def _beside(settings: Settings, seen: AgentHost) -> Iterator[str]:
    """Say what its own restart puts right beside it."""
    if password.wanted(settings) and seen.password.is_old:
        yield "it has a former mail password"
    if settings.agent.mail is not None and not seen.mail:
        yield "its way to the mail server is shut"
    if not seen.sealed:
        yield "nobody has its audit log append-only"


def _refusals(seen: AgentHost) -> Iterator[Refusal]:
    if seen.machine is None:
        yield Refusal(
            "agent-python",
            "the host's Python is not known: the agent needs Python 3.11 and glibc",
            "install python3 on the host",
        )
    elif seen.machine.python < PYTHON:
        found = ".".join(map(str, seen.machine.python))
        yield Refusal(
            "agent-python",
            f"the agent needs Python 3.11, the host has {found}",
            "use Debian 12 or later, or take the sites behind login out",
        )
    if seen.state and not seen.key:
        yield Refusal(
            "agent-secret",
            f"{places.SECRET} is gone, and {places.DATABASE} is worth nothing without",
            "put the secret back from its copy; to begin anew, move "
            f"{places.STATE} away",
        )


def _notes(seen: AgentHost) -> Iterator[str]:
    if not seen.admins:
        yield (
            "nobody can log in to the sites yet: run `keepgate agent first-admin "
            "INVENTORY` on a terminal; it shows the link that makes the first "
            "administrator"
        )
