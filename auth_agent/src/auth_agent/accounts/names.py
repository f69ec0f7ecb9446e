"""Account names and e-mail addresses in their one form."""

from __future__ import annotations

import re
import unicodedata

from auth_agent.errors import InvalidInputError

MAX_NAME = 64
MAX_SHOWN = 80
MAX_EMAIL = 254
"""RFC 5321, section 4.5.3.1, as corrected by erratum 1690."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
_MAX_LOCAL = 64


def canonical_name(text: str) -> str:
    """Return the form in which an account name is stored, found and counted.

    NFKC, case-folded; then lower-case ASCII letters, digits, `.`, `_`, `-`, so that
    no two accounts look alike.

    Raises:
        InvalidInputError: something else remains, or it is longer than 64 characters.
    """
    name = unicodedata.normalize("NFKC", text).casefold()
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        message = "that is no account name"
        raise InvalidInputError(
            message,
            field="name",
            fix=f"use up to {MAX_NAME} letters a-z, digits, dots, dashes, underscores",
        )
    return name


def canonical_email(text: str) -> str:
    """Return the stored form of an address: the domain in lower case.

    An address with two `@` is refused, not split (CVE-2026-40574); so are quoted
    local parts and address literals, which no invited person has.

    Raises:
        InvalidInputError: it is no address of that form.
    """
    local, at, domain = text.rpartition("@")
    domain = domain.lower()
    plain = _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)
    if not at or not plain or len(local) > _MAX_LOCAL or len(text) > MAX_EMAIL:
        message = "that is no e-mail address"
        raise InvalidInputError(
            message, field="email", fix="give one like ada@host.tld"
        )
    return f"{local}@{domain}"


def canonical_login(text: str) -> str:
    """Return the key under which tries with *text* are counted, valid or not.

    Every spelling of one account gives one key (CVE-2026-47203, CVE-2025-24806).
    """
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    return folded[:MAX_EMAIL]


def shown_name(text: str) -> str:
    """Return *text* as it is shown: NFC, one line, printable, 1 to 80 characters.

    Raises:
        InvalidInputError: it is empty, too long, or has characters that cannot be shown
            (controls, marks that turn the writing's direction).
    """
    shown = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(shown) <= MAX_SHOWN or not shown.isprintable():
        message = "that name cannot be shown"
        fix = f"use 1 to {MAX_SHOWN} printable characters"
        raise InvalidInputError(message, field="display_name", fix=fix)
    return shown
