"""How few guesses a password takes: the block list, as a rule instead of a file.

A list of leaked passwords hardly bites where 15 characters are asked for: people
double a common one, join two, or add a year. So what is refused is everything that
can be put together of cheap pieces: the commonest leaked passwords and their plain
disguises (capitals, `0` for `o`), short words, runs along the alphabet, the digits
or a keyboard row, repetitions, years, and words of the site and the account. The
price of a piece is the binary logarithm of how many tries it takes to come to it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ENOUGH_BITS = 28.0
"""From here on a password is taken: some 270 million guesses, with the list known."""

OWN_WORD_BITS = 1.0
_AGAIN_BITS = 1.0
_RUN_BITS = 4.0
_YEAR_BITS = 6.0
_SHORT_WORD_BITS = 4.5
_MIN_OWN_WORD = 3
_MIN_PIECE = 3
_MAX_PIECE = 24

_SHORT_WORDS = (
    "i a my me we you the is am it to of in on and for not our your this that have "
    "love like hate want pass word user name log login sign test new old secret "
    "please let open very long good best be"
)

_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "!@#$%^&*()",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)
_NEVER = float("inf")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_PLAIN = str.maketrans("0134578@$!|€", "oieastbasile")


@cache
def _ranks() -> dict[str, float]:
    """Return the price of every common password and short word."""
    text = files("auth_agent.accounts").joinpath("common_passwords.txt")
    lines = text.read_text(encoding="ascii").splitlines()
    words = [line for line in lines if not line.startswith("#")]
    ranks = {word: log2(rank + 1) for rank, word in enumerate(words, 1)}
    for word in _SHORT_WORDS.split():
        ranks[word] = min(_SHORT_WORD_BITS, ranks.get(word, _SHORT_WORD_BITS))
    return ranks


def bits(password: str, own_words: Iterable[str] = ()) -> float:
    """Return the price of the cheapest way to put *password* together.

    *own_words* are of the site and the account; the dearest answer that matters is
    `ENOUGH_BITS`, so a password is not priced further than that.
    """
    pieces = _Pieces(password.casefold(), own_words)
    text = pieces.text
    best = [0.0] + [float("inf")] * len(text)
    for start, char in enumerate(text):
        here = best[start]
        if here >= ENOUGH_BITS:
            continue
        best[start + 1] = min(best[start + 1], here + _letter_bits(char))
        for end in range(start + 1, min(len(text), start + _MAX_PIECE) + 1):
            best[end] = min(best[end], here + pieces.price(start, end))
    return min(best[-1], ENOUGH_BITS)


class _Pieces:
    """The pieces of one password and their prices."""

    def __init__(self, text: str, own_words: Iterable[str]) -> None:
        self.text = text
        self._plain = text.translate(_PLAIN)
        self._own = {
            word.casefold() for word in own_words if len(word) >= _MIN_OWN_WORD
        }
        self._ranks = _ranks()

    def price(self, start: int, end: int) -> float:
        """Return the price of the piece from *start* to *end*; infinite for none."""
        piece, disguised = self.text[start:end], self._plain[start:end]
        price = min(self._ranks.get(piece, _NEVER), self._ranks.get(disguised, _NEVER))
        if piece in self._own or disguised in self._own:
            price = min(price, OWN_WORD_BITS)
        if len(piece) < _MIN_PIECE:
            return price
        if piece in self.text[:start]:
            price = min(price, _AGAIN_BITS)
        if len(set(piece)) == 1 or _is_run(piece):
            price = min(price, _RUN_BITS)
        if _YEAR.fullmatch(piece):
            price = min(price, _YEAR_BITS)
        return price


def _is_run(piece: str) -> bool:
    return any(piece in row or piece in row[::-1] for row in _ROWS)


def _letter_bits(char: str) -> float:
    """Return the price of one character that belongs to no piece."""
    if char.isdigit():
        return log2(12)
    if char.isascii() and char.isalpha():
        return log2(26)
    return log2(36) if char.isascii() else log2(200)
