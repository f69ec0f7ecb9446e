"""The controls of the agent: they hold on a guarded host, and each can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.lab.agent.conftest import REOPEN

if TYPE_CHECKING:
    from tests.lab.agent.conftest import Guarded

pytestmark = pytest.mark.lab

_LOG: Final = "/var/lib/auth-agent/audit/000001.jsonl"
_UNIT: Final = "/run/systemd/system/auth-agent.service.d"

FAULTS: Final = {
    "AGT-01": "systemctl --quiet disable auth-agent",
    "AGT-02": "chmod 0755 /run/auth-agent/gate",
    "AGT-03": f"mkdir -p {_UNIT}; printf '[Service]\\nPrivateNetwork=no\\n"
    "ProtectSystem=no\\nNoNewPrivileges=no\\nCapabilityBoundingSet=~\\n"
    f"SystemCallFilter=\\n' >{_UNIT}/zz.conf; systemctl daemon-reload",
    "AGT-04": "chmod 0644 /etc/auth-agent/secret",
    "AGT-05": "chmod 0666 /opt/auth-agent/current/bin/auth-agent",
    "AGT-07": REOPEN.format(_LOG),
    # One letter of the first record.
    "AGT-06": f'cp -p {_LOG} /root/log; sed -i \'1s/"v":1/"v":2/;1s/system/sYstem/\''
    f" {_LOG}",
}
_UNDO: Final = (
    f"rm -rf {_UNIT}; systemctl daemon-reload; chmod 0750 /run/auth-agent/gate;"
    f" chmod 0755 /opt/auth-agent/current/bin/auth-agent; cat /root/log >{_LOG}"
)
"""Undoes what no `apply` undoes, but for the log's new place on the disk."""


def _verify(on: Guarded) -> dict[str, dict[str, Any]]:
    done = on.run("verify", topics=("agent",))
    after = done.only["after"]
    assert after is not None, done.out
    return {finding["id"]: finding for finding in after["findings"]}


def test_controls_hold_on_a_guarded_host(either: Guarded) -> None:
    """All of them, and all are observed."""
    found = _verify(either)

    assert set(FAULTS) == set(found)
    assert {"passed"} == {one["outcome"] for one in found.values()}, found


@pytest.mark.xdist_group("agent-trixie")
def test_faults_are_found(trixie: Guarded) -> None:
    """Each control fails by a fault of its own; `apply` mends what it manages."""
    # The agent writes on into the file that it has open.
    trixie.sh("systemctl stop auth-agent")
    trixie.sh(f"{FAULTS['AGT-07']}\n{FAULTS['AGT-06']}")
    trixie.sh("systemctl start auth-agent", check=False)
    trixie.sh(FAULTS["AGT-07"])
    trixie.sh("\n".join(FAULTS[one] for one in FAULTS if one < "AGT-06"))
    try:
        found = _verify(trixie)
    finally:
        trixie.sh(f"systemctl stop auth-agent\n{REOPEN.format(_LOG)}{_UNDO}")
        trixie.apply()

    assert set() == {one for one in FAULTS if found[one]["outcome"] != "failed"}, found
    found = _verify(trixie)
    assert {"passed"} == {one["outcome"] for one in found.values()}, found


@pytest.mark.xdist_group("agent-trixie")
def test_a_file_system_without_the_flag_is_told(trixie: Guarded) -> None:
    """There the log counts as not observed, never as passed."""
    audit = "/var/lib/auth-agent/audit"
    trixie.sh(f"mount -t ramfs none {audit}; touch {audit}/000001.jsonl")
    try:
        found = _verify(trixie)["AGT-07"]
    finally:
        trixie.sh(f"umount {audit}")

    assert "not_observed" == found["outcome"]
    assert "knows no append-only files" in found["reason"]
