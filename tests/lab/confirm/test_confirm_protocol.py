"""A commit that goes well, and one that does not, on a real host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lab.confirm.conftest import Trial

pytestmark = pytest.mark.lab
TRIAL_TEXT = "LogLevel VERBOSE\n"


def test_proved_change_stays(trial: Trial) -> None:
    """What a fresh login proves is confirmed, and nothing of the commit is left."""
    told = trial.commit()

    assert told == {"status": "confirmed"}
    trial.assert_safe(trial=TRIAL_TEXT)


def test_second_commit_follows_a_confirmed_one(trial: Trial) -> None:
    """A commit right after another one finds nothing in its way."""
    trial.commit()

    told = trial.commit(files=[{"path": "/etc/issue.net", "content": "no entry\n"}])

    assert told == {"status": "confirmed"}
    assert trial.read("/etc/issue.net") == "no entry\n"
