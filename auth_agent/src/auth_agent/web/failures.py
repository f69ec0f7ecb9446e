"""From an expected error to a status and the words a client may see."""

from __future__ import annotations

from auth_agent import errors
from auth_agent.errors import AgentError
from auth_agent.web.actions.base import LoginRequiredError

_STATUS: tuple[tuple[type[AgentError], int], ...] = (
    (LoginRequiredError, 401),
    (errors.LoginRefusedError, 401),
    (errors.LoginExpiredError, 401),
    (errors.ThrottledError, 429),
    (errors.BusyError, 503),
    (errors.ClockRefusedError, 503),
    (errors.StoreUnavailableError, 503),
    (errors.PasswordRefusedError, 422),
    (errors.InvalidInputError, 422),
    (errors.LinkRefusedError, 410),
    (errors.StepUpRequiredError, 403),
    (errors.OwingError, 403),
    (errors.DeniedError, 403),
    (errors.NotFoundError, 404),
    (errors.LastAdminError, 409),
    (errors.ConflictError, 409),
    (errors.ConfigError, 422),
)


def status_of(error: AgentError) -> int:
    """Return the HTTP status that says *error*."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def retry_after(error: AgentError) -> int:
    """Return after how many seconds another try makes sense, 0 for unknown."""
    if isinstance(error, errors.ThrottledError | errors.BusyError):
        return error.retry_after
    return 5 if isinstance(error, errors.StoreUnavailableError) else 0


def code_of(error: AgentError) -> str:
    """Return the error's name as the API gives it (`step_up_required`)."""
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def public_message(error: AgentError) -> tuple[str, str]:
    """Return what failed and what to do, as a client may read it.

    Faults of the store or the clock are told to operators, not to the world.
    """
    if isinstance(error, errors.StoreUnavailableError | errors.ClockRefusedError):
        return "the service cannot do this now", "try again later"
    return error.message, error.fix
