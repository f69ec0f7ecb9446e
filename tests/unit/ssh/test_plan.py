"""What would change on an SSH server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploys.accounts.places import BRIDGE, DROPIN, DROPPED, FALLBACK
from deploys.common.changes import FileState, Plan
from deploys.settings import Settings
from deploys.ssh.config import MAIN
from deploys.ssh.effective import Effective
from deploys.ssh.facts import SshHost
from deploys.ssh.plan import plan
from deploys.ssh.wanted import ISSUE

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., SshHost]
Apply = Callable[[SshHost, Plan], SshHost]


def _dropin(found: Plan) -> list[str]:
    (change,) = (c for c in found.files if c.path == DROPIN)
    assert isinstance(change.after, FileState)
    return change.after.content.decode().splitlines()


def _codes(found: Plan) -> list[str]:
    return [refusal.code for refusal in found.refusals]


def test_stock_host_gets_drop_in_and_banner(
    stock: SshHost, settings: MakeSettings
) -> None:
    """A fresh Debian is taken as it is, cloud-init's drop-in included."""
    found = plan(settings(), stock)

    assert () == found.refusals
    assert [ISSUE, DROPIN, FALLBACK] == [change.path for change in found.files]
    assert "PasswordAuthentication no" in _dropin(found)


def test_second_run_changes_nothing(
    stock: SshHost, settings: MakeSettings, applied: Apply
) -> None:
    """The host as the first plan left it asks for no second one."""
    first = plan(settings(), stock)

    second = plan(settings(), applied(stock, first))

    assert not second
    assert () == second.refusals


def test_bridge_of_the_accounts_is_taken_down(
    host: MakeHost, settings: MakeSettings
) -> None:
    """Once the drop-in names root's folder alone, today's key files are closed."""
    bridge = FileState(b"AuthorizedKeysFile .ssh/authorized_keys\n")
    before = host()
    before = replace(
        before,
        files={**before.files, BRIDGE: bridge},
        texts={**before.texts, BRIDGE: bridge.content.decode()},
    )

    found = plan(settings(), before)

    assert () == found.refusals
    assert (BRIDGE, None) in [(c.path, c.after) for c in found.files]


def test_port_and_addresses_are_never_set(
    stock: SshHost, settings: MakeSettings
) -> None:
    """Who listens where is none of the drop-in's business."""
    keywords = {
        line.partition(" ")[0].lower() for line in _dropin(plan(settings(), stock))
    }

    assert not keywords & {"port", "listenaddress", "addressfamily"}


def test_keywords_of_newer_servers_are_left_out(
    host: MakeHost, settings: MakeSettings
) -> None:
    """OpenSSH 9.2 knows no penalties and would not start with the keyword."""
    operator = {"networks": ("192.0.2.0/24",)}

    lines = _dropin(plan(settings(operator=operator), host("bookworm")))

    assert not [line for line in lines if line.startswith("PerSource")]


def test_operator_networks_are_exempt_from_penalties(
    host: MakeHost, settings: MakeSettings
) -> None:
    """Scans and proofs from there must not shut the operator out.

    A socket for both families shows IPv4 addresses as mapped ones.
    """
    operator = {"networks": ("192.0.2.0/24", "2001:db8::/32")}

    lines = _dropin(plan(settings(operator=operator), host()))

    networks = "192.0.2.0/24,::ffff:192.0.2.0/120,2001:db8::/32"
    assert f"PerSourcePenaltyExemptList {networks}" in lines


def test_root_and_passwords_must_be_refused_in_the_proof(
    stock: SshHost, settings: MakeSettings
) -> None:
    """The commit is confirmed only if both are really closed."""
    commit = plan(settings(), stock).commit

    assert commit is not None
    assert (("root",), True) == (commit.refused, commit.password_refused)


def test_forwarding_is_closed_but_for_named_accounts(
    host: MakeHost, settings: MakeSettings
) -> None:
    """The exception is the last block, so that nothing of ours falls into it."""
    found = plan(settings(ssh={"forwarding_users": ("keeper",)}), host())

    lines = _dropin(found)
    assert "DisableForwarding yes" in lines
    assert [
        "Match User keeper",
        "    DisableForwarding no",
        "    AllowTcpForwarding yes",
    ] == lines[-3:]


def test_stale_server_is_told_to_read_its_files(
    host: MakeHost, settings: MakeSettings, applied: Apply
) -> None:
    """A reload that was lost in a crash is caught up with, without any file."""
    done = applied(host(), plan(settings(), host()))

    found = plan(settings(), replace(done, stale=True))

    assert () == found.files
    assert ["make sshd read its configuration"] == [a.summary for a in found.after]
    assert found.commit is not None


def test_drift_is_mended(
    host: MakeHost, settings: MakeSettings, applied: Apply
) -> None:
    """A line changed by hand comes back."""
    done = applied(host(), plan(settings(), host()))
    state = done.files[DROPIN]
    assert isinstance(state, FileState)
    text = state.content.replace(b"PermitRootLogin no", b"PermitRootLogin yes")

    found = plan(
        settings(), replace(done, files={**done.files, DROPIN: FileState(text)})
    )

    assert [DROPIN] == [change.path for change in found.files]
    assert "-PermitRootLogin yes\n+PermitRootLogin no" in found.files[0].diff()


def test_drop_in_without_effect_is_refused(
    host: MakeHost, settings: MakeSettings, applied: Apply
) -> None:
    """If sshd says otherwise for a reason not seen here, nobody is told it is well."""
    done = applied(host(), plan(settings(), host()))
    said = {**done.effective.values, "permitrootlogin": ("yes",)}

    found = plan(settings(), replace(done, effective=Effective(said)))

    assert ["ssh-not-effective"] == _codes(found)


@pytest.mark.parametrize("keyword", ["trustedusercakeys", "authorizedkeyscommand"])
@pytest.mark.parametrize(
    ("choice", "codes", "written"),
    [
        ("refuse", ["ssh-foreign-authority"], True),
        ("keep", [], False),
        ("drop", [], True),
    ],
)
def test_other_sources_of_keys_need_a_decision(
    host: MakeHost,
    settings: MakeSettings,
    keyword: str,
    choice: str,
    codes: list[str],
    written: bool,
) -> None:
    """An authority or a program that names keys is kept or closed, never silently."""
    before = host()
    said = {**before.effective.values, keyword: ("/etc/ssh/ca.pub",)}

    found = plan(
        settings(ssh={"authorities": choice}),
        replace(before, effective=Effective(said)),
    )

    assert codes == _codes(found)
    lines = [line.lower() for line in _dropin(found)]
    assert written == (f"{keyword} none" in lines)


def test_broken_configuration_is_refused(
    host: MakeHost, settings: MakeSettings
) -> None:
    """What does not work now cannot be told from what we would break."""
    before = replace(host(), complaint=f"{MAIN}: line 3: Bad configuration option: X")

    found = plan(settings(), before)

    assert ["ssh-broken-configuration"] == _codes(found)
    assert "line 3" in found.refusals[0].message


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ("-o PasswordAuthentication=yes", ["ssh-command-line"]),
        ("-oPermitRootLogin=yes", ["ssh-command-line"]),
        ('-o "AuthorizedKeysCommand /usr/bin/x"', ["ssh-command-line"]),
        ("-f /etc/ssh/other", ["ssh-command-line"]),
        ("-o Port=2222", []),
        ("-p 2222", []),
        ("-4", []),
    ],
)
def test_command_line_that_wins_over_files_is_refused(
    host: MakeHost, settings: MakeSettings, options: str, codes: list[str]
) -> None:
    """Options of the service beat every file; those that matter are named."""
    before = host()
    units = replace(before.units, command=f"/usr/sbin/sshd -D OPTIONS {options}")

    assert codes == _codes(plan(settings(), replace(before, units=units)))


def test_host_without_ed25519_key_is_refused(
    host: MakeHost, settings: MakeSettings
) -> None:
    """A host key is never made or changed behind the operator's back."""
    found = plan(settings(), replace(host(), has_host_key=False))

    assert ["ssh-no-ed25519-host-key"] == _codes(found)


def test_unknown_listener_is_refused(host: MakeHost, settings: MakeSettings) -> None:
    """What is not systemd's own sshd could not be reloaded."""
    before = host()
    units = replace(before.units, service=False)

    assert ["ssh-unknown-listener"] == _codes(
        plan(settings(), replace(before, units=units))
    )


def test_socket_activation_is_told(host: MakeHost, settings: MakeSettings) -> None:
    """The operator learns who listens, and that it stays so."""
    before = host()
    units = replace(before.units, socket=True, service=False)

    found = plan(settings(), replace(before, units=units))

    assert () == found.refusals
    assert "ssh.socket" in found.notes[0]


def test_banner_names_no_software(stock: SshHost, settings: MakeSettings) -> None:
    """Strangers read it: neither the system's nor our name stands there."""
    (change,) = (c for c in plan(settings(), stock).files if c.path == ISSUE)

    assert isinstance(change.after, FileState)
    text = change.after.content.decode().lower()
    assert not [word for word in ("debian", "linux", "keepgate") if word in text]


def _rights(found: Plan) -> list[str]:
    """Return the rules that take sudo away."""
    after = [change.after for change in found.files if change.path == DROPPED]
    (state,) = after or [None]
    if state is None:
        return []
    assert isinstance(state, FileState)
    assert 0o440 == state.mode
    lines = state.content.decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_who_is_dropped_loses_sudo(
    host: MakeHost, settings: MakeSettings, applied: Apply
) -> None:
    """Rights are taken by the operator, in a file that visudo has judged."""
    wanted = settings(accounts={"drop": ("debian", "guest")})

    found = plan(wanted, host())

    assert [
        "debian ALL=(ALL:ALL) !ALL",
        "guest ALL=(ALL:ALL) !ALL",
    ] == _rights(found)
    assert found.commit is not None
    assert found.commit.by_operator
    assert found.commit.validate.startswith("visudo -c")
    assert not plan(wanted, applied(host(), found))


def test_root_keeps_sudo(host: MakeHost, settings: MakeSettings) -> None:
    """Neither root nor root under another name is ever denied anything."""
    seen = replace(host(), roots=frozenset({"toor"}))

    found = plan(settings(accounts={"drop": ("root", "toor")}), seen)

    assert [] == _rights(found)
    assert found.commit is not None
    assert not found.commit.by_operator


def test_who_is_no_longer_dropped_gets_sudo_back(
    host: MakeHost, settings: MakeSettings, applied: Apply
) -> None:
    """Without anybody to drop the file goes, and with it what it took."""
    wanted = settings(accounts={"drop": ("debian",)})
    hardened = applied(host(), plan(wanted, host()))

    found = plan(settings(), hardened)

    assert (DROPPED, None) in [(c.path, c.after) for c in found.files]
