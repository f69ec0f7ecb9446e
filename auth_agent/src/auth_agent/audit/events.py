"""The closed set of events and outcomes; `area.action` names what happened."""

# ruff: noqa: S105 - names of events, not passwords
from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Every event type that the audit log knows."""

    LOGIN_SUCCESS = "login.success"
    LOGIN_FAILURE = "login.failure"
    LOGIN_NEW_DEVICE = "login.new_device"
    LOGIN_THROTTLED = "login.throttled"
    LOGIN_LOCKOUT = "login.lockout"
    LOGIN_UNLOCK = "login.unlock"

    SESSION_CREATE = "session.create"
    SESSION_END = "session.end"
    SESSION_EXPIRE = "session.expire"
    SESSION_REVOKE_ONE = "session.revoke_one"
    SESSION_REVOKE_ALL = "session.revoke_all"
    SESSION_REJECT_REPLAY = "session.reject_replay"

    PASSWORD_CHANGE = "password.change"
    PASSWORD_RESET_REQUEST = "password.reset_request"
    PASSWORD_RESET_DONE = "password.reset_done"
    PASSWORD_RESET_FAIL = "password.reset_fail"
    PASSWORD_BREACHED_FOUND = "password.breached_found"
    PASSWORD_REHASH = "password.rehash"

    TOTP_ADD = "totp.add"
    TOTP_REMOVE = "totp.remove"
    TOTP_FAIL = "totp.fail"
    TOTP_REPLAY = "totp.replay"

    PASSKEY_ADD = "passkey.add"
    PASSKEY_REMOVE = "passkey.remove"
    PASSKEY_RENAME = "passkey.rename"
    PASSKEY_FAIL = "passkey.fail"
    PASSKEY_COUNTER_REGRESS = "passkey.counter_regress"

    RECOVERY_GENERATE = "recovery.generate"
    RECOVERY_USE = "recovery.use"
    RECOVERY_FAIL = "recovery.fail"

    OAUTH_LINK = "oauth.link"
    OAUTH_UNLINK = "oauth.unlink"
    OAUTH_LOGIN_FAIL = "oauth.login_fail"
    OAUTH_STATE_MISMATCH = "oauth.state_mismatch"
    OAUTH_PROVIDER_ERROR = "oauth.provider_error"
    OAUTH_TOKEN_REFRESH = "oauth.token_refresh"

    APIKEY_CREATE = "apikey.create"
    APIKEY_ROTATE = "apikey.rotate"
    APIKEY_REVOKE = "apikey.revoke"
    APIKEY_EXPIRE = "apikey.expire"
    APIKEY_USE_DENIED = "apikey.use_denied"
    APIKEY_LEAK_REPORT = "apikey.leak_report"

    USER_CREATE = "user.create"
    USER_INVITE = "user.invite"
    USER_INVITE_ACCEPT = "user.invite_accept"
    USER_UPDATE = "user.update"
    USER_MAIL_CHANGE = "user.mail_change"
    USER_DISABLE = "user.disable"
    USER_ENABLE = "user.enable"
    USER_DELETE = "user.delete"
    USER_ROLE_CHANGE = "user.role_change"

    ACCESS_DENIED = "access.denied"
    ACCESS_STEP_UP_REQUIRED = "access.step_up_required"
    ACCESS_STEP_UP_DONE = "access.step_up_done"

    ADMIN_SETTINGS_CHANGE = "admin.settings_change"
    ADMIN_PROVIDER_CHANGE = "admin.provider_change"
    ADMIN_POLICY_CHANGE = "admin.policy_change"
    ADMIN_EXPORT = "admin.export"
    ADMIN_AUDIT_READ = "admin.audit_read"
    ADMIN_SECRET_ROTATE = "admin.secret_rotate"

    SYSTEM_START = "system.start"
    SYSTEM_STOP = "system.stop"
    SYSTEM_MIGRATE = "system.migrate"
    SYSTEM_CONFIG_ERROR = "system.config_error"
    SYSTEM_CLOCK_JUMP = "system.clock_jump"
    SYSTEM_AUDIT_CHECKPOINT = "system.audit_checkpoint"
    SYSTEM_AUDIT_VERIFY_FAIL = "system.audit_verify_fail"
    SYSTEM_AUDIT_RETENTION_CUT = "system.audit_retention_cut"


class Outcome(StrEnum):
    """How the recorded action ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    DENIED = "denied"


class ActorKind(StrEnum):
    """Who acted: a person, a key, the command line on the host, the agent itself."""

    USER = "user"
    API_KEY = "api_key"
    CLI = "cli"
    SYSTEM = "system"


PENDING = frozenset(
    event
    for event in Event
    if event.startswith(("oauth.", "passkey.")) or event == Event.ADMIN_PROVIDER_CHANGE
)
"""Events whose actions are not built yet (OAuth and passkeys); nothing else is."""
