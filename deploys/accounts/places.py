"""Names and paths on the host that accounts and the SSH server agree on."""

from __future__ import annotations

from typing import Final

GROUP: Final = "ssh-users"
"""Only members of this group are admitted by sshd."""

KEYS_DIRECTORY: Final = "/etc/ssh/authorized_keys.d"
"""Root's own directory of key files, one per account.

A key file in a home is its owner's: a symbolic link there would be followed, and
whoever takes the account over adds a key that survives the clean-up.
"""

KEYS_PATTERN: Final = f"{KEYS_DIRECTORY}/%u"
"""What sshd's AuthorizedKeysFile says for `KEYS_DIRECTORY`."""

SUDOERS: Final = "/etc/sudoers.d/zz-keepgate"
"""Sudo rights; sudo's last match wins, hence a name that sorts late."""

DROPPED: Final = "/etc/sudoers.d/zzz-keepgate-dropped"
"""Takes sudo rights away; after `SUDOERS` and after what others name sensibly.

Written by the topic `ssh`, which closes the same accounts' logins.
"""

BRIDGE: Final = "/etc/ssh/sshd_config.d/00-keepgate-accounts.conf"
"""Makes sshd read `KEYS_DIRECTORY` beside today's key files.

It exists only until the topic `ssh` has closed the other key files: the operator
must be proved while whoever gets in today still does.
"""

FALLBACK: Final = "/etc/ssh/sshd_config.d/zz-keepgate-keys.conf"
"""Makes sshd read `KEYS_DIRECTORY` even where somebody has removed `DROPIN`.

Whoever else gets in then, as before Keepgate, may have lost the right to sudo: without
this file nobody could mend the host. Written by the topic `ssh`.
"""

DROPIN: Final = "/etc/ssh/sshd_config.d/00-keepgate.conf"
"""The SSH server's drop-in; written by the topic `ssh`."""


def key_file(account: str) -> str:
    """Return the path of *account*'s key file."""
    return f"{KEYS_DIRECTORY}/{account}"
