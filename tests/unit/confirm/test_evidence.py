"""What a topic has looked at before a commit is confirmed."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from deploys.common.changes import Commit, Plan
from deploys.confirm.session import Answer, parse
from deploys.confirm.texts import Texts
from deploys.confirm.work import work

LOOK = """\
python3 -I - "$left" <<'END'
import sys
print("seen for", sys.argv[1], "(and 'quoted')")
sys.exit({status})
END
"""


def _looked(evidence: str) -> Answer:
    commit = Commit(validate=":", activate=":", revert=":")
    plan = Plan("trial", commit=replace(commit, evidence=evidence))
    made = work(plan, nonce="0" * 32, owner="somebody", timeout=30)
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=Texts(made).evidence(7),
        capture_output=True,
        text=True,
        check=True,
    )
    return parse(done.stdout.splitlines(), done.stderr)


def test_evidence_that_holds_is_proved() -> None:
    """Whatever it writes by the way."""
    assert "proved" == _looked(LOOK.format(status=0)).word


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (LOOK.format(status=1), "seen for 7 (and 'quoted')"),
        ("echo first; echo last >&2; false", "last"),
        ("exit 3", ""),
        ("no-such-program-here", "not found"),
    ],
)
def test_evidence_that_fails_says_why(evidence: str, reason: str) -> None:
    """Its last line is the reason; no way out of it counts as a proof."""
    answer = _looked(evidence)

    assert "unproved" == answer.word
    assert answer.rest.endswith(reason)
