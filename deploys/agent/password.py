"""The mail server's password: compared with the host's, and pushed.

It is in no setting, no plan and no diff. The host tells a salted scrypt (RFC 7914) of
what it has, so that not even a log of that answer gives it away at a low price.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploys.agent import places
from deploys.common.changes import Action
from deploys.common.errors import KeepgateError
from deploys.common.remote import PATH
from deploys.common.templates import render

if TYPE_CHECKING:
    from pathlib import Path

    from deploys.settings import Settings

LONGEST: Final = 1024
"""Bytes of the longest password that is taken."""

_N, _R, _P = 2**14, 8, 1  # 16 MiB and some 50 ms

TELL: Final = f"""\
set -e
stat -c '%a %U:%G' {places.PASSWORD}
python3 -I - <<'TELL'
import hashlib, os
password = open("{places.PASSWORD}", "rb").read()
salt = os.urandom(16)
print(salt.hex(), hashlib.scrypt(password, salt=salt, n={_N}, r={_R}, p={_P}).hex())
TELL
running=/run/credentials/{places.UNIT}/{places.CREDENTIAL}
! systemctl is-active --quiet {places.UNIT} ||
  cmp -s {places.PASSWORD} $running || echo old
"""
"""Sh that tells of the host's copy: mode, scrypt, whether a former one is in use."""


@dataclass(frozen=True)
class Kept:
    """The host's copy; *mode* is empty without one, *is_old* that another is in use."""

    mode: str = ""
    salt: bytes = b""
    digest: bytes = b""
    is_old: bool = False

    @classmethod
    def of(cls, lines: list[str]) -> Kept:
        """Return what the host told in *lines*."""
        mode, digests, *old = (*lines, "", "")
        salt, _, digest = digests.partition(" ")
        return cls(mode, bytes.fromhex(salt), bytes.fromhex(digest), "old" in old)

    def holds(self, password: bytes) -> bool:
        """Whether the host has *password*, for root alone."""
        own = hashlib.scrypt(password, salt=self.salt or b"-", n=_N, r=_R, p=_P)
        return self.mode == "600 root:root" and hmac.compare_digest(own, self.digest)


def wanted(settings: Settings) -> Path | None:
    """Return the file on this machine that holds the password, if one is needed."""
    mail = settings.agent.mail
    return mail.password_file if mail is not None else None


def read(path: Path) -> bytes:
    """Return the password in *path*, without the end of its line.

    Raises:
        KeepgateError: there is none, or others may read it.
    """
    fix = "write the password into it, on one line, and `chmod 600` it"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            data = file.read(LONGEST + 1) if stat.S_ISREG(mode) else b""
    except OSError as error:
        message = f"the mail password {path} cannot be read: {error.strerror}"
        raise KeepgateError(message, fix) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"the mail password {path} can be read by others"
        raise KeepgateError(message, f"`chmod 600 {path}`")
    password = data.strip()
    if not password or len(data) > LONGEST or b"\n" in password:
        message = f"{path} holds no password"
        raise KeepgateError(message, fix)
    return password


def push(path: Path) -> Action:
    """Have the password in *path* on the host, for root alone."""
    text = render("agent/password.sh.j2", places=places, path=PATH).decode()

    def supply() -> str:
        encoded = base64.b64encode(read(path)).decode()
        return f"password() {{\nbase64 -d <<'KEEPGATE'\n{encoded}\nKEEPGATE\n}}\n"

    return Action(f"put {places.PASSWORD}, for root alone", text, supply=supply)


def forget() -> Action:
    """Have no password on the host."""
    return Action(f"remove {places.PASSWORD}", f"rm -f -- {places.PASSWORD}\n")
