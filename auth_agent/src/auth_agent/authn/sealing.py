"""Secrets at rest: AES-256-GCM under data keys that the secret file's key seals.

What is sealed names its row as associated data, so that a secret copied to another
account's row does not open. Rotation makes a new data key and seals every secret
anew, in one transaction.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auth_agent.errors import ConfigError
from auth_agent.ids import random_id

if TYPE_CHECKING:
    from auth_agent.storage.store import Reader, Transaction

_NONCE = 12
_TABLES = ("totp", "totp_offers")


class Sealing:
    """Seals and opens; holds the data keys in memory."""

    def __init__(self, key: bytes) -> None:
        self._key = AESGCM(key)
        self._data: dict[str, AESGCM] = {}
        self._current = ""

    def load(self, tx: Transaction, now: int) -> None:
        """Open the data keys; make the first one.

        Raises:
            ConfigError: the secret file is not the one they were sealed with.
        """
        if tx.one("SELECT 1 FROM data_keys") is None:
            self._make(tx, now)
        self._data, self._current = self._read(tx)

    def seal(self, owner: str, secret: bytes) -> tuple[str, bytes]:
        """Return (key id, sealed form) of *owner*'s *secret*."""
        return self._current, _seal(self._data[self._current], owner, secret)

    def open(self, owner: str, key_id: str, sealed: bytes) -> bytes:
        """Return the secret.

        Raises:
            ConfigError: it was sealed for another row or is damaged.
        """
        try:
            return _open(self._data[key_id], owner, sealed)
        except (KeyError, InvalidTag) as error:
            message = "a sealed secret does not open"
            fix = "have the account enrol its second factor anew"
            raise ConfigError(message, fix=fix) from error

    def rotate(self, tx: Transaction, now: int) -> int:
        """Seal every secret under a new data key; return how many there were.

        Takes effect in memory by `reload`, once the transaction is through.
        """
        tx.execute("UPDATE data_keys SET current = 0")
        key_id, key = self._make(tx, now)
        count = 0
        for table in _TABLES:
            for row in tx.all(f"SELECT user_id, key_id, sealed FROM {table}"):  # noqa: S608 - two constants
                owner, old, sealed = str(row[0]), str(row[1]), row[2]
                secret = self.open(
                    owner, old, sealed if isinstance(sealed, bytes) else b""
                )
                tx.execute(
                    f"UPDATE {table} SET key_id = ?, sealed = ? WHERE user_id = ?",  # noqa: S608 - two constants
                    (key_id, _seal(key, owner, secret), owner),
                )
                count += 1
        tx.execute("DELETE FROM data_keys WHERE current = 0")
        return count

    def reload(self, reader: Reader) -> None:
        """Take over the data keys that are in the store now."""
        self._data, self._current = self._read(reader)

    def _make(self, tx: Transaction, now: int) -> tuple[str, AESGCM]:
        key_id, raw = random_id(), AESGCM.generate_key(256)
        tx.execute(
            "INSERT INTO data_keys (id, sealed, created, current) VALUES (?, ?, ?, 1)",
            (key_id, _seal(self._key, key_id, raw), now),
        )
        return key_id, AESGCM(raw)

    def _read(self, reader: Reader) -> tuple[dict[str, AESGCM], str]:
        data, current = {}, ""
        for key_id, sealed, is_current in reader.all(
            "SELECT id, sealed, current FROM data_keys"
        ):
            try:
                raw = _open(
                    self._key,
                    str(key_id),
                    sealed if isinstance(sealed, bytes) else b"",
                )
            except InvalidTag as error:
                message = "the secret file is not the one this state was made with"
                fix = "put the old secret file back"
                raise ConfigError(message, fix=fix) from error
            data[str(key_id)] = AESGCM(raw)
            if is_current:
                current = str(key_id)
        return data, current


def _seal(key: AESGCM, owner: str, secret: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, secret, owner.encode())


def _open(key: AESGCM, owner: str, sealed: bytes) -> bytes:
    return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())
