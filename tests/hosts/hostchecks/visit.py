"""One host, asked once: everything inside comes from one command.

The shared SSH connection is opened first and everything inside goes through it,
so that neither a penalty nor a limit that the outside checks run into can shut
out the rest.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING

from hostchecks import accounts, apt, bans, batch, login, nft, origin, sshd, system, web

if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS = {
    **system.SECTIONS,
    **accounts.SECTIONS,
    **sshd.SECTIONS,
    **nft.SECTIONS,
    **bans.SECTIONS,
    **apt.SECTIONS,
    **web.SECTIONS,
    **origin.SECTIONS,
    **login.SECTIONS,
}


class Visit:
    """Typed views of what one host answered; *run* carries out a command there."""

    def __init__(self, run: Callable[[str], str]) -> None:
        self._run = run
        self.answers = batch.parse(run(batch.command(SECTIONS)))
        missing = SECTIONS.keys() - self.answers.keys()
        if missing:
            message = f"the host's answer lacks {', '.join(sorted(missing))}"
            raise batch.BatchError(message)

    def ask(self, text: str) -> batch.Section:
        """Return what the sh text *text*, run as root, writes now."""
        return batch.parse(self._run(batch.command({"now": text})))["now"]

    def spared(self, jail: bans.Jail, address: str) -> bool:
        """Whether *jail* never bans *address*: by its networks, or by its command."""
        if jail.ignores(address):
            return True
        # The tag is fail2ban's own; what stands for it here is an address.
        asked = jail.spares.replace("<ip>", str(ip_address(address)))
        return bool(asked) and self.ask(f"{asked} >&2").status == 0

    @cached_property
    def sshd(self) -> sshd.Sshd:
        """What sshd would do for every account, address and Match criterion."""
        found = sshd.parse(self.answers["sshd-effective"].lines)
        specs = sshd.criteria(self.answers["sshd-match"].lines, self.accounts.people())
        if not specs:
            return found
        further = sshd.parse(self.ask(sshd.further(specs)).lines)
        return sshd.Sshd(
            {**found.answers, **further.answers}, (*found.errors, *further.errors)
        )

    @cached_property
    def accounts(self) -> accounts.Accounts:
        """Who is on the host."""
        return accounts.parse(self.answers)

    @cached_property
    def firewall(self) -> nft.Firewall | None:
        """The packet filter; None when the host has no nft."""
        return nft.parse(self.answers["nft"])

    @cached_property
    def bans(self) -> bans.Bans | None:
        """The running fail2ban; None when there is none."""
        return bans.parse(self.answers["fail2ban"])

    @cached_property
    def apt(self) -> apt.Apt:
        """Apt's effective configuration."""
        return apt.parse(self.answers["apt-config"])

    @cached_property
    def units(self) -> dict[str, dict[str, str]]:
        """The properties of the units that matter here."""
        return system.units(self.answers["units"])

    @property
    def facts(self) -> dict[str, str]:
        """What the report says of the host."""
        return system.facts(self.answers)

    @property
    def client(self) -> str:
        """The address that the host sees us at; "" if it sees none."""
        return self.answers["client"].text.strip()
