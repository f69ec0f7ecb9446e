"""All actions by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from auth_agent.authz.permissions import Permission
from auth_agent.web.actions import audit, own, sessions, system, users
from auth_agent.web.actions.base import Action

ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        action.name: action
        for module in (users, sessions, own, audit, system)
        for action in module.ACTIONS
    }
)
"""Every action that there is."""

PENDING = frozenset({Permission.PROVIDERS_MANAGE})
"""Permissions that no action asks for yet: OAuth providers are not built."""
