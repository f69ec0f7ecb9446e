"""What a password must be (NIST SP 800-63B-4, section 3.1.1.2; ASVS 5.0, 6.2)."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from auth_agent.accounts import blocklist
from auth_agent.errors import PasswordRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LENGTH = 128
"""In code points after normalisation; a longer one is refused, never cut."""

_RAW_LIMIT = 1_024
_WORD = re.compile(r"\w{3,}")


def normalised(text: str) -> str | None:
    """Return *text* in NFKC, or None when no account can have it as password.

    Passwords are counted, hashed and compared in this form (RFC 8265 has NFC; NIST
    allows either), so that it does not matter how a keyboard composes a letter.
    """
    if not text or len(text) > _RAW_LIMIT:
        return None
    form = unicodedata.normalize("NFKC", text)
    if len(form) > MAX_LENGTH or any(_unreadable(char) for char in form):
        return None
    return form


def check(text: str, *, minimum: int, own_words: Iterable[str]) -> str:
    """Return the form of the new password *text* in which it is kept.

    Raises:
        PasswordRefusedError: it is too short, too long, unreadable, common, or made
            of words of the site and the account.
    """
    form = unicodedata.normalize("NFKC", text[: _RAW_LIMIT + 1])
    if len(form) > MAX_LENGTH:
        message = f"the password is longer than {MAX_LENGTH} characters"
        raise PasswordRefusedError(
            message, reason="too_long", fix="choose a shorter one"
        )
    if any(_unreadable(char) for char in form):
        message = "the password has a character that cannot be typed"
        raise PasswordRefusedError(message, reason="unreadable", fix="leave it out")
    if len(form) < minimum:
        message = f"the password has {len(form)} characters, {minimum} are needed"
        fix = "a few unrelated words make a long one that is easy to keep"
        raise PasswordRefusedError(message, reason="too_short", fix=fix)
    fix = "choose one that nobody else would come to"
    if common(form):
        message = "the password is made of what everybody uses"
        raise PasswordRefusedError(message, reason="common", fix=fix)
    if common(form, own_words):
        message = "the password is made of words of this site or your account"
        raise PasswordRefusedError(message, reason="site_words", fix=fix)
    return form


def common(form: str, own_words: Iterable[str] = ()) -> bool:
    """Whether the normalised password *form* stands on the block list."""
    return blocklist.bits(form, own_words) < blocklist.ENOUGH_BITS


def words_of(*texts: str) -> tuple[str, ...]:
    """Return the words in *texts* that a password must not be made of."""
    found = {word for text in texts for word in _WORD.findall(text)}
    return tuple(sorted(found | {text for text in texts if text}))


def _unreadable(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs", "Cn"}
