"""From settings to the text of the agent's configuration; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deploys.agent import places
from deploys.caddy.settings import RESERVED
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.caddy.settings import SiteSettings
    from deploys.settings import Settings


def guarded(settings: Settings) -> tuple[SiteSettings, ...]:
    """Return the sites that the agent is asked about."""
    return tuple(site for site in settings.sites if site.is_guarded)


def text(settings: Settings) -> bytes:
    """Return the configuration for the guarded sites of *settings*.

    Raises:
        ValueError: there is no login host; settings with guarded sites have one.
    """
    login = settings.caddy.login
    if login is None:
        message = "no login host"
        raise ValueError(message)
    own = login.host not in {site.host for site in settings.sites}
    sites = [
        {
            "host": _toml(site.host),
            "preset": _toml(site.preset.value),
            "public": _toml(site.public),
            "assertion": _toml(site.assertion),
            "rules": {_toml(name): _toml(rules) for name, rules in site.rules.items()},
        }
        for site in guarded(settings)
    ]
    return render(
        "agent/auth-agent.toml.j2",
        host=_toml(login.host),
        path=_toml("/" if own else RESERVED),
        title=_toml(settings.agent.title),
        sites=sites,
        mail=_mail(settings),
        places=places,
    )


def _mail(settings: Settings) -> dict[str, str]:
    mail = settings.agent.mail
    if mail is None:
        return {}
    given: dict[str, object] = {
        "host": mail.host,
        "port": mail.port,
        "socket": places.MAIL,
        "sender": mail.sender,
    }
    if mail.user is not None:
        given |= {"user": mail.user, "password_file": places.PASSWORD}
    return {name: _toml(value) for name, value in given.items()}


def _toml(value: object) -> str:
    """Return a text, number, truth value or list as TOML writes it: as JSON does."""
    return json.dumps(value, ensure_ascii=False)
