"""The topic `fail2ban`: who fails to log in again and again is shut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.common.topic import Topic
from deploys.fail2ban.facts import Fail2banFact
from deploys.fail2ban.plan import plan
from deploys.fail2ban.wanted import watches_sites

if TYPE_CHECKING:
    from deploys.settings import Settings

PACKAGES: Final = ("fail2ban", "nftables", "python3-systemd")
"""python3-systemd is but recommended; without it nothing can read the journal."""


def _packages(settings: Settings) -> tuple[str, ...]:
    # The web server's log, which is watched, belongs to the account of its package.
    return (*PACKAGES, "caddy") if watches_sites(settings) else PACKAGES


TOPIC = Topic(
    name="fail2ban",
    title="Bans",
    fact=Fail2banFact,
    plan=plan,
    packages=_packages,
)
