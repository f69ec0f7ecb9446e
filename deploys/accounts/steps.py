"""Creating accounts and memberships, each with its inverse.

Nothing here restores passwd, shadow or group as files: what others change there
meanwhile must survive a rollback.
"""

from __future__ import annotations

import shlex
from typing import Final

from deploys.accounts.places import GROUP
from deploys.common.changes import Action

MADE_BY: Final = "Keepgate account"
"""Stands in passwd's comment field; only such an account is removed again."""


def make_group() -> Action:
    """Create the group whose members are admitted."""
    exists = f"getent group {GROUP} >/dev/null"
    return Action(
        f"create group {GROUP}",
        f"{exists} || groupadd --system {GROUP}",
        f"! {exists} || groupdel {GROUP}",
    )


def make_account(name: str, *, group_exists: bool) -> Action:
    """Create *name* with a home, a shell and no password.

    The password field is `*`: with `!` the account would count as locked, and
    sshd without PAM refuses keys of locked accounts. Where a group of that name
    stands already (Debian has one called `operator`), it is not joined.
    """
    user = shlex.quote(name)
    group = "--no-user-group --gid users" if group_exists else "--user-group"
    exists = f"getent passwd {user} >/dev/null"
    return Action(
        f"create account {name}",
        f"{exists} || useradd --create-home --home-dir /home/{user} {group} "
        f"--shell /bin/bash --password '*' --comment '{MADE_BY}' {user}",
        f"entry=$(getent passwd {user}) || entry=\n"
        f'case "$entry" in *:"{MADE_BY}":*) '
        # --force: the login that was to prove it may still be open.
        f"userdel --force --remove {user} 2>/dev/null;; esac",
    )


def admit(name: str) -> Action:
    """Make *name* a member of the group."""
    return Action(f"add {name} to group {GROUP}", _add(name), _remove(name))


def expel(name: str) -> Action:
    """End *name*'s membership of the group."""
    return Action(f"remove {name} from group {GROUP}", _remove(name), _add(name))


def _add(name: str) -> str:
    return f"usermod --append --groups {GROUP} {shlex.quote(name)}"


def _remove(name: str) -> str:
    user = shlex.quote(name)
    return (
        f'case ",$(getent group {GROUP} | cut -d: -f4)," in *,{user},*) '
        f"gpasswd --delete {user} {GROUP} >/dev/null;; esac"
    )
