"""Who can log in today, and by what.

The answer errs towards "can": an account listed in vain costs the operator a line
in the inventory, an account missed costs a colleague his access.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploys.accounts.database import Password
from deploys.accounts.keys import InvalidKey, PublicKey, key_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.accounts.database import Account
    from deploys.accounts.facts import AccountsHost
    from deploys.ssh.effective import Effective

# What cloud-init puts before root's key (disable_root_opts): it only says who
# to log in as, and ends.
_SIGNPOST: Final = re.compile(r"Please login as the user .* rather than the user")


@dataclass(frozen=True)
class Access:
    """One account that can log in: by these *keys*, and in these other *ways*."""

    name: str
    keys: tuple[PublicKey, ...]
    ways: tuple[str, ...]

    @property
    def summary(self) -> str:
        """For people: by what the account can log in."""
        count = len(self.keys)
        by_key = (f"{count} key{'s' if count > 1 else ''}",) if count else ()
        return ", ".join((*by_key, *self.ways))


def readable_keys(text: str) -> tuple[PublicKey, ...]:
    """Return the keys of an `authorized_keys` text that open a session.

    Left out is what sshd ignores, and keys that only show where to log in.
    """
    return tuple(_keys(text))


def _keys(text: str) -> Iterator[PublicKey]:
    for _, line in key_lines(text):
        try:
            key = PublicKey.parse(line)
        except InvalidKey:
            continue
        if not any(
            option.name == "command" and _SIGNPOST.search(option.value or "")
            for option in key.options
        ):
            yield key


def accesses(host: AccountsHost) -> tuple[Access, ...]:
    """Return every account that can log in to *host* by SSH today."""
    found = (_access(host, host.accounts[name]) for name in host.logins)
    return tuple(access for access in found if access.keys or access.ways)


def _access(host: AccountsHost, account: Account) -> Access:
    login = host.logins[account.name]
    said = login.effective
    root = said.get("permitrootlogin", "yes") if account.uid == 0 else "yes"
    nothing = Access(account.name, (), ())
    if root == "no" or account.is_expired(host.today):
        return nothing
    if not _admitted(said, account.name, host):
        return nothing
    keys: tuple[PublicKey, ...] = ()
    ways: list[str] = []
    if said.get("pubkeyauthentication", "yes") == "yes":
        keys = readable_keys(login.keys)
        if root == "forced-commands-only":
            keys = tuple(k for k in keys if any(o.name == "command" for o in k.options))
        if said.get("trustedusercakeys", "none") != "none":
            ways.append("certificate")
        if said.get("authorizedkeyscommand", "none") != "none":
            ways.append("key from AuthorizedKeysCommand")
    if root == "yes" and _by_password(said, account.password):
        ways.append("password")
    return Access(account.name, keys, tuple(ways))


def _by_password(said: Effective, password: Password) -> bool:
    asked = "yes" in (
        said.get("passwordauthentication", "yes"),
        said.get("kbdinteractiveauthentication", "yes"),
    )
    if password is Password.EMPTY:
        return asked and said.get("permitemptypasswords", "no") == "yes"
    return asked and password is Password.SET


def _admitted(said: Effective, name: str, host: AccountsHost) -> bool:
    """Whether the Allow and Deny lines let *name* in (sshd_config(5), AllowUsers)."""
    groups = tuple(group for group, people in host.members.items() if name in people)
    if _listed(said.words("denyusers"), (name,)):
        return False
    if _listed(said.words("denygroups"), groups):
        return False
    users, allowed = said.words("allowusers"), said.words("allowgroups")
    if users and not _listed(users, (name,)):
        return False
    return not allowed or _listed(allowed, groups)


def _listed(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(
        fnmatch.fnmatchcase(name, pattern.partition("@")[0])
        for pattern in patterns
        for name in names
    )
