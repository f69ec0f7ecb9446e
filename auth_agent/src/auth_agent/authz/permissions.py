"""The built-in permissions and roles, as data. Code asks for a permission only."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """The 29 built-in permissions, in alphabetical order."""

    API_KEYS_CREATE = "api_keys.create"
    API_KEYS_MANAGE = "api_keys.manage"
    APP_ADMIN = "app.admin"
    APP_CREATE = "app.create"
    APP_DELETE = "app.delete"
    APP_EDIT = "app.edit"
    APP_EXECUTE = "app.execute"
    APP_VIEW = "app.view"
    AUDIT_EXPORT = "audit.export"
    AUDIT_VIEW = "audit.view"
    BANS_MANAGE = "bans.manage"
    DATA_EXPORT = "data.export"
    DATA_QUERY = "data.query"
    FILES_DELETE = "files.delete"
    FILES_UPLOAD = "files.upload"
    FILES_VIEW = "files.view"
    HEALTH_VIEW = "health.view"
    INVITES_MANAGE = "invites.manage"
    JOBS_RUN = "jobs.run"
    POLICY_MANAGE = "policy.manage"
    POLICY_VIEW = "policy.view"
    PROVIDERS_MANAGE = "providers.manage"
    ROLES_ASSIGN = "roles.assign"
    SESSIONS_REVOKE = "sessions.revoke"
    SESSIONS_VIEW = "sessions.view"
    SETTINGS_MANAGE = "settings.manage"
    SETTINGS_VIEW = "settings.view"
    USERS_MANAGE = "users.manage"
    USERS_VIEW = "users.view"


class Role(StrEnum):
    """The three built-in roles."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


_P = Permission

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.EDITOR: frozenset(
        {
            _P.API_KEYS_CREATE,
            _P.APP_CREATE,
            _P.APP_DELETE,
            _P.APP_EDIT,
            _P.APP_EXECUTE,
            _P.APP_VIEW,
            _P.DATA_EXPORT,
            _P.DATA_QUERY,
            _P.FILES_DELETE,
            _P.FILES_UPLOAD,
            _P.FILES_VIEW,
            _P.HEALTH_VIEW,
            _P.JOBS_RUN,
            _P.POLICY_VIEW,
            _P.SETTINGS_VIEW,
            _P.USERS_VIEW,
        }
    ),
    Role.VIEWER: frozenset(
        {
            _P.APP_VIEW,
            _P.DATA_QUERY,
            _P.FILES_VIEW,
            _P.HEALTH_VIEW,
            _P.POLICY_VIEW,
        }
    ),
}
"""What each built-in role may; the built-in ones cannot be removed."""
