"""Accounts and groups as passwd(5), shadow(5) and group(5) hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pyinfra.api.exceptions import FactProcessError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NO_LOGIN: Final = frozenset({"nologin", "false", "sync", "halt", "shutdown"})
_SHADOW_FIELDS: Final = 6
_FOREVER: Final = 99999  # shadow's traditional "never"


class Password(StrEnum):
    """What stands in an account's password field."""

    SET = "set"
    NONE = "none"  # `*`: no password can match
    LOCKED = "locked"  # `!`: locked by passwd -l, or made so by cloud-init
    EMPTY = "empty"


@dataclass(frozen=True)
class Account:
    """One account; day counts are those of shadow(5), None where empty."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    password: Password = Password.NONE
    changed: int | None = None
    longest: int | None = None
    expires: int | None = None

    @property
    def has_shell(self) -> bool:
        """Whether its shell admits a session."""
        return self.shell.rpartition("/")[2] not in _NO_LOGIN

    def is_expired(self, today: int) -> bool:
        """Whether the account as a whole has ended."""
        return self.expires is not None and today >= self.expires

    def must_change_password(self, today: int) -> bool:
        """Whether PAM turns every login into a change of password."""
        if self.changed is None:
            return False
        if self.changed == 0:
            return True
        if self.longest is None or not 0 <= self.longest < _FOREVER:
            return False
        return today > self.changed + self.longest


def accounts(passwd: Iterable[str], shadow: Iterable[str]) -> dict[str, Account]:
    """Return every account by name.

    *shadow* holds `NAME:KIND:CHANGED:LONGEST:IDLE:EXPIRES`, without hashes. An
    account without a shadow line has no password.

    Raises:
        FactProcessError: a line has too few fields or a number that is none.
    """
    aging: dict[str, list[str]] = {}
    for line in shadow:
        fields = line.split(":")
        if len(fields) == _SHADOW_FIELDS:
            aging[fields[0]] = fields[1:]
    found: dict[str, Account] = {}
    for line in passwd:
        try:
            name, _, uid, gid, _, home, shell = line.split(":")
            kind, changed, longest, _, expires = aging.get(name, ["none", *[""] * 4])
            found[name] = Account(
                name=name,
                uid=int(uid),
                gid=int(gid),
                home=home,
                shell=shell,
                password=Password(kind),
                changed=_days(changed),
                longest=_days(longest),
                expires=_days(expires),
            )
        except ValueError as error:
            message = f"the host described an account as {line[:80]!r}"
            raise FactProcessError(message) from error
    return found


def members(
    group: Iterable[str], everybody: Mapping[str, Account]
) -> dict[str, tuple[str, ...]]:
    """Return the members of every group, main group or further one, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for line in group:
        name, _, gid, listed = (*line.split(":"), "", "", "")[:4]
        main = [one.name for one in everybody.values() if str(one.gid) == gid]
        further = [one for one in listed.split(",") if one]
        found[name] = tuple(dict.fromkeys((*main, *further)))
    return found


def _days(text: str) -> int | None:
    return int(text) if text else None
