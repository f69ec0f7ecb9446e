"""Links that were mailed: anybody asks for them, so they must be good for little."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from auth_agent.callers import Caller, Client
from auth_agent.errors import LinkRefusedError

if TYPE_CHECKING:
    from tests.agent.conftest import Person, World

BROWSER = Client(ip="192.0.2.1")
NEW = "copper lantern gravel oboe"


def _mailed(world: World, person: Person) -> str:
    """Return the token of a new link that was mailed to *person*."""
    before = len(world.mails)

    def wait() -> None:
        limit = time.monotonic() + 10
        while len(world.mails) == before and time.monotonic() < limit:
            time.sleep(0.01)

    async def ask() -> None:
        await world.services.accounts.request_reset(person.name, BROWSER)
        await asyncio.to_thread(wait)  # a thread of its own sends it

    world.do(ask())
    ((_, text),) = world.mails[before:]
    (line,) = (one for one in text.splitlines() if one.startswith("https://"))
    return line.rpartition("/")[2]


def _set(world: World, token: str) -> None:
    world.do(world.services.accounts.finish_reset(token, NEW, BROWSER))


def test_a_mailed_reset_leaves_the_password_until_it_is_used(world: World) -> None:
    """Asking for a mail locks nobody out."""
    ada = world.person("ada")
    _mailed(world, ada)

    assert world.start(ada).token
    ((to, text),) = world.mails
    assert "ada@example.com" == to
    assert "https://auth.example.com/" in text


def test_of_two_mailed_links_one_is_used(world: World) -> None:
    """Whoever reads the mails later finds nothing that changes the password again."""
    ada = world.person("ada")
    first, second = _mailed(world, ada), _mailed(world, ada)
    _set(world, second)

    with pytest.raises(LinkRefusedError):
        _set(world, first)


def test_a_changed_password_ends_mailed_links(world: World) -> None:
    """An owner who is warned by a mail and acts is safe from that mail."""
    ada = world.person("ada")
    token = _mailed(world, ada)
    caller = world.caller(ada)
    world.do(world.services.accounts.change_password(caller, ada.password, NEW))

    with pytest.raises(LinkRefusedError):
        _set(world, token)


def test_a_changed_address_ends_mailed_links(world: World) -> None:
    """Whoever still reads the old mailbox may be somebody else."""
    ada = world.person("ada")
    token = _mailed(world, ada)
    world.do(world.services.accounts.change_email(Caller.cli(), ada.id, "a@b.example"))

    with pytest.raises(LinkRefusedError):
        _set(world, token)
