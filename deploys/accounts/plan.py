"""From settings and observed accounts to what has to change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from deploys.accounts import steps
from deploys.accounts.places import (
    BRIDGE,
    DROPIN,
    GROUP,
    KEYS_DIRECTORY,
    KEYS_PATTERN,
    SUDOERS,
    key_file,
)
from deploys.accounts.policy import admitted
from deploys.accounts.refusals import kept_keys, refusals
from deploys.common import files
from deploys.common.changes import Action, Commit, Directory, FileState, Plan
from deploys.common.templates import render
from deploys.ssh import host

if TYPE_CHECKING:
    from deploys.accounts.facts import AccountsHost
    from deploys.settings import Settings


def plan(settings: Settings, seen: AccountsHost) -> Plan:
    """Return what makes the accounts of a host as *settings* want them.

    Only adds: whoever can log in today still can afterwards. What closes them is
    the topic `ssh`.
    """
    keys = _keys(settings, seen)
    wanted: dict[str, FileState | Directory | None] = {KEYS_DIRECTORY: Directory()}
    for name, lines in keys.items():
        text = render("accounts/authorized_keys.j2", keys=lines)
        wanted[key_file(name)] = FileState(text)
    for name in settings.accounts.drop:
        wanted[key_file(name)] = None
    wanted[SUDOERS] = FileState(
        render("accounts/sudoers.j2", names=_sudoers(settings)), mode=0o440
    )
    if not _closed(seen):
        wanted[BRIDGE] = FileState(_bridge(seen))
    changes = files.changes(wanted, seen.files)
    crossing = any(change.path == BRIDGE for change in changes)
    return Plan(
        "accounts",
        before=_steps(settings, seen),
        files=changes,
        refusals=refusals(settings, seen),
        commit=Commit(
            validate=_validation(settings.operator.name),
            activate=host.RELOAD if crossing else ":",
            revert=host.REVERT if crossing else ":",
        ),
    )


def _validation(operator: str) -> str:
    spec = shlex.quote(f"user={operator},{host.CONNECTION}")
    return f"""\
{host.PATH}
mkdir -p -m 0755 /run/sshd
visudo -c
/usr/sbin/sshd -t
said="$(/usr/sbin/sshd -T -C {spec} | sed -n 's/^authorizedkeysfile //p')"
case " $said " in
  *" {KEYS_PATTERN} "*) ;;
  *) echo "sshd would read $said and not {KEYS_DIRECTORY}" >&2; exit 1;;
esac
"""


def _keys(settings: Settings, seen: AccountsHost) -> dict[str, tuple[str, ...]]:
    declared = {
        settings.operator.name: settings.operator.keys,
        **{name: user.keys for name, user in settings.accounts.users.items()},
    }
    adopted = {
        name: tuple(map(str, kept_keys(seen, name))) for name in settings.accounts.adopt
    }
    return {**{name: found for name, found in adopted.items() if found}, **declared}


def _sudoers(settings: Settings) -> tuple[str, ...]:
    users = settings.accounts.users.items()
    return (settings.operator.name, *(name for name, user in users if user.sudo))


def _closed(seen: AccountsHost) -> bool:
    """Whether the topic `ssh` has made root's folder the only source of keys."""
    dropin = seen.files.get(DROPIN)
    return (
        isinstance(dropin, FileState)
        and f"AuthorizedKeysFile {KEYS_PATTERN}\n".encode() in dropin.content
    )


def _bridge(seen: AccountsHost) -> bytes:
    today = seen.effective.words("authorizedkeysfile")
    others = [pattern for pattern in today if pattern not in (KEYS_PATTERN, "none")]
    return render("accounts/bridge.conf.j2", patterns=(*others, KEYS_PATTERN))


def _steps(settings: Settings, seen: AccountsHost) -> tuple[Action, ...]:
    names = admitted(settings)
    declared = (settings.operator.name, *settings.accounts.users)
    inside = seen.members.get(GROUP)
    found: list[Action] = []
    if inside is None:
        found.append(steps.make_group())
    found += [
        steps.make_account(name, group_exists=name in seen.members)
        for name in declared
        if name not in seen.accounts
    ]
    found += [steps.admit(name) for name in names if name not in (inside or ())]
    found += [steps.expel(name) for name in inside or () if name not in names]
    return tuple(found)
