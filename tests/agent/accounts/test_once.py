"""Fifty at once with one link: one gets in, and its password is the account's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
from auth_agent.callers import Caller
from auth_agent.errors import LinkRefusedError, LoginRefusedError

from tests.agent.conftest import BROWSER, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auth_agent.config.model import Config

TRIES = 50


@pytest.fixture
def wide(config: Config) -> Iterator[World]:
    """Return an agent that has room for all of them."""
    passwords = msgspec.structs.replace(config.passwords, queue=TRIES)
    opened = World(msgspec.structs.replace(config, passwords=passwords))
    yield opened
    opened.do(opened.services.close())
    opened.loop.close()


@pytest.mark.parametrize("kind", ["invitation", "reset", "mail"])
def test_a_link_is_good_once_also_in_parallel(wide: World, kind: str) -> None:
    """An invitation, a reset by an administrator, one by mail."""
    ada = wide.person("ada")
    accounts = wide.services.accounts
    use, event = accounts.finish_reset, "password.reset_done"
    if kind == "invitation":
        _, link = wide.do(
            accounts.invite(
                Caller.cli(), name="eve", display_name="Eve", email="", role="viewer"
            )
        )
        ada.name, use, event = "eve", accounts.accept_invite, "user.invite_accept"
        token = link.token
    elif kind == "reset":
        token = wide.do(accounts.reset(Caller.cli(), ada.id)).token
    else:
        wide.do(accounts.request_reset("ada", BROWSER))
        wide.do(wide.services.post.close())
        token = wide.mails[-1][1].partition("/reset/")[2].split()[0]
    before = wide.events().count(event)
    chosen = [f"velvet tramp owl sock {at:02}" for at in range(TRIES)]

    async def storm() -> list[BaseException | None]:
        return await asyncio.gather(
            *(use(token, password, BROWSER) for password in chosen),
            return_exceptions=True,
        )

    answers = wide.do(storm())

    [winner] = [at for at, answer in enumerate(answers) if answer is None]
    assert all(isinstance(one, LinkRefusedError) for one in answers if one is not None)
    assert before + 1 == wide.events().count(event)
    assert wide.start(ada, BROWSER, chosen[winner]).token
    with pytest.raises(LoginRefusedError):
        wide.start(ada, BROWSER, chosen[winner - 1])
