"""What the network sees of the host: asked from here, believed by nobody's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostchecks.logins import NoAnswer
from hostchecks.outside import WouldBan
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from concurrent.futures import Future

    from hostchecks.logins import Attempt
    from hostchecks.outside import BanTrial, Outside
    from hostchecks.results import Seen
    from hostchecks.scan import Scan
    from hostchecks.visit import Visit
    from hostchecks.wanted import Wanted

# What ssh-audit still warns of in the default profile: no post-quantum part.
CLASSICAL = {
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
}
LIMIT = 240.0  # seconds for one probe, on an emulated machine too


def _attempt(future: Future[Attempt]) -> Attempt:
    try:
        return future.result(LIMIT)
    except (WouldBan, NoAnswer) as error:
        not_observed(str(error))


def _admitted(trial: BanTrial, wanted: Wanted) -> None:
    if wanted.networks and not trial.reached_before:
        not_observed("SSH is open to the operator's networks only: nobody to ban")


def _judge_ports(found: Scan | None, wanted: Wanted, visit: Visit, seen: Seen) -> None:
    if found is None:
        not_observed("the host has no address of this family that is known here")
    if not found.reachable:
        not_observed(f"there is no route from here to {found.address}")
    seen(f"{found.address}, {found.scanned} ports: open", found.open)
    seen.note(f"{len(found.refused)} refused, {found.silent} silent")
    named = visit.sshd.ports | set(wanted.ports("tcp"))

    assert set(found.open) <= named
    # A filter is silent; a host without one refuses what nobody listens on, as does
    # an open port whose service has not come yet.
    unfiltered = set(found.refused) - named
    assert not unfiltered, (
        f"nothing filters: {len(unfiltered)} ports refused, not silent"
    )


@pytest.mark.control(
    id="OUT-01",
    title="Only the named TCP ports answer on IPv4",
    severity="high",
    refs=("CIS Debian 12 4.3.8", "Lynis FIRE-4590"),
)
def test_open_ports_ipv4(
    outside: Outside, wanted: Wanted, visit: Visit, seen: Seen
) -> None:
    """A connect scan from here finds SSH and the settings' ports, else silence."""
    _judge_ports(outside.scan4.result(LIMIT), wanted, visit, seen)


@pytest.mark.control(
    id="OUT-02",
    title="Only the named TCP ports answer on IPv6",
    severity="high",
    refs=("CIS Debian 12 4.3.8",),
)
def test_open_ports_ipv6(
    outside: Outside, wanted: Wanted, visit: Visit, seen: Seen
) -> None:
    """The same scan of the host's IPv6 address."""
    _judge_ports(outside.scan6.result(LIMIT), wanted, visit, seen)


@pytest.mark.control(
    id="OUT-03",
    title="ssh-audit finds no weak algorithm",
    severity="high",
    refs=("ssh-audit",),
)
def test_ssh_audit(outside: Outside, wanted: Wanted, seen: Seen) -> None:
    """No failure, and no warning but for key exchanges without a post-quantum part."""
    audit = outside.audit.result(LIMIT)
    failures = seen("failures", set(audit.failures))
    warnings = seen("warnings", set(audit.warnings))

    assert set() == failures
    assert set() == warnings - (set() if wanted.pq_only else CLASSICAL)


@pytest.mark.control(
    id="OUT-04",
    title="The server passes a hardening policy of ssh-audit",
    severity="medium",
    refs=("ssh-audit policy",),
)
def test_ssh_audit_policy(outside: Outside, seen: Seen) -> None:
    """Algorithms, their order and the host key are exactly the policy's."""
    trial = outside.policy.result(LIMIT)
    seen("policy", trial.name)

    assert () == seen("deviations", trial.deviations)
    assert trial.passed, "ssh-audit does not say that it passes"


@pytest.mark.control(
    id="OUT-05",
    title="The server offers keys and nothing else",
    severity="high",
    refs=("dev-sec sshd-27", "Lynis SSH-7408"),
)
def test_methods_on_offer(outside: Outside, seen: Seen) -> None:
    """Asked for its methods, the server names public keys only."""
    assert ("publickey",) == seen("methods", _attempt(outside.own_login).methods)


@pytest.mark.control(
    id="OUT-06",
    title="A password is really refused",
    severity="high",
    refs=("dev-sec sshd-27", "Lynis SSH-7408"),
)
def test_password_is_refused(outside: Outside, seen: Seen) -> None:
    """A password sent all the same is not even looked at."""
    trial = _attempt(outside.own_login)
    seen(f"{trial.user} with a password", "let in" if trial.password else "refused")

    assert not trial.password, "a made-up password was accepted"
    assert set() == {"password", "keyboard-interactive"} & set(trial.methods)


@pytest.mark.control(
    id="OUT-07",
    title="Root is really refused",
    severity="high",
    refs=("CIS Debian 12 5.1.20", "dev-sec sshd-06"),
)
def test_root_is_refused(outside: Outside, seen: Seen) -> None:
    """Root does not get in with the key that opens the operator's account."""
    trial = _attempt(outside.root_login)
    seen("root with our key", "let in" if trial.key else "refused")

    assert not trial.key, "root was let in"


@pytest.mark.control(
    id="OUT-08",
    title="A fresh login still works",
    severity="high",
    refs=("Keepgate: never locked out",),
)
def test_fresh_login(outside: Outside, seen: Seen) -> None:
    """A new connection, not the shared one, lets us in with our key."""
    trial = _attempt(outside.own_login)
    if trial.key is False and not trial.methods:
        not_observed("our key is in no file and no agent")
    seen(f"{trial.user} with our key", "let in" if trial.key else "refused")

    assert trial.key, "our own key was refused"


@pytest.mark.control(
    id="OUT-09",
    title="The host shows the key that is pinned",
    severity="high",
    refs=("Keepgate: strict host keys",),
)
def test_host_key_is_pinned(outside: Outside, seen: Seen) -> None:
    """A fresh connection meets the host key of our own known_hosts file."""
    trial = _attempt(outside.own_login)
    seen("host key", trial.host_key)

    assert trial.host_key_pinned, "it is not the key in known_hosts"


@pytest.mark.control(
    id="OUT-10",
    title="The greeting does not name the distribution",
    severity="low",
    refs=("dev-sec sshd-47",),
)
def test_greeting(outside: Outside, seen: Seen) -> None:
    """A scanner does not learn package and patch level from the first line."""
    greeting = seen("greeting", _attempt(outside.own_login).banner)

    assert [] == [word for word in ("debian", "ubuntu") if word in greeting.lower()]


@pytest.mark.control(
    id="OUT-11",
    title="A misbehaving address is really banned",
    severity="high",
    refs=("Lynis TOOL-5104",),
)
def test_real_ban(outside: Outside, wanted: Wanted, visit: Visit, seen: Seen) -> None:
    """Guessing passwords from a second address ends in a ban of that address."""
    if not wanted.attacker:
        not_observed("needs a second address that may be banned: only in the lab")
    if visit.bans is None:
        pytest.fail("no fail2ban is running: nothing bans anybody")
    trial = outside.ban.result(LIMIT)
    assert trial is not None
    _admitted(trial, wanted)
    seen(trial.address, f"refused {trial.refused} times")
    seen("banned after", f"{trial.seconds:.1f} s" if trial.banned else "never")

    assert trial.reached_before, "the second address could not connect at all"
    jail = visit.bans.jails.get("sshd")
    if jail and not trial.banned and trial.refused < jail.maxretry:
        not_observed(f"sshd's own penalties let it try only {trial.refused} times")
    assert trial.banned, "it was not banned"


@pytest.mark.control(
    id="OUT-12",
    title="A ban shuts the address out",
    severity="high",
    refs=("Lynis TOOL-5104",),
)
def test_ban_shuts_out(
    outside: Outside, wanted: Wanted, visit: Visit, seen: Seen
) -> None:
    """The banned address cannot connect; once unbanned, it can again."""
    if not wanted.attacker:
        not_observed("needs a second address that may be banned: only in the lab")
    if visit.bans is None:
        pytest.fail("no fail2ban is running: nothing bans anybody")
    trial = outside.ban.result(LIMIT)
    assert trial is not None
    _admitted(trial, wanted)
    seen("during the ban", "connects" if trial.reached_after else "shut out")
    seen("after it", "connects" if trial.reached_again else "shut out")

    assert not trial.reached_after, "a banned address still connects"
    assert trial.reached_again, "the address stays shut out after the ban"
