"""Policy and settings: explained, shown, taken anew from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from auth_agent.authz.paths import Unreadable, clean_host, clean_method, clean_path
from auth_agent.authz.permissions import Permission
from auth_agent.authz.policy import build_policy
from auth_agent.authz.policy import explain as explain_request
from auth_agent.callers import Caller
from auth_agent.config.check import load
from auth_agent.config.model import Config
from auth_agent.config.problems import ConfigProblems
from auth_agent.errors import InvalidInputError
from auth_agent.web.actions.base import ON_HOST, Action, Given, Runtime
from auth_agent.web.actions.fields import Line
from auth_agent.web.actions.users import Nothing

LIVE = frozenset({"login.title", "login.idle", "login.step_up"})
"""Settings that are effective without a restart."""


class Asked(Given, frozen=True, kw_only=True):
    """A request to explain."""

    host: Line
    path: Annotated[str, Meta(min_length=1, max_length=2048)] = "/"
    method: Line = "GET"


class Target(Given, frozen=True, kw_only=True):
    """Where to write a backup."""

    path: Annotated[str, Meta(min_length=1, max_length=1024, pattern="^/")]


@dataclass(frozen=True)
class ExplainedStep:
    """One rule that was looked at, and what came of it."""

    rule: str
    applies: bool
    why: str


@dataclass(frozen=True)
class Explained:
    """Why a request is allowed or refused for each role."""

    method: str
    host: str
    path: str
    permission: str
    steps: tuple[ExplainedStep, ...]
    allowed: dict[str, bool]
    text: str


@dataclass(frozen=True)
class PolicyShown:
    """All rules and roles in force."""

    rules: tuple[str, ...]
    roles: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class PolicyChanged:
    """What a reload of the rules did."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True)
class SettingsShown:
    """The settings in effect, `section.key` to value; secrets stay in their files."""

    settings: dict[str, str]


@dataclass(frozen=True)
class SettingsChanged:
    """What a reload of the settings did; *waiting* for a restart."""

    changed: dict[str, str]
    waiting: tuple[str, ...]


@dataclass(frozen=True)
class Rotated:
    """How many sealed secrets stand under the new key."""

    resealed: int


@dataclass(frozen=True)
class Status:
    """How the process is."""

    healthy: bool
    sessions: int
    sites: tuple[str, ...]
    login: str


async def explain(runtime: Runtime, _caller: Caller, given: Asked) -> Explained:
    """Explain why a request is allowed or refused."""
    try:
        host, path = clean_host(given.host), clean_path(given.path)
        method = clean_method(given.method)
    except Unreadable as error:
        fix = "the gate refuses such a request, whoever asks"
        raise InvalidInputError(str(error), field="path", fix=fix) from error
    found = explain_request(runtime.policy, host, method, path)
    steps = tuple(
        ExplainedStep(step.rule.text, step.applies, step.why) for step in found.steps
    )
    allowed = dict(found.allowed)
    return Explained(method, host, path, found.permission, steps, allowed, found.text)


async def show_policy(
    runtime: Runtime, _caller: Caller, _given: Nothing
) -> PolicyShown:
    """Show all rules and roles."""
    policy = runtime.policy
    roles = {name: tuple(sorted(granted)) for name, granted in policy.roles.items()}
    return PolicyShown(tuple(rule.text for rule in policy.rules.rules), roles)


async def reload_policy(
    runtime: Runtime, caller: Caller, _given: Nothing
) -> PolicyChanged:
    """Take the rules anew from the file; roles change by a restart."""
    config = await _load(runtime, caller)
    fresh = build_policy(config)
    old = {rule.text for rule in runtime.policy.rules.rules}
    new = {rule.text for rule in fresh.rules.rules}
    change = PolicyChanged(tuple(sorted(new - old)), tuple(sorted(old - new)))
    if change.added or change.removed:
        await runtime.services.system.policy_changed(
            caller, added=change.added, removed=change.removed
        )
    if change.added or change.removed or fresh.asserted != runtime.policy.asserted:
        runtime.gate.policy = replace(fresh, roles=runtime.policy.roles)
        runtime.config = msgspec.structs.replace(runtime.config, sites=config.sites)
    return change


async def show_settings(
    runtime: Runtime, _caller: Caller, _given: Nothing
) -> SettingsShown:
    """Show the settings in effect."""
    return SettingsShown(flat(runtime.config))


async def reload_settings(
    runtime: Runtime, caller: Caller, _given: Nothing
) -> SettingsChanged:
    """Take the settings anew from the file, as far as they can change while running."""
    config = await _load(runtime, caller)
    before, after = flat(runtime.config), flat(config)
    changed = {
        key: after.get(key, "(gone)")
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith("sites")
    }
    live = {key: value for key, value in changed.items() if key in LIVE}
    if live:
        await runtime.services.system.settings_changed(caller, live)
        login = msgspec.structs.replace(
            runtime.config.login,
            title=config.login.title,
            idle=config.login.idle,
            step_up=config.login.step_up,
        )
        runtime.config = msgspec.structs.replace(runtime.config, login=login)
        runtime.services.sessions.idle = float(login.idle)
        runtime.services.sessions.step_up_seconds = float(login.step_up)
    return SettingsChanged(live, tuple(sorted(changed.keys() - live.keys())))


async def rotate(runtime: Runtime, caller: Caller, _given: Nothing) -> Rotated:
    """Seal the second factors under a new key."""
    return Rotated(await runtime.services.system.rotate_secrets(caller))


async def status(runtime: Runtime, _caller: Caller, _given: Nothing) -> Status:
    """Say how the process is."""
    return Status(
        runtime.services.system.healthy,
        len(runtime.services.sessions.by_hash),
        tuple(sorted(runtime.policy.rules.hosts)),
        runtime.base_url,
    )


async def backup(runtime: Runtime, caller: Caller, given: Target) -> None:
    """Write a consistent copy of the store while running."""
    await runtime.services.system.backup(caller, Path(given.path))


async def reset_clock(runtime: Runtime, caller: Caller, _given: Nothing) -> None:
    """Take the machine's clock as right."""
    await runtime.services.system.reset_clock(caller)


async def _load(runtime: Runtime, caller: Caller) -> Config:
    try:
        return load(runtime.config_path)
    except ConfigProblems as error:
        first = error.problems[0].text[:200]
        await runtime.services.system.config_error(caller, first)
        raise


def flat(config: Config) -> dict[str, str]:
    """Return every setting as `section.key` -> text."""
    found: dict[str, str] = {}
    _flatten("", msgspec.to_builtins(config), found)
    return found


def _flatten(key: str, value: object, found: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _flatten(f"{key}.{name}" if key else str(name), inner, found)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(value):
            _flatten(f"{key}[{number}]", inner, found)
    elif value is not None:
        found[key] = (
            ", ".join(map(str, value))
            if isinstance(value, list | tuple)
            else (str(value))
        )


_P = Permission

ACTIONS = (
    Action("policy.explain", _P.POLICY_VIEW, explain, Asked, "GET", "/policy/explain"),
    Action("policy.show", _P.POLICY_VIEW, show_policy, Nothing, "GET", "/policy"),
    Action(
        "policy.reload",
        _P.POLICY_MANAGE,
        reload_policy,
        Nothing,
        "POST",
        "/policy/reload",
        done="The rules were taken from the file.",
        sensitive=True,
    ),
    Action(
        "settings.show", _P.SETTINGS_VIEW, show_settings, Nothing, "GET", "/settings"
    ),
    Action(
        "settings.reload",
        _P.SETTINGS_MANAGE,
        reload_settings,
        Nothing,
        "POST",
        "/settings/reload",
        done="The settings were taken from the file.",
        sensitive=True,
    ),
    Action(
        "settings.rotate-secrets",
        _P.SETTINGS_MANAGE,
        rotate,
        Nothing,
        "POST",
        "/settings/rotate-secrets",
        done="The second factors stand under a new key.",
        sensitive=True,
    ),
    Action("system.status", ON_HOST, status, Nothing),
    Action("system.backup", ON_HOST, backup, Target),
    Action("system.reset-clock", ON_HOST, reset_clock, Nothing),
)
"""What is done with policy and settings."""
