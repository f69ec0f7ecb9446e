"""Other people's lines in sshd's configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploys.common.changes import Refusal
from deploys.settings import Settings
from deploys.ssh.config import MAIN
from deploys.ssh.facts import SshHost
from deploys.ssh.plan import plan

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., SshHost]


def _refusals(
    host: MakeHost, settings: MakeSettings, text: str, stem: str = "99_foreign"
) -> tuple[Refusal, ...]:
    return plan(settings(), host(**{stem: text})).refusals


@pytest.mark.parametrize(
    "line",
    [
        "PasswordAuthentication yes",
        "passwordauthentication=yes",
        "PermitRootLogin yes",
        "ChallengeResponseAuthentication yes",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "AuthenticationMethods any",
        "X11Forwarding yes",
        "DisableForwarding no",
        "MaxSessions 1",
    ],
)
@pytest.mark.parametrize("criterion", ["User bob", "Address 10.0.0.0/8", "Group wheel"])
def test_match_block_that_weakens_is_refused(
    host: MakeHost, settings: MakeSettings, line: str, criterion: str
) -> None:
    """A Match block beats the drop-in wherever it stands."""
    (refusal,) = _refusals(host, settings, f"Match {criterion}\n  {line}\n")

    assert "ssh-foreign-match" == refusal.code
    assert "/etc/ssh/sshd_config.d/99-foreign.conf:2" in refusal.message
    assert criterion in refusal.message


@pytest.mark.parametrize(
    "block",
    [
        "Match User bob\n  PasswordAuthentication no\n",
        "Match User bob\n  AllowTcpForwarding NO\n",
        "Match User git\n  Banner none\n",
        "Match Group sftponly\n  ChrootDirectory /srv\n  ForceCommand internal-sftp\n",
        "PermitTTY no\nSubsystem other /bin/x\nAcceptEnv FOO\n",
        "DenyUsers mallory\n",
        "AllowUsers keeper\n",
        "AllowUsers k*\n",
        "AllowGroups ssh-users\n",
        "PasswordAuthentication yes\nPermitRootLogin yes\n",
        "HostKey /etc/ssh/ssh_host_rsa_key\n",
    ],
)
def test_line_that_does_no_harm_stays(
    host: MakeHost, settings: MakeSettings, block: str
) -> None:
    """What is as strict, cosmetic, overridden or none of ours is left alone."""
    assert () == _refusals(host, settings, block)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("AllowGroups admins", "ssh-foreign-allow"),
        ("AllowGroups admins ssh-users", "ssh-foreign-allow"),
        ("AllowUsers alice bob", "ssh-foreign-allow"),
        ("AllowUsers keeper@10.0.0.0/8", "ssh-foreign-allow"),
        ("AllowUsers * !keeper", "ssh-foreign-allow"),
        ("DenyUsers keeper", "ssh-foreign-deny"),
        ("DenyUsers k*@192.0.2.1", "ssh-foreign-deny"),
        ("DenyGroups ssh-users", "ssh-foreign-deny"),
    ],
)
def test_line_that_is_united_with_ours_is_refused(
    host: MakeHost, settings: MakeSettings, line: str, code: str
) -> None:
    """The first value does not win for these: sshd takes all of them together."""
    (refusal,) = _refusals(host, settings, line)

    assert code == refusal.code
    assert refusal.fix


def test_line_before_the_drop_in_is_refused(
    host: MakeHost, settings: MakeSettings
) -> None:
    """A name that sorts before ours wins, as ours wins over the others."""
    (refusal,) = _refusals(host, settings, "PermitRootLogin yes\n", "00_a")

    assert "ssh-foreign-first" == refusal.code


def test_line_above_the_include_is_refused(
    host: MakeHost, settings: MakeSettings
) -> None:
    """The main file wins where it speaks first."""
    before = host()
    texts = {**before.texts, MAIN: f"UsePAM no\n{before.texts[MAIN]}"}

    (refusal,) = plan(settings(), replace(before, texts=texts)).refusals

    assert f"{MAIN}:1" in refusal.message


def test_main_file_without_include_is_refused(
    host: MakeHost, settings: MakeSettings
) -> None:
    """The drop-in would have no effect; the remedy is one line."""
    before = host()
    texts = {**before.texts, MAIN: "UsePAM yes\n"}

    (refusal,) = plan(settings(), replace(before, texts=texts)).refusals

    assert "ssh-no-include" == refusal.code
    assert "Include /etc/ssh/sshd_config.d/*.conf" in refusal.fix


def test_include_under_match_is_refused(host: MakeHost, settings: MakeSettings) -> None:
    """The drop-in would count for some connections only."""
    before = host()
    text = "Match User bob\nInclude /etc/ssh/sshd_config.d/*.conf\n"

    codes = [
        refusal.code
        for refusal in plan(
            settings(), replace(before, texts={**before.texts, MAIN: text})
        ).refusals
    ]

    assert "ssh-include-in-match" in codes


def test_tunnel_in_a_match_block_points_at_the_setting(
    host: MakeHost, settings: MakeSettings
) -> None:
    """A jump host's user is told where such accounts belong."""
    (refusal,) = _refusals(host, settings, "Match User j\n  AllowTcpForwarding yes\n")

    assert "ssh.forwarding_users" in refusal.fix
