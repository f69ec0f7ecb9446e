"""Who may log in to the host, with which keys, and who may become root."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from hostchecks.accounts import Accounts
    from hostchecks.results import Seen
    from hostchecks.sshd import Sshd
    from hostchecks.wanted import Wanted

GROUP = "ssh-users"


@pytest.fixture
def name(wanted: Wanted) -> str:
    """The operator's name; the check ends here if settings name none."""
    if not wanted.operator:
        not_observed("no settings were given: the operator's name is not known")
    return wanted.operator


@pytest.fixture
def operator(name: str, accounts: Accounts) -> str:
    """The name of the operator's account, which is there."""
    if name not in accounts.accounts:
        pytest.fail(f"there is no account {name}")
    return name


def fingerprints(lines: list[str]) -> set[str]:
    """Return the SHA256 fingerprints of public keys, as ssh-keygen prints them."""
    blobs = (
        base64.b64decode(word)
        for line in lines
        for word in line.split()
        if word.startswith("AAAA")
    )
    digests = (base64.b64encode(hashlib.sha256(blob).digest()) for blob in blobs)
    return {"SHA256:" + digest.decode().rstrip("=") for digest in digests}


@pytest.mark.control(
    id="ACC-01",
    title="The operator has an account of its own",
    severity="high",
    refs=("CIS Debian 12 5.1.20",),
)
def test_operator_account(operator: str, accounts: Accounts, seen: Seen) -> None:
    """Work is done under a name, with a shell, not as root."""
    account = accounts.accounts[operator]
    seen("", f"{operator} has uid {account.uid} and shell {account.shell}")

    assert account.uid != 0
    assert account.has_shell


@pytest.mark.control(
    id="ACC-02",
    title="The operator may log in",
    severity="high",
    refs=("Keepgate: never locked out",),
)
def test_operator_is_admitted(operator: str, accounts: Accounts, seen: Seen) -> None:
    """The operator is a member of the group that sshd admits."""
    assert operator in seen(f"group {GROUP}", accounts.members(GROUP))


@pytest.mark.control(
    id="ACC-03",
    title="Nobody else may log in",
    severity="high",
    refs=("CIS Debian 12 5.1.4",),
)
def test_nobody_else_is_admitted(
    name: str, accounts: Accounts, wanted: Wanted, seen: Seen
) -> None:
    """The group holds the accounts that the settings name, and no others."""
    named = {
        name,
        *wanted.get("accounts.users", {}),
        *wanted.get("accounts.adopt", ()),
    }

    assert named == seen(f"group {GROUP}", set(accounts.members(GROUP)))


@pytest.mark.control(
    id="ACC-04",
    title="Exactly the operator's keys open the operator's account",
    severity="high",
    refs=("dev-sec sshd-22",),
)
def test_operator_keys(
    operator: str, accounts: Accounts, wanted: Wanted, seen: Seen
) -> None:
    """A key that somebody added by hand is noticed."""
    named = fingerprints(list(wanted.get("operator.keys", ())))
    found = {key.fingerprint for key in accounts.keys.get(operator, ())}

    assert named == seen("keys", found)


@pytest.mark.control(
    id="ACC-05",
    title="No key opens root or an account that is not admitted",
    severity="medium",
    refs=("CIS Debian 12 5.4.2.4",),
)
def test_no_stray_keys(accounts: Accounts, seen: Seen) -> None:
    """Sshd reads no key file for root or for an account outside the group."""
    admitted = accounts.members(GROUP)
    strays = {
        f"{account}: {len(keys)}"
        for account, keys in accounts.keys.items()
        if keys and account not in admitted
    }

    assert set() == seen("keys of others", strays)


@pytest.mark.control(
    id="ACC-06",
    title="Keys are strong",
    severity="medium",
    refs=("dev-sec sshd-50",),
)
def test_keys_are_strong(accounts: Accounts, seen: Seen) -> None:
    """No DSA key and no RSA key under 3072 bits opens any account."""
    keys = [key for found in accounts.keys.values() for key in found]
    seen("kinds", {f"{key.kind} {key.bits}" for key in keys})
    weak = [
        key.fingerprint
        for key in keys
        if key.kind == "DSA" or (key.kind == "RSA" and key.bits < 3072)
    ]

    assert [] == seen("weak", weak)


@pytest.mark.control(
    id="ACC-07",
    title="The operator can become root",
    severity="high",
    refs=("CIS Debian 12 5.2.1",),
)
def test_operator_has_sudo(operator: str, accounts: Accounts, seen: Seen) -> None:
    """Without sudo the host could not be mended after root's login is closed."""
    rules = seen("sudo", accounts.sudoers().get(operator, []))
    may = [rule for rule in rules if "NOPASSWD: ALL" in rule]

    assert may, "no rule lets the operator do everything as root"


@pytest.mark.control(
    id="ACC-08",
    title="Nobody else who gets in can become root",
    severity="high",
    refs=("CIS Debian 12 5.2.4", "CIS Debian 12 5.4.2.4"),
)
def test_nobody_else_has_sudo(
    name: str, accounts: Accounts, sshd: Sshd, wanted: Wanted, seen: Seen
) -> None:
    """Of the accounts that may log in, only those the settings name have sudo.

    Rights of accounts that nobody can log in to are told, not judged.
    """
    users = wanted.get("accounts.users", {})
    named = {name, "root", *wanted.get("accounts.adopt", ())}
    named |= {user for user, rights in users.items() if rights.get("sudo")}
    others = set(accounts.sudoers()) - named
    closed = sshd.value("allowgroups") == GROUP
    inside = others & accounts.members(GROUP) if closed else others
    if others - inside:
        seen("sudo without a login", others - inside)

    assert set() == seen("sudo for others", inside)


@pytest.mark.control(
    id="ACC-24",
    title="Who was dropped cannot become root",
    severity="medium",
    refs=("CIS Debian 12 5.2.4", "Keepgate: accounts.drop"),
    remedy="run `keepgate apply`; if a rule of yours comes later than "
    "/etc/sudoers.d/zzz-keepgate-dropped, take it out",
)
def test_dropped_have_no_sudo(
    name: str, accounts: Accounts, wanted: Wanted, seen: Seen
) -> None:
    """Sudo itself, asked for each account of `accounts.drop`, grants it nothing."""
    dropped = [
        one
        for one in wanted.get("accounts.drop", ())
        if one != name and one in accounts.sudo and accounts.accounts[one].uid != 0
    ]
    if not dropped:
        not_observed("no account with a shell was dropped")
    rights = accounts.sudoers()

    for one in dropped:
        assert [] == seen(one, rights.get(one, []))
