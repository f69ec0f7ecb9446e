"""Accounts, groups, keys and sudo rights as the host has them.

Password hashes never leave the host: only whether there is one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hostchecks.sshd import FUNCTIONS
from hostchecks.system import STAT, Stat, stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hostchecks.batch import Section

_EXPAND = r"""
path() { printf %s "$3" | sed "s|%u|$1|g; s|%h|$2|g; s|%%|%|g"; }
"""

_NOTHING = re.compile(r"\(ALL\s*:\s*ALL\)\s*!ALL")

SECTIONS = {
    "passwd": "cat /etc/passwd",
    "group": "cat /etc/group",
    "shadow": (
        'awk -F: \'{ state = ($2 == "") ? "empty" : ($2 ~ /^[!*]/) ? "locked" : '
        '"password"; print $1 ":" state ":" $8 }\' /etc/shadow'
    ),
    "account-files": (
        f"{STAT} /etc/passwd /etc/passwd- /etc/shadow /etc/shadow- /etc/group "
        "/etc/group- /etc/gshadow /etc/gshadow- /etc/shells /etc/sudoers "
        "/etc/sudoers.d /etc/sudoers.d/*; true"
    ),
    "legacy-trust": (
        "for home in $(cut -d: -f6 /etc/passwd | sort -u); do "
        'for file in "$home/.rhosts" "$home/.shosts" "$home/.netrc"; do '
        '[ ! -e "$file" ] || echo "$file"; done; done; '
        "for file in /etc/hosts.equiv /etc/ssh/shosts.equiv; do "
        '[ ! -e "$file" ] || echo "$file"; done; true'
    ),
    "homes": (
        FUNCTIONS + "for user in $(people); do "
        'home=$(getent passwd "$user" | cut -d: -f6); '
        f'{STAT} "$home" | sed "s/^/$user|/"; done; true'
    ),
    # The key files that sshd reads for an account, with their folders.
    "key-files": (
        FUNCTIONS + _EXPAND + "for user in $(people); do "
        'home=$(getent passwd "$user" | cut -d: -f6); '
        'effective "user=$user,host=unknown,addr=192.0.2.1" | '
        "sed -n 's/^authorizedkeysfile //p' | tr ' ' '\\n' | "
        'while read -r pattern; do file=$(path "$user" "$home" "$pattern"); '
        "case $file in none) continue ;; /*) ;; *) file=$home/$file ;; esac; "
        'printf "file|%s|%s\\n" "$user" "$file"; [ -e "$file" ] || continue; '
        f'{STAT} "$file" "$(dirname "$file")" | sed "s/^/stat|$user|/"; '
        'ssh-keygen -lf "$file" | sed "s/^/key|$user|/"; done; done; true'
    ),
    "sudo-rights": (
        FUNCTIONS + 'for user in $(people); do printf "== %s\\n" "$user"; '
        'sudo -n -l -U "$user"; done; true'
    ),
    "sudo-version": "sudo --version 2>&1 | head -n1",
    "sudo-valid": "visudo -c 2>&1",
    "root-path": "sh -lc 'echo \"$PATH\"'",
}


@dataclass(frozen=True)
class Account:
    """One line of /etc/passwd with what /etc/shadow says of the password."""

    name: str
    hash_in_passwd: bool
    uid: int
    gid: int
    home: str
    shell: str
    password: str

    @property
    def has_shell(self) -> bool:
        """Whether a login would end in a shell."""
        return not re.search(r"(nologin|false|sync|shutdown|halt)$", self.shell)


@dataclass(frozen=True)
class Key:
    """A public key that opens an account: bits, SHA256 fingerprint and kind."""

    bits: int
    fingerprint: str
    kind: str


@dataclass(frozen=True)
class Accounts:
    """Who is on the host, who may log in, and who may become root."""

    accounts: dict[str, Account]
    groups: dict[str, tuple[int, frozenset[str]]]
    duplicates: dict[str, tuple[str, ...]]
    key_files: dict[str, tuple[str, ...]]
    key_stats: dict[str, tuple[Stat, ...]]
    keys: dict[str, tuple[Key, ...]]
    sudo: dict[str, str] = field(default_factory=dict)

    def people(self) -> list[str]:
        """Return the accounts with a shell."""
        return [name for name, account in self.accounts.items() if account.has_shell]

    def members(self, group: str) -> frozenset[str]:
        """Return who is in *group*, by list or as primary group."""
        gid, listed = self.groups.get(group, (-1, frozenset()))
        primary = {name for name, one in self.accounts.items() if one.gid == gid}
        return listed | primary

    def sudoers(self) -> dict[str, list[str]]:
        """Return the accounts that sudo grants something, with the rules."""
        granted = {name: rules(text) for name, text in self.sudo.items()}
        return {name: found for name, found in granted.items() if found}


def rules(listing: str) -> list[str]:
    """Return the rules that hold in what `sudo -l -U` says of one account."""
    _, _, tail = listing.partition("may run the following commands")
    found = [line.strip() for line in tail.splitlines()[1:] if line.strip()]
    # The last match wins: after a rule that denies everything, nothing earlier holds.
    denied = [at for at, rule in enumerate(found, 1) if _NOTHING.fullmatch(rule)]
    return found[max(denied, default=0) :]


def defaults(listing: str) -> list[str]:
    """Return the Defaults that `sudo -l -U` says apply to one account."""
    match = re.search(r"Matching Defaults entries[^\n]*\n((?:    [^\n]*\n?)+)", listing)
    if match is None:
        return []
    return [item.strip() for item in re.split(r"(?<!\\),", match[1]) if item.strip()]


def parse(answers: Mapping[str, Section]) -> Accounts:
    """Return the accounts of a host from its sections."""
    passwords = dict(line.split(":")[:2] for line in answers["shadow"].lines)
    accounts: dict[str, Account] = {}
    seen: dict[str, list[str]] = defaultdict(list)
    for line in answers["passwd"].lines:
        name, secret, uid, gid, _, home, shell = line.split(":")[:7]
        state = passwords.get(name, "missing")
        accounts[name] = Account(
            name, secret not in ("x", "*"), int(uid), int(gid), home, shell, state
        )
        seen[f"name {name}"].append(name)
        seen[f"uid {uid}"].append(name)
    groups: dict[str, tuple[int, frozenset[str]]] = {}
    for line in answers["group"].lines:
        name, _, gid, listed = line.split(":")[:4]
        groups[name] = (int(gid), frozenset(filter(None, listed.split(","))))
        seen[f"group {name}"].append(name)
        seen[f"gid {gid}"].append(name)
    files, found, keys = _keys(answers["key-files"].lines)
    return Accounts(
        accounts,
        groups,
        {what: tuple(who) for what, who in seen.items() if len(who) > 1},
        files,
        found,
        keys,
        _sections(answers["sudo-rights"].text),
    )


def _keys(
    lines: Iterable[str],
) -> tuple[
    dict[str, tuple[str, ...]],
    dict[str, tuple[Stat, ...]],
    dict[str, tuple[Key, ...]],
]:
    files: dict[str, tuple[str, ...]] = {}
    found: dict[str, tuple[Stat, ...]] = {}
    keys: dict[str, tuple[Key, ...]] = {}
    for line in lines:
        what, user, rest = line.split("|", 2)
        if what == "file":
            files[user] = (*files.get(user, ()), rest)
        elif what == "stat":
            found[user] = (*found.get(user, ()), *stats([rest]).values())
        elif match := re.match(r"(\d+) (\S+) .*\((\S+)\)$", rest):
            key = Key(int(match[1]), match[2], match[3])
            keys[user] = (*keys.get(user, ()), key)
    return files, found, keys


def _sections(text: str) -> dict[str, str]:
    blocks = re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    return dict(block.partition("\n")[::2] for block in blocks)
