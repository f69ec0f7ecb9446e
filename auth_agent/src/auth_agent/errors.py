"""Errors of the agent: what failed and how to mend it."""

from __future__ import annotations


class AgentError(Exception):
    """Base of all expected errors.

    *message* says what failed, *fix* what to do about it; neither holds a secret.
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class StoreUnavailableError(AgentError):
    """The store or the audit log takes no change now; the action must fail (503)."""


class ConfigError(AgentError):
    """The configuration is not usable; the process ends with status 2."""


class BusyError(AgentError):
    """More hashes are asked for than the pool takes; 503 and Retry-After."""

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__("too many logins at once", fix="try again in a few seconds")
        self.retry_after = retry_after


class ClockRefusedError(AgentError):
    """The wall clock fell back; nobody logs in until it is right or reset (503)."""

    def __init__(self, behind: int) -> None:
        super().__init__(
            f"the clock is {behind} s behind a time seen earlier",
            fix="set the clock right, or run `auth-agent clock reset` on the host",
        )
        self.behind = behind


class ThrottledError(AgentError):
    """A limit is reached; 429 and Retry-After, alike for every account and none."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many tries", fix=f"try again in {retry_after} seconds")
        self.retry_after = retry_after


class LoginRefusedError(AgentError):
    """Wrong name, password or code, or a locked account: the same answer (401)."""

    def __init__(self) -> None:
        super().__init__("that is not right", fix="check what you typed and try again")


class LoginExpiredError(AgentError):
    """No such login in progress, or not at this step; it begins anew (401)."""

    def __init__(self) -> None:
        super().__init__("this login has ended", fix="begin again with the password")


class PasswordRefusedError(AgentError):
    """A new password that cannot be taken (422); *reason* is a closed set.

    One of `too_short`, `too_long`, `unreadable`, `common`, `site_words`, `same`.
    """

    def __init__(self, message: str, *, reason: str, fix: str) -> None:
        super().__init__(message, fix=fix)
        self.reason = reason


class LinkRefusedError(AgentError):
    """A link that is unknown, used, expired or for another purpose (410)."""

    def __init__(self) -> None:
        super().__init__(
            "this link is not valid any more", fix="ask an administrator for a new one"
        )


class StepUpRequiredError(AgentError):
    """The action needs an authentication of the last minutes (403)."""

    def __init__(self) -> None:
        super().__init__("confirm that it is you", fix="sign in again, then repeat it")


class OwingError(AgentError):
    """The session must do *owes* first; it may do nothing else (403)."""

    def __init__(self, owes: str) -> None:
        super().__init__(f"this session must first: {owes}", fix="do that first")
        self.owes = owes


class LastAdminError(AgentError):
    """The last active administrator stays one (409)."""

    def __init__(self) -> None:
        super().__init__(
            "this is the last active administrator",
            fix="make somebody else an administrator first",
        )


class NotFoundError(AgentError):
    """There is no such thing, or not of this account's (404)."""

    def __init__(self, *, kind: str) -> None:
        super().__init__(f"no such {kind}")
        self.kind = kind


class ConflictError(AgentError):
    """It is there already, or in a state that does not allow this (409)."""


class InvalidInputError(AgentError):
    """A field that cannot be taken (422); *field* names it."""

    def __init__(self, message: str, *, field: str, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.field = field


class DeniedError(AgentError):
    """The actor may not do this (403); *reason* is for the audit log."""

    def __init__(self, reason: str, message: str = "you may not do this") -> None:
        super().__init__(message)
        self.reason = reason
