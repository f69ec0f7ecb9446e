"""The words that a password of an account must not be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.accounts.passwords import words_of

if TYPE_CHECKING:
    from auth_agent.config.model import Config


def own_words(
    config: Config, *, name: str, shown: str = "", email: str = ""
) -> tuple[str, ...]:
    """Return the words of the sites, their titles, and the account."""
    hosts = [config.login.host, *(site.host for site in config.sites)]
    return words_of(config.login.title, *hosts, name, shown, email)
