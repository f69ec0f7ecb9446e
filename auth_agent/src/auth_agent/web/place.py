"""What a request is for, and who may come there at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from auth_agent.authz.paths import clean_host, clean_method, clean_path
from auth_agent.authz.rules import AUTHENTICATED, PUBLIC

if TYPE_CHECKING:
    from auth_agent.authz.rules import RuleSet

_NO_PERMISSION = frozenset({PUBLIC, AUTHENTICATED})


class Kind(Enum):
    """Who may come to a place."""

    NOBODY = auto()
    ANYBODY = auto()
    KNOWN = auto()


@dataclass(slots=True, frozen=True)
class Place:
    """What a host, method and target mean: read in one way, with what they ask for.

    *asked* are the permissions that rules ask for there. *kind* says who may come
    at all: nobody without a rule.
    """

    host: str
    method: str
    path: str
    uri: str
    kind: Kind
    asked: tuple[str, ...]
    own: str
    """The permission, or its stand-in, of the rule for the path as it is written."""


def read(rules: RuleSet, host: str, method: str, uri: str) -> Place:
    """Return what a request says it is for.

    Depends on nothing but its arguments, so that it can be remembered.

    Raises:
        Unreadable: it can be read in more than one way, or in none.
    """
    host, method, path = clean_host(host), clean_method(method), clean_path(uri)
    rule, second = rules.readings(host, method, path)
    if rule is None or second is None:
        return Place(host, method, path, uri, Kind.NOBODY, (), "")
    both = dict.fromkeys((rule.permission, second.permission))
    kind = Kind.ANYBODY if set(both) == {PUBLIC} else Kind.KNOWN
    asked = tuple(one for one in both if one not in _NO_PERMISSION)
    return Place(host, method, path, uri, kind, asked, rule.permission)
