"""No 2xx without a verified identity, whatever comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from auth_agent.web.gate import Gate

from tests.agent.conftest import SITE
from tests.agent.faults.fuzzing import Fuzzer, made

COUNT = 20_000
"""`python -m benchmarks.agent_fuzz` sends a million."""


@pytest.fixture
def fuzzer(tmp_path: Path) -> Iterator[Fuzzer]:
    """Return a fuzzer of an agent of its own."""
    fuzzer = made(tmp_path, seed=7)
    yield fuzzer
    fuzzer.close()


def test_nothing_passes_without_an_identity(fuzzer: Fuzzer) -> None:
    """Every 2xx names the owner of the one live door that the request holds."""
    fuzzer.run(COUNT)

    assert [] == fuzzer.wrong[:3]
    for status in (200, 302, 400, 401, 403):
        assert fuzzer.statuses[status] > COUNT / 1_000, fuzzer.statuses


def test_a_gate_that_lets_strangers_in_is_noticed(
    fuzzer: Fuzzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge does not ask the gate: it finds one that forgets the site."""
    session = Gate._session  # noqa: SLF001 - to break it

    def careless(self: Gate, token: str, _host: str) -> object:
        return session(self, token, SITE)

    monkeypatch.setattr(Gate, "_session", careless)
    fuzzer.run(2_000)

    assert fuzzer.wrong


@pytest.mark.parametrize("odd", ["\ud800", "\n", "\0", "\x7f", "\u202e", "\u2028"])
def test_an_odd_query_is_refused(fuzzer: Fuzzer, odd: str) -> None:
    """Also where a browser would be sent to the login, with the target signed."""
    browser = fuzzer.inside.browser()
    headers = {"Sec-Fetch-Mode": "navigate"}

    assert 302 == browser.verify("/articles?page=2", headers=headers).status
    assert 400 == browser.verify(f"/articles?page={odd}2", headers=headers).status
