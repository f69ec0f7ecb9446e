"""Configurations that would lock the operator out: refused, or undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.confirm.conftest import SOON

if TYPE_CHECKING:
    from tests.lab.confirm.conftest import Trial

pytestmark = pytest.mark.lab
TRIAL = "/etc/ssh/sshd_config.d/01-trial.conf"
DROPIN = "/etc/ssh/sshd_config.d/00-keepgate.conf"
HARMLESS = {"path": "/etc/issue.net", "content": "no entry\n"}


def _sshd(text: str) -> dict[str, object]:
    return {"files": [{"path": TRIAL, "content": text}]}


def test_unknown_cipher_is_refused_before_the_switch(trial: Trial) -> None:
    """A cipher that sshd does not know is refused with sshd's own words."""
    before = trial.read(DROPIN)

    told = trial.commit(files=[{"path": DROPIN, "append": "Ciphers rot13\n"}])

    assert told["status"] == "failed"
    assert "rot13" in told["message"]
    assert before == trial.read(DROPIN)
    trial.assert_safe(trial=None)


def test_login_group_without_the_operator_is_undone(trial: Trial) -> None:
    """A group that the operator is no member of is undone when he is turned away."""
    before = trial.read(DROPIN)
    other = {"AllowGroups ssh-users": "AllowGroups games"}

    told = trial.commit(files=[{"path": DROPIN, "replace": other}])

    assert told["status"] == "rolled_back"
    assert f"restored {DROPIN}" in told["report"]
    assert before == trial.read(DROPIN)
    trial.assert_safe(trial=None)


def test_firewall_without_ssh_is_undone(trial: Trial) -> None:
    """A packet filter that drops new SSH connections is taken away by its own timer."""
    table = "table inet trial"
    rules = (
        f"{table} {{ chain input {{ type filter hook input priority 0; policy drop;"
        " iif lo accept; ct state established,related accept; }; }\n"
    )

    told = trial.commit(
        files=[{"path": "/etc/trial.nft", "content": rules}],
        validate="nft -c -f /etc/trial.nft",
        activate="nft -f /etc/trial.nft",
        revert=f"nft 'add {table}; delete {table}'",
        timeout=SOON,
    )

    assert told["status"] == "rolled_back"
    assert "trial" not in trial.sh("nft list tables")
    assert trial.read("/etc/trial.nft") is None
    trial.assert_safe(trial=None)


def test_filter_that_cuts_running_connections_too_is_undone(trial: Trial) -> None:
    """When even the running connection is cut, the host undoes the change alone."""
    table = "table inet trial"
    rules = (
        f"{table} {{ chain input {{ type filter hook input priority 0; drop; }}; }}\n"
    )

    told = trial.commit(
        files=[{"path": "/etc/trial.nft", "content": rules}],
        validate="nft -c -f /etc/trial.nft",
        activate="nft -f /etc/trial.nft",
        revert=f"nft 'add {table}; delete {table}'",
        timeout=SOON,
    )

    assert told["status"] == "rolled_back"
    trial.assert_safe(trial=None)


def test_port_that_is_taken_at_reload_is_undone(trial: Trial) -> None:
    """When the reload ends sshd, the rollback starts it again."""
    trial.sh(
        "systemd-run -q --unit=squatter"
        ' python3 -c \'import socket, time; s = socket.create_server(("", 4444),'
        " family=socket.AF_INET6, dualstack_ipv6=True); time.sleep(600)'"
    )

    told = trial.commit(**_sshd("Port 4444\n"), timeout=SOON)

    assert told["status"] == "rolled_back"
    assert any("started" in line for line in told["report"])
    trial.assert_safe(trial=None)


def test_other_port_is_undone(trial: Trial) -> None:
    """An sshd that left its port is brought back to it."""
    told = trial.commit(**_sshd("Port 4444\n"), timeout=SOON)

    assert told["status"] == "rolled_back"
    trial.assert_safe(trial=None)


def test_password_still_offered_is_undone(trial: Trial) -> None:
    """A commit that promises no passwords is undone when the host offers them."""
    first = "/etc/ssh/sshd_config.d/00-first.conf"
    text = "PasswordAuthentication yes\nAuthenticationMethods any\n"

    told = trial.commit(files=[{"path": first, "content": text}], password_refused=True)

    assert told["status"] == "rolled_back"
    assert "password" in told["message"]
    assert trial.read(first) is None
    trial.assert_safe(trial=None)


def test_account_that_still_gets_in_undoes_the_commit(trial: Trial) -> None:
    """An account that shall be turned away and is not undoes the commit."""
    trial.sh(
        "usermod -aG ssh-users games -s /bin/sh;"
        " cp /etc/ssh/authorized_keys.d/keeper /etc/ssh/authorized_keys.d/games"
    )

    told = trial.commit(refused=["games"])

    assert told["status"] == "rolled_back"
    assert "games still gets in" in told["message"]
    trial.assert_safe(trial=None)


def test_failing_activation_is_undone_with_its_steps(trial: Trial) -> None:
    """Steps that were done are undone in reverse order, then the files come back."""
    told = trial.commit(
        before=[
            {
                "summary": "make group trial",
                "do": "groupadd trial",
                "undo": "! getent group trial || groupdel trial",
            }
        ],
        files=[HARMLESS],
        activate="false",
    )

    assert told["status"] == "rolled_back"
    assert "undid: make group trial" in told["report"]
    assert trial.sh("getent group trial || echo gone").strip() == "gone"
    assert trial.read("/etc/issue.net") != "no entry\n"
    trial.assert_safe(trial=None)


def test_validation_sees_the_whole_and_the_host_does_not(trial: Trial) -> None:
    """The validation sees files that come, change and go; the host keeps its own."""
    told = trial.commit(
        files=[
            {"path": "/etc/trial.d", "folder": True},
            {"path": "/etc/trial.d/new", "content": "new\n"},
            {"path": "/etc/issue.net", "content": "changed\n"},
            {"path": "/etc/issue", "remove": True},
        ],
        validate="cat /etc/trial.d/new /etc/issue.net; ! [ -e /etc/issue ]; exit 1",
    )

    assert told["status"] == "failed"
    assert "new; changed" in told["message"]
    assert trial.sh("ls -d /etc/trial.d /etc/issue 2>/dev/null", check=False) == (
        "/etc/issue\n"
    )
    trial.assert_safe(trial=None)
