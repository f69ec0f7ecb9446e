"""Accounts, groups and sudo rules as files: valid, private, without surprises."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hostchecks.accounts import defaults
from hostchecks.results import not_observed
from hostchecks.system import Stat, stats

if TYPE_CHECKING:
    from hostchecks.accounts import Accounts
    from hostchecks.batch import Section
    from hostchecks.results import Seen

EMPTY = "empty"
OPEN = ("/tmp", "/var/tmp", "/home")  # noqa: S108 - looked for, never used


@pytest.fixture
def files(answers: dict[str, Section]) -> dict[str, Stat]:
    """Owner and mode of the account files."""
    return stats(answers["account-files"].lines)


@pytest.mark.control(
    id="ACC-09",
    title="Commands by sudo run in a terminal of their own",
    severity="low",
    refs=("CIS Debian 12 5.2.2",),
)
def test_sudo_uses_a_pty(
    accounts: Accounts, answers: dict[str, Section], seen: Seen
) -> None:
    """A command cannot push input into the terminal it was started from."""
    if "sudo-rs" in answers["sudo-version"].text:
        not_observed("sudo-rs always uses a terminal of its own and does not say so")
    found = defaults(next(iter(accounts.sudo.values()), ""))

    # A later line wins.
    told = [item for item in found if item in ("use_pty", "!use_pty")]

    assert ["use_pty"] == seen("Defaults", told)[-1:]


@pytest.mark.control(
    id="ACC-10",
    title="What is done by sudo is recorded",
    severity="medium",
    refs=("CIS Debian 12 5.2.3",),
)
def test_sudo_is_recorded(
    accounts: Accounts, answers: dict[str, Section], seen: Seen
) -> None:
    """No rule switches the record off: it goes to the journal, or to a file too."""
    if "sudo-rs" in answers["sudo-version"].text:
        not_observed("sudo-rs always logs to the journal and does not say so")
    found = defaults(next(iter(accounts.sudo.values()), ""))
    record = [item for item in found if re.match(r"!?(syslog|logfile)\b", item)]
    seen("Defaults", record or "to the journal")

    assert "!syslog" not in record, "sudo logs nothing to the journal"


@pytest.mark.control(
    id="ACC-11",
    title="The sudo rules are valid",
    severity="high",
    refs=("CIS Debian 12 5.2.1", "Lynis AUTH-9250"),
)
def test_sudoers_are_valid(answers: dict[str, Section], seen: Seen) -> None:
    """Visudo accepts every file: a broken one takes sudo from everybody."""
    found = answers["sudo-valid"]
    seen("visudo -c", found.lines[-1] if found.lines else "silent")

    assert 0 == found.status


@pytest.mark.control(
    id="ACC-12",
    title="Only root may read or change the sudo rules",
    severity="medium",
    refs=("Lynis AUTH-9252",),
)
def test_sudoers_are_private(files: dict[str, Stat], seen: Seen) -> None:
    """Files of 0440 or stricter, in a folder that others cannot write."""
    rules = [stat for path, stat in files.items() if path.startswith("/etc/sudoers")]
    loose = [
        str(stat)
        for stat in rules
        if stat.user != "root"
        or stat.others_may_write
        or (stat.kind != "directory" and stat.mode & 0o337)
    ]
    seen("files", len(rules))

    assert [] == seen("too open", loose)


@pytest.mark.control(
    id="ACC-13",
    title="Root is the only account with uid 0",
    severity="high",
    refs=("CIS Debian 12 5.4.2.1", "Lynis AUTH-9204"),
)
def test_one_root(accounts: Accounts, seen: Seen) -> None:
    """No second name for root hides in the list."""
    roots = [name for name, one in accounts.accounts.items() if one.uid == 0]

    assert ["root"] == seen("uid 0", roots)


@pytest.mark.control(
    id="ACC-14",
    title="No account has an empty password",
    severity="high",
    refs=("CIS Debian 12 7.2.2", "Lynis AUTH-9283", "dev-sec sshd-28"),
)
def test_no_empty_passwords(accounts: Accounts, seen: Seen) -> None:
    """An empty password opens the console and su without asking."""
    empty = [name for name, one in accounts.accounts.items() if one.password == EMPTY]

    assert [] == seen("empty passwords", empty)


@pytest.mark.control(
    id="ACC-15",
    title="Passwords stand in /etc/shadow only",
    severity="high",
    refs=("CIS Debian 12 7.2.1", "dev-sec os-03b"),
)
def test_passwords_are_shadowed(accounts: Accounts, seen: Seen) -> None:
    """No hash can be read by everybody."""
    bare = [name for name, one in accounts.accounts.items() if one.hash_in_passwd]

    assert [] == seen("hashes in passwd", bare)


@pytest.mark.control(
    id="ACC-16",
    title="Root has no password",
    severity="medium",
    refs=("CIS Debian 12 5.4.2.4",),
)
def test_root_has_no_password(accounts: Accounts, seen: Seen) -> None:
    """Becoming root goes through sudo, with a name in the log."""
    assert "locked" == seen("root's password", accounts.accounts["root"].password)


@pytest.mark.control(
    id="ACC-17",
    title="Names and numbers of accounts and groups are unique",
    severity="medium",
    refs=("CIS Debian 12 7.2.5", "CIS Debian 12 7.2.6", "dev-sec os-07"),
)
def test_accounts_are_unique(accounts: Accounts, seen: Seen) -> None:
    """A file belongs to one account, and a log line means one account."""
    assert {} == seen("duplicates", accounts.duplicates)


@pytest.mark.control(
    id="ACC-18",
    title="System accounts have no shell",
    severity="medium",
    refs=("CIS Debian 12 5.4.2.7",),
)
def test_system_accounts_have_no_shell(accounts: Accounts, seen: Seen) -> None:
    """A hijacked service account has nothing to log in to."""
    shells = [
        name
        for name, one in accounts.accounts.items()
        if 0 < one.uid < 1000 and one.has_shell
    ]

    assert [] == seen("with a shell", shells)


@pytest.mark.control(
    id="ACC-19",
    title="Account files belong to root and others cannot write them",
    severity="high",
    refs=("CIS Debian 12 7.1.1", "CIS Debian 12 7.1.3", "dev-sec os-03"),
)
def test_account_files(files: dict[str, Stat], seen: Seen) -> None:
    """Passwd and group are 0644 at most, backups included."""
    public = [f"/etc/{name}" for name in ("passwd", "passwd-", "group", "group-")]
    found = [files[path] for path in public if path in files]
    loose = [str(stat) for stat in found if stat.user != "root" or stat.mode & 0o133]

    assert [] == seen("too open", loose)


@pytest.mark.control(
    id="ACC-20",
    title="Password files are closed to ordinary accounts",
    severity="high",
    refs=("CIS Debian 12 7.1.5", "CIS Debian 12 7.1.7", "dev-sec os-02"),
)
def test_shadow_files(files: dict[str, Stat], seen: Seen) -> None:
    """Shadow and gshadow are root's, 0640 at most, of group root or shadow."""
    secret = [f"/etc/{name}" for name in ("shadow", "shadow-", "gshadow", "gshadow-")]
    found = [files[path] for path in secret if path in files]
    loose = [
        str(stat)
        for stat in found
        if stat.user != "root"
        or stat.mode & 0o137
        or stat.group not in ("root", "shadow")
    ]
    seen.note(", ".join(str(stat) for stat in found[:1]))

    assert [] == seen("too open", loose)


@pytest.mark.control(
    id="ACC-21",
    title="No file lends trust to other hosts or keeps logins in the clear",
    severity="medium",
    refs=("dev-sec os-01", "dev-sec os-09", "CIS Debian 12 7.2.10"),
)
def test_no_legacy_trust(answers: dict[str, Section], seen: Seen) -> None:
    """There is no hosts.equiv, .rhosts, .shosts or .netrc."""
    assert [] == seen("files", answers["legacy-trust"].lines)


@pytest.mark.control(
    id="ACC-22",
    title="Homes belong to their owners",
    severity="medium",
    refs=("CIS Debian 12 7.2.9",),
)
def test_homes(answers: dict[str, Section], seen: Seen) -> None:
    """Nobody else can put files into the home of an account with a shell."""
    loose = []
    for line in answers["homes"].lines:
        user, _, rest = line.partition("|")
        (stat,) = stats([rest]).values()
        if stat.user != user or stat.others_may_write:
            loose.append(f"{user}: {stat}")
    seen("homes", len(answers["homes"].lines))

    assert [] == seen("too open", loose)


@pytest.mark.control(
    id="ACC-23",
    title="Root's search path is safe",
    severity="medium",
    refs=("dev-sec os-04", "CIS Debian 12 5.4.2.5"),
)
def test_root_path(answers: dict[str, Section], seen: Seen) -> None:
    """Root never runs a program from the folder it happens to be in."""
    entries = answers["root-path"].text.strip().split(":")

    assert [] == [
        entry
        for entry in seen("PATH", entries)
        if not PurePosixPath(entry).is_absolute() or entry.startswith(OPEN)
    ]
