"""What the process remembers of codes stays small."""

from __future__ import annotations

from auth_agent.clock import ManualClock
from auth_agent.ids import token_hash
from auth_agent.sessions.handover import HandOver


def test_a_login_holds_few_codes() -> None:
    """Whoever asks for codes without end only loses their own oldest ones."""
    codes = HandOver(ManualClock())
    other = codes.issue("other", "a.test", token_hash("b"))
    made = [codes.issue("mine", "a.test", token_hash("b")) for _ in range(500)]

    assert 51 == len(codes._codes)  # noqa: SLF001 - what is remembered
    assert ("", "unknown") == codes.redeem(made[0], "a.test", "b")
    assert ("mine", "") == codes.redeem(made[-1], "a.test", "b")
    assert ("other", "") == codes.redeem(other, "a.test", "b")


def test_old_codes_are_forgotten() -> None:
    """After ten minutes nothing is left of a code."""
    clock = ManualClock()
    codes = HandOver(clock)
    codes.issue("mine", "a.test", token_hash("b"))
    clock.advance(600)
    codes.purge()

    assert not codes._codes  # noqa: SLF001 - what is remembered
    assert not codes._of  # noqa: SLF001 - what is remembered
