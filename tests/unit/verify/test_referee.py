"""How sslyze's word is read, by what it really says of a server."""

from __future__ import annotations

import pytest
from hostchecks import referee
from hostchecks.referee import RefereeError, Verdict, judge, read

SAID = """
   gone.kg.test:443          => ERROR: Server rejected the connection; discarding scan.

 COMPLIANCE AGAINST TLS CONFIGURATION
 ------------------------------------

    good.kg.test:443: OK - Compliant.

    weak.kg.test:443: FAILED - Not compliant.
        * certificate_path_validation: Certificate path validation failed for .
        * tls_curves: TLS curves {'secp521r1'} are supported, but should be rejected.
        * ciphers: Cipher suites {'TLS_X'} are supported, but should be rejected.

    half.kg.test:443: ERROR - Scan did not run successfully; review the scan logs above.
"""


def test_each_name_gets_its_own_verdict() -> None:
    """Whose authority is trusted is left to the control that asks for that."""
    assert {
        "gone.kg.test": "Server rejected the connection",
        "good.kg.test": "",
        "weak.kg.test": "tls_curves: TLS curves {'secp521r1'} are supported, but should"
        " be rejected.; ciphers: Cipher suites {'TLS_X'} are supported, but should be"
        " rejected.",
        "half.kg.test": "the scan failed",
    } == {name: verdict.text for name, verdict in read(SAID).items()}


def test_silence_is_no_verdict() -> None:
    """A program that says nothing of a site is an error, not an approval."""
    with pytest.raises(RefereeError, match=r"nothing of a\.kg\.test"):
        judge(["true"], "127.0.0.1", ["a.kg.test"])


def test_the_program_is_there_and_its_words_are_read() -> None:
    """In the locked environment, whoever answers on this machine, if anybody does."""
    command = referee.program()
    assert command is not None

    assert {"a.kg.test"} == set(judge(command, "127.0.0.1", ["a.kg.test"]))


def test_a_verdict_without_a_word_is_empty() -> None:
    """Nothing to object, no trouble."""
    assert "" == Verdict().text
