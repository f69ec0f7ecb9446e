"""TCP wrappers: `hosts.allow` and `hosts.deny`, which Debian's sshd still heeds.

They refuse a connection after packet filter and sshd_config look right. Format and
order are those of hosts_access(5) and hosts_options(5): the first rule that matches
decides, hosts.allow before hosts.deny; without one, access is granted.

Answers are True, False, or None where only the host could tell (names, netgroups).
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deploys.common.networks import IPAddress

_SSHD: Final = ("sshd", "sshd-session", "all")
_ASKS_NAMES: Final = ("local", "known", "unknown", "paranoid")
_NUMERIC: Final = re.compile(r"[0-9.:a-f*?\[\]/]+")


@dataclass(frozen=True)
class _Rule:
    daemons: tuple[str, ...]
    clients: tuple[str, ...]
    options: tuple[str, ...]


def admits(allow: str, deny: str, address: IPAddress) -> bool | None:
    """Whether the texts of both files let *address* speak to sshd."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    for text, grants in ((allow, True), (deny, False)):
        for rule in _rules(text):
            if not _list(rule.daemons, lambda word: word.partition("@")[0] in _SSHD):
                continue
            matched = _list(rule.clients, lambda word: _client(word, address))
            if matched is None:
                return None
            if matched:
                return _verdict(rule.options, grants=grants)
    return True


def _verdict(options: Sequence[str], *, grants: bool) -> bool:
    words = {option.split()[0] for option in options if option.split()}
    if words & {"deny", "twist"}:
        return False
    return grants or "allow" in words


def _rules(text: str) -> Iterator[_Rule]:
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("#"):
            continue
        daemons, *rest = _fields(line.lower())
        if rest:
            yield _Rule(_words(daemons), _words(rest[0]), tuple(rest[1:]))


def _fields(line: str) -> list[str]:
    """Split at colons, except those of an IPv6 address in brackets."""
    return re.split(r":(?![^\[\]]*\])", line)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text) if word)


def _list(words: Sequence[str], matches: Callable[[str], bool | None]) -> bool | None:
    """Match a list; `a EXCEPT b EXCEPT c` is `a EXCEPT (b EXCEPT c)`."""
    at = words.index("except") if "except" in words else len(words)
    answers = [matches(word) for word in words[:at]]
    found = True if True in answers else None if None in answers else False
    if at == len(words) or found is False:
        return found
    excepted = _list(words[at + 1 :], matches)
    if excepted is True:
        return False
    return None if excepted is None else found


def _client(word: str, address: IPAddress) -> bool | None:
    if word == "all":
        return True
    if word in _ASKS_NAMES or not _NUMERIC.fullmatch(word) or word.startswith("/"):
        return None
    if "*" in word or "?" in word:
        return fnmatch.fnmatchcase(str(address), word)
    if word.endswith("."):
        return str(address).startswith(word)
    try:
        network = ipaddress.ip_network(re.sub(r"[\[\]]", "", word), strict=False)
    except ValueError:
        return None
    return address in network
