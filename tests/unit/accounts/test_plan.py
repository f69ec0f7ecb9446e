"""What would change among the accounts of a host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploys.accounts.database import Password
from deploys.accounts.facts import AccountsHost
from deploys.accounts.places import BRIDGE, DROPIN, GROUP, SUDOERS, key_file
from deploys.accounts.plan import plan
from deploys.common.changes import Directory, FileState, Foreign, Plan
from deploys.settings import Settings

MakeKey = Callable[..., str]
MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., AccountsHost]


def _codes(found: Plan) -> list[str]:
    return [refusal.code for refusal in found.refusals]


def _text(found: Plan, path: str) -> str:
    (change,) = (c for c in found.files if c.path == path)
    assert isinstance(change.after, FileState)
    return change.after.content.decode()


def _applied(seen: AccountsHost, found: Plan, *names: str) -> AccountsHost:
    """Return the host as it is once *found* was carried out and ssh has closed."""
    files = {**seen.files, **{c.path: c.after for c in found.files}}
    files[BRIDGE] = None
    files[DROPIN] = FileState(b"AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u\n")
    accounts = dict(seen.accounts)
    for number, name in enumerate(names):
        fallback = replace(seen.accounts["root"], name=name, uid=2000 + number)
        accounts.setdefault(name, fallback)
    members = {**seen.members, GROUP: names}
    return replace(seen, files=files, accounts=accounts, members=members)


def test_root_only_host_gets_an_operator(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """A host that admits only root is taken; root's key is the operator's own."""
    found = plan(settings(), host({"root": own}))

    assert () == found.refusals
    assert [
        "create group ssh-users",
        "create account keeper",
        "add keeper to group ssh-users",
    ] == [action.summary for action in found.before]
    assert own in _text(found, key_file("keeper"))
    assert "keeper ALL=(ALL:ALL) NOPASSWD: ALL" in _text(found, SUDOERS)


def test_nothing_is_closed(host: MakeHost, settings: MakeSettings, own: str) -> None:
    """Today's key files are read as before; root's folder comes besides."""
    found = plan(settings(), host({"root": own}))

    assert "AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 " in _text(
        found, BRIDGE
    )
    assert found.commit is not None
    assert ((), False) == (found.commit.refused, found.commit.password_refused)


def test_every_step_has_its_inverse(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """What a rollback could not undo would outlive it."""
    found = plan(settings(), host({"root": own}))

    assert all(action.undo for action in found.before)


def test_second_run_changes_nothing(
    host: MakeHost, settings: MakeSettings, key: MakeKey, own: str
) -> None:
    """Operator, declared and adopted accounts are left alone once they are there."""
    known = settings(users={"carol": {"keys": (key(),)}}, adopt=("debian",))
    seen = host({"root": own, "debian": key()})

    done = _applied(seen, plan(known, seen), "keeper", "carol", "debian")

    assert not plan(known, done)
    assert () == plan(known, done).refusals


def test_adopted_account_keeps_its_keys_with_their_options(
    host: MakeHost, settings: MakeSettings, key: MakeKey
) -> None:
    """They move to root's folder; a forced command stays forced."""
    line = f'restrict,command="/usr/bin/backup" {key(comment="nightly")}'

    found = plan(settings(adopt=("backup",)), host({"backup": f"# old\n{line}\n"}))

    assert () == found.refusals
    assert line == _text(found, key_file("backup")).splitlines()[-1]


def test_key_added_at_home_after_adoption_opens_nothing(
    host: MakeHost, settings: MakeSettings, key: MakeKey
) -> None:
    """Once root's folder has the account's keys, its home is no longer asked."""
    known = settings(adopt=("alice",))
    seen = host({"alice": key()})
    done = _applied(seen, plan(known, seen), "keeper", "alice")
    login = replace(done.logins["alice"], keys=f"{done.logins['alice'].keys}\n{key()}")

    assert not plan(known, replace(done, logins={**done.logins, "alice": login}))


def test_colleague_with_a_key_must_be_settled(
    host: MakeHost, settings: MakeSettings, key: MakeKey
) -> None:
    """A key in somebody's home is neither taken over nor shut out silently."""
    found = plan(settings(), host({"alice": key()}))

    assert ["accounts-unlisted"] == _codes(found)
    assert "alice can log in today (by 1 key)" in found.refusals[0].message
    for way in ("accounts.adopt", "accounts.users", "accounts.drop"):
        assert way in found.refusals[0].fix


@pytest.mark.parametrize("section", ["adopt", "drop"])
def test_settled_colleague_is_no_obstacle(
    host: MakeHost, settings: MakeSettings, key: MakeKey, section: str
) -> None:
    """One word in the inventory decides."""
    found = plan(settings(**{section: ("alice",)}), host({"alice": key()}))

    assert () == found.refusals


def test_dropped_account_loses_its_key_file_and_membership(
    host: MakeHost, settings: MakeSettings, key: MakeKey
) -> None:
    """Whoever was adopted before is closed again, and comes back on a rollback."""
    adopted = settings(adopt=("alice",))
    seen = host({"alice": key()})
    done = _applied(seen, plan(adopted, seen), "keeper", "alice")

    found = plan(settings(drop=("alice",)), done)

    assert [(key_file("alice"), None)] == [(c.path, c.after) for c in found.files]
    assert ["remove alice from group ssh-users"] == [a.summary for a in found.before]
    assert "usermod --append" in found.before[0].undo


def test_operator_can_be_the_images_own_account(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """An account that exists is not created, only admitted."""
    found = plan(settings(name="debian"), host({"debian": own}))

    assert () == found.refusals
    assert ["create group ssh-users", "add debian to group ssh-users"] == [
        action.summary for action in found.before
    ]


def test_roots_stranger_key_must_be_settled(
    host: MakeHost, settings: MakeSettings, key: MakeKey, own: str
) -> None:
    """Root is closed: a colleague's key there must open some other account."""
    found = plan(settings(), host({"root": f"{own}\n{key(comment='colleague')}"}))

    assert ["accounts-root-unlisted"] == _codes(found)
    assert "colleague" in found.refusals[0].message


def test_roots_key_of_a_declared_account_is_settled(
    host: MakeHost, settings: MakeSettings, key: MakeKey, own: str
) -> None:
    """Its owner gets in under another name."""
    hers = key()
    known = settings(users={"carol": {"keys": (hers,)}})

    assert () == plan(known, host({"root": f"{own}\n{hers}"})).refusals


def test_roots_password_must_be_settled(host: MakeHost, settings: MakeSettings) -> None:
    """Somebody may log in as root by password alone."""
    seen = host(sshd={"permitrootlogin": ("yes",)}, root={"password": Password.SET})

    assert ["accounts-root-unlisted"] == _codes(plan(settings(), seen))
    assert [] == _codes(plan(settings(drop=("root",)), seen))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"shell": "/usr/sbin/nologin"}, "accounts-no-shell"),
        ({"expires": 19999}, "accounts-expired"),
        ({"expires": 0}, "accounts-expired"),
        ({"changed": 0}, "accounts-password-aged"),
        ({"changed": 19000, "longest": 365}, "accounts-password-aged"),
        ({"uid": 0}, "accounts-is-root"),
    ],
)
def test_operator_who_could_not_work_is_refused(
    host: MakeHost, settings: MakeSettings, own: str, fields: dict[str, Any], code: str
) -> None:
    """An existing account is never bent into shape; the remedy is one command."""
    found = plan(settings(name="alice"), host({"alice": own}, alice=fields))

    assert code in _codes(found)
    assert all(refusal.fix for refusal in found.refusals)


@pytest.mark.parametrize(("pam", "codes"), [("yes", []), ("no", ["accounts-locked"])])
def test_locked_operator_is_refused_only_without_pam(
    host: MakeHost, settings: MakeSettings, own: str, pam: str, codes: list[str]
) -> None:
    """Stock clouds lock the password of their account; with PAM keys still work."""
    seen = host(
        {"debian": own},
        sshd={"usepam": (pam,)},
        debian={"password": Password.LOCKED},
    )

    assert codes == _codes(plan(settings(name="debian"), seen))


@pytest.mark.parametrize(
    "fields", [{"changed": 19990, "longest": 365}, {"expires": 20001}]
)
def test_account_that_still_works_is_taken(
    host: MakeHost, settings: MakeSettings, own: str, fields: dict[str, Any]
) -> None:
    """What ends some day has not ended."""
    assert (
        () == plan(settings(name="alice"), host({"alice": own}, alice=fields)).refusals
    )


def test_created_account_is_not_locked(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """With `!` sshd without PAM would refuse its keys; `*` has no password either."""
    (create,) = (
        action
        for action in plan(settings(), host({"root": own})).before
        if action.summary == "create account keeper"
    )

    assert "--password '*'" in create.do


def test_group_of_the_same_name_is_not_joined(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """Debian has a group `operator` with rights of its own."""
    seen = host({"root": own})
    seen.members["operator"] = ()

    (create,) = (
        action
        for action in plan(settings(name="operator"), seen).before
        if action.summary == "create account operator"
    )

    assert "--no-user-group" in create.do


def test_home_without_an_account_is_refused(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """Undoing the new account would remove somebody's folder."""
    seen = replace(host({"root": own}), homes=frozenset({"keeper"}))

    assert ["accounts-foreign-home"] == _codes(plan(settings(), seen))


def test_link_at_a_managed_path_is_refused(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """A link is neither followed nor replaced."""
    seen = host({"root": own})
    seen.files[key_file("keeper")] = Foreign("symbolic link")

    assert ["accounts-foreign-path"] == _codes(plan(settings(), seen))


def test_weak_key_of_an_adopted_account_is_refused(
    host: MakeHost, settings: MakeSettings, key: MakeKey
) -> None:
    """RequiredRSASize would shut its owner out."""
    seen = host({"alice": key("rsa", bits=2048)})

    assert ["accounts-weak-key"] == _codes(plan(settings(adopt=("alice",)), seen))


@pytest.mark.parametrize(
    ("logins", "code"),
    [({}, "accounts-no-such-account"), ({"alice": ""}, "accounts-no-keys")],
)
def test_account_that_cannot_be_adopted_is_refused(
    host: MakeHost, settings: MakeSettings, logins: dict[str, str], code: str
) -> None:
    """Adopting needs an account and a key."""
    assert [code] == _codes(plan(settings(adopt=("alice",)), host(logins)))


def test_only_accounts_with_the_right_get_sudo(
    host: MakeHost, settings: MakeSettings, key: MakeKey, own: str
) -> None:
    """A declared account has no sudo unless it is given."""
    users = {
        "carol": {"keys": (key(),), "sudo": True},
        "dave": {"keys": (key(),)},
    }

    text = _text(plan(settings(users=users), host({"root": own})), SUDOERS)

    assert ["keeper", "carol"] == [
        line.split()[0] for line in text.splitlines() if not line.startswith("#")
    ]


def test_key_folder_with_a_loose_mode_is_mended(
    host: MakeHost, settings: MakeSettings, own: str
) -> None:
    """Only root may write where sshd believes what it reads."""
    seen = host({"root": own})
    done = _applied(seen, plan(settings(), seen), "keeper")
    done.files["/etc/ssh/authorized_keys.d"] = Directory(mode=0o777)

    (change,) = plan(settings(), done).files

    assert Directory(mode=0o755) == change.after
