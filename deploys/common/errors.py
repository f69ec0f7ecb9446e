"""What can go wrong with a host, each with what the operator can do about it.

The engine turns an error's `status` into the host's end and the exit code:
`failed` 1, `refused` 1, `rolled_back` 3, `unreachable` 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploys.common.changes import Refusal

Status = Literal["failed", "refused", "rolled_back", "unreachable"]


class KeepgateError(Exception):
    """Something that ends the run on one host.

    *message* says what failed, *fix* what to do about it; both are plain text
    for people. The host's state is described by the subclass; of this class
    itself only that the run stopped where it was.
    """

    status: ClassVar[Status] = "failed"

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    @override
    def __str__(self) -> str:
        return f"{self.message} ({self.fix})" if self.fix else self.message


class Refused(KeepgateError):
    """The host is not touched: nothing was changed, for the reasons given."""

    status = "refused"

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(
            "; ".join(refusal.message for refusal in self.refusals),
            "; ".join(refusal.fix for refusal in self.refusals if refusal.fix),
        )

    @override
    def __str__(self) -> str:
        return "\n".join(str(refusal) for refusal in self.refusals)


class NoAnswer(KeepgateError):
    """The host did not answer a command, or not as the command would."""


class Unreachable(KeepgateError):
    """The host can no longer be reached."""

    status = "unreachable"


class StepFailed(KeepgateError):
    """A step of a change without a rollback failed; the steps before it stand.

    *step* names it, *output* is what it wrote. The next run goes on from what it
    observes.
    """

    def __init__(
        self, message: str, fix: str = "", *, step: str = "", output: str = ""
    ) -> None:
        super().__init__(message, fix)
        self.step = step
        self.output = output


class RolledBack(KeepgateError):
    """A commit was undone: the host is as it was before it.

    *report* says, a line each, what was restored and why.
    """

    status = "rolled_back"

    def __init__(self, message: str, fix: str = "", report: Iterable[str] = ()) -> None:
        super().__init__(message, fix)
        self.report = tuple(report)


class Unproved(KeepgateError):
    """A commit could not be proved and it is not known how it ended.

    The host itself restores the previous state when its timer fires; *fix* says
    how long that takes and how to look.
    """

    status = "unreachable"
