"""Who gets in by SSH: members of one group, by key, never root, never a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from hostchecks.accounts import Accounts
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.sshd import Sshd
    from hostchecks.wanted import Wanted

GROUP = "ssh-users"


@pytest.mark.control(
    id="SSH-01",
    title="Root cannot log in",
    severity="high",
    refs=("CIS Debian 12 5.1.20", "Lynis SSH-7408", "dev-sec sshd-06"),
)
def test_root_cannot_log_in(sshd: Sshd, seen: Seen) -> None:
    """Root's direct login is off for every origin: people log in by name."""
    assert "no" == seen("permitrootlogin", sshd.value("permitrootlogin"))


@pytest.mark.control(
    id="SSH-02",
    title="A key is the only way in",
    severity="high",
    refs=("dev-sec sshd-22", "dev-sec sshd-27"),
)
def test_only_keys(sshd: Sshd, seen: Seen) -> None:
    """Public key authentication is on and the only method that suffices."""
    methods = seen("authenticationmethods", sshd.value("authenticationmethods"))
    keys = seen("pubkeyauthentication", sshd.value("pubkeyauthentication"))

    assert ("publickey", "yes") == (methods, keys)


@pytest.mark.control(
    id="SSH-03",
    title="Password login is off",
    severity="high",
    refs=("Lynis SSH-7408", "dev-sec sshd-27"),
)
def test_passwords_are_off(sshd: Sshd, seen: Seen) -> None:
    """No account may log in with a password, whatever a drop-in says."""
    value = sshd.value("passwordauthentication")

    assert "no" == seen("passwordauthentication", value)


@pytest.mark.control(
    id="SSH-04",
    title="Keyboard-interactive login is off",
    severity="high",
    refs=("dev-sec sshd-29",),
)
def test_keyboard_interactive_is_off(sshd: Sshd, seen: Seen) -> None:
    """The other road to a password, through PAM, is closed too."""
    value = sshd.value("kbdinteractiveauthentication")

    assert "no" == seen("kbdinteractiveauthentication", value)


@pytest.mark.control(
    id="SSH-05",
    title="Empty passwords are refused",
    severity="high",
    refs=("CIS Debian 12 5.1.19", "Lynis SSH-7408", "dev-sec sshd-28"),
)
def test_empty_passwords_are_refused(sshd: Sshd, seen: Seen) -> None:
    """An account without a password does not let anybody in."""
    assert "no" == seen("permitemptypasswords", sshd.value("permitemptypasswords"))


@pytest.mark.control(
    id="SSH-06",
    title="Only members of one group are admitted",
    severity="high",
    refs=("CIS Debian 12 5.1.4", "Lynis SSH-7440"),
)
def test_one_group_is_admitted(sshd: Sshd, seen: Seen) -> None:
    """A new account, say of a package, cannot log in unless somebody says so."""
    assert GROUP == seen("allowgroups", sshd.value("allowgroups"))


@pytest.mark.control(
    id="SSH-07",
    title="Host-based trust is off",
    severity="medium",
    refs=("CIS Debian 12 5.1.10", "CIS Debian 12 5.1.11", "dev-sec sshd-25"),
)
def test_host_based_trust_is_off(sshd: Sshd, seen: Seen) -> None:
    """No other host can vouch for its users, and no .rhosts file is read."""
    hosts = seen("hostbasedauthentication", sshd.value("hostbasedauthentication"))
    rhosts = seen("ignorerhosts", sshd.value("ignorerhosts"))

    assert ("no", "yes") == (hosts, rhosts)


@pytest.mark.control(
    id="SSH-08",
    title="Kerberos and GSSAPI logins are off",
    severity="low",
    refs=("CIS Debian 12 5.1.9", "dev-sec sshd-30", "dev-sec sshd-33"),
)
def test_kerberos_is_off(sshd: Sshd, seen: Seen) -> None:
    """Code that nobody uses here is not reachable before a login."""
    gssapi = seen("gssapiauthentication", sshd.value("gssapiauthentication"))
    kerberos = seen("kerberosauthentication", sshd.value("kerberosauthentication"))

    # A build without Kerberos has no such keyword, which is as good.
    assert {gssapi, kerberos} <= {"no", ""}


@pytest.mark.control(
    id="SSH-09",
    title="PAM is asked about accounts",
    severity="medium",
    refs=("CIS Debian 12 5.1.22",),
)
def test_pam_is_used(sshd: Sshd, seen: Seen) -> None:
    """Without PAM a locked password would also refuse the account's key."""
    assert "yes" == seen("usepam", sshd.value("usepam"))


@pytest.mark.control(
    id="SSH-10",
    title="Keys are read from root's directory only",
    severity="high",
    refs=("dev-sec sshd-11",),
)
def test_keys_come_from_roots_directory(
    accounts: Accounts, sshd: Sshd, seen: Seen
) -> None:
    """Whoever takes an account over cannot add a key that outlives the clean-up."""
    pattern = seen("authorizedkeysfile", sshd.value("authorizedkeysfile"))
    owners = {
        str(stat)
        for stats in accounts.key_stats.values()
        for stat in stats
        if stat.user != "root" or stat.others_may_write
    }
    elsewhere = [part for part in pattern.split() if not part.startswith("/etc/ssh/")]

    assert [] == elsewhere
    assert set() == owners
    assert "yes" == sshd.value("strictmodes")


@pytest.mark.control(
    id="SSH-11",
    title="No other source of keys is trusted",
    severity="high",
    refs=("dev-sec sshd-22",),
)
def test_no_other_key_source(sshd: Sshd, wanted: Wanted, seen: Seen) -> None:
    """No certificate authority and no program hands out logins beside the files."""
    if wanted.get("ssh.authorities") == "keep":
        not_observed("ssh.authorities is `keep`: the settings want other sources")
    authority = seen("trustedusercakeys", sshd.value("trustedusercakeys"))
    program = seen("authorizedkeyscommand", sshd.value("authorizedkeyscommand"))

    assert ("none", "none") == (authority, program)


@pytest.mark.control(
    id="SSH-12",
    title="RSA keys under 3072 bits are refused",
    severity="medium",
    refs=("dev-sec sshd-50",),
)
def test_short_rsa_keys_are_refused(sshd: Sshd, seen: Seen) -> None:
    """A key that an attacker may come to factor opens nothing."""
    if not sshd.knows("requiredrsasize"):
        not_observed("this OpenSSH has no RequiredRSASize")
    assert seen("requiredrsasize", sshd.number("requiredrsasize")) >= 3072


@pytest.mark.control(
    id="SSH-13",
    title="Users cannot set the environment of their login",
    severity="medium",
    refs=("CIS Debian 12 5.1.21", "Lynis SSH-7408", "dev-sec sshd-17"),
)
def test_user_environment_is_off(sshd: Sshd, seen: Seen) -> None:
    """A key file or ~/.ssh/environment cannot preload a library."""
    assert "no" == seen("permituserenvironment", sshd.value("permituserenvironment"))


@pytest.mark.control(
    id="SSH-14",
    title="No hosts.deny rule stands in the way of SSH",
    severity="low",
    refs=("CIS Debian 12 5.1.4",),
)
def test_hosts_deny_is_silent(answers: dict[str, Section], seen: Seen) -> None:
    """Access is decided in two places that this report shows, not in a third."""
    rules = answers["hosts-deny"].lines

    assert [] == seen("/etc/hosts.deny", rules)
