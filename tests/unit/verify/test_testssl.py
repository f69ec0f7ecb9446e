"""How testssl.sh's word is read, by what it really writes."""

from __future__ import annotations

from hostchecks.testssl import ASKED, judge, read

FINE = [{"id": name, "severity": "OK", "finding": "fine"} for name in ASKED]


def _with(name: str, severity: str) -> list[dict[str, str]]:
    told = [one for one in FINE if one["id"] != name]
    return [*told, {"id": name, "severity": severity, "finding": "bad luck"}]


def test_who_is_told_nothing_against_has_nothing_against_it() -> None:
    """What was looked at and found well, or told for information."""
    assert "" == read(_with("RC4", "INFO")).text


def test_every_fault_is_told() -> None:
    """However small it is thought to be."""
    for severity in ("LOW", "MEDIUM", "HIGH", "CRITICAL"):
        assert "BEAST: bad luck" == read(_with("BEAST", severity)).text


def test_what_could_not_be_told_is_no_fault() -> None:
    """It is named apart."""
    found = read(_with("secure_client_renego", "WARN"))

    assert "" == found.text
    assert ("secure_client_renego",) == found.open


def test_silence_and_surrender_are_no_approval() -> None:
    """One question that is not answered is enough."""
    quiet = [one for one in FINE if one["id"] != "RC4"]
    assert "says nothing of RC4" in read(quiet).text
    assert "gave up: bad luck" in read(_with("scanProblem", "FATAL")).text
    (ended,) = judge("true", "127.0.0.1", ["a.kg.test"]).values()
    assert "came to no end" in ended.text
