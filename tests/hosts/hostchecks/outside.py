"""What the host shows to the network, asked from here, all at the same time.

Order within: the scans begin at once; ssh-audit, then the login that ends well,
then the refused root login, since sshd adds up penalties for our address and a
penalty in force would hide an answer. The misbehaving client has an address of
its own and runs beside them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hostchecks import bans
from hostchecks.audit import policy, standard
from hostchecks.logins import Attempt, attempt
from hostchecks.scan import Scan, ports, scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostchecks.link import Link
    from hostchecks.visit import Visit
    from hostchecks.wanted import Wanted

_ATTACK = Path(__file__).with_name("attack.py")
_BAN_WAIT = 20  # seconds from the last failure to the ban, at least
_TURN = 20.0  # seconds for a ban, or the end of one, to be felt
_ATTACK_LIMIT = 90  # seconds, more than the misbehaving client takes
_JAIL = "sshd"
_OWN_COST = 1  # failures that a probe adds in fail2ban's eyes
_ROOT_COST = 2
T = TypeVar("T")
_GLOBAL_V6 = ip_network("2000::/3")


class WouldBan(Exception):
    """Trying would count towards a ban of the address we work from."""


@dataclass(frozen=True)
class PolicyTrial:
    """ssh-audit's answer to one policy, with the fields that deviate."""

    name: str
    passed: bool
    deviations: tuple[str, ...]


@dataclass(frozen=True)
class BanTrial:
    """How a misbehaving address fared; *seconds* from last failure to ban."""

    address: str
    refused: int
    reached_before: bool
    banned: bool
    seconds: float
    reached_after: bool
    reached_again: bool


class Outside:
    """The probes of one host; each attribute is a future with its result."""

    def __init__(self, link: Link, wanted: Wanted) -> None:
        self._link, self._wanted = link, wanted
        self._visit: Future[Visit] = Future()
        self._beside = ThreadPoolExecutor(3, thread_name_prefix="outside")
        self._in_order = ThreadPoolExecutor(1, thread_name_prefix="in-order")
        self.seconds: dict[str, float] = {}
        beside, in_order = self._beside, self._in_order
        self.scan4 = beside.submit(self._timed, "scan IPv4", lambda: self._scan(4))
        self.scan6 = beside.submit(self._timed, "scan IPv6", lambda: self._scan(6))
        self.ban = beside.submit(self._timed, "ban", self._try_ban)
        self.audit = in_order.submit(self._timed, "ssh-audit", lambda: standard(link))
        self.policy = in_order.submit(self._timed, "policy", self._try_policy)
        self.own_login = in_order.submit(self._timed, "own login", self._try_own_login)
        self.root_login = in_order.submit(
            self._timed, "root login", self._try_root_login
        )

    def _timed(self, name: str, probe: Callable[[], T]) -> T:
        """Return what *probe* finds, and keep how long it took."""
        started = time.monotonic()
        try:
            return probe()
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)

    def inside(self, visit: Visit) -> None:
        """Hand over what was observed inside: some probes need it first."""
        self._visit.set_result(visit)

    def close(self) -> None:
        """Wait for the probes that still run, drop those that did not begin."""
        if not self._visit.done():
            self._visit.set_exception(RuntimeError("the inside was not observed"))
        self._in_order.shutdown(wait=True, cancel_futures=True)
        self._beside.shutdown(wait=True, cancel_futures=True)

    def _scan(self, version: int) -> Scan | None:
        address = self._address(version)
        if address is None:
            return None
        numbers = ports(self._link.port, *self._wanted.ports("tcp"))
        return asyncio.run(scan(address, numbers))

    def _address(self, version: int) -> str | None:
        """Return the host's address of IP *version*, as given or as it has it."""
        for text in (*self._wanted.addresses, self._link.address):
            with contextlib.suppress(ValueError):
                if ip_address(text).version == version:
                    return text
        if version == 4:
            return None
        entries = json.loads(self._visit.result().answers["addresses"].text or "[]")
        found = (
            info["local"] for entry in entries for info in entry.get("addr_info", ())
        )
        return next((one for one in found if ip_address(one) in _GLOBAL_V6), None)

    def _try_policy(self) -> PolicyTrial:
        name = self._wanted.policy(self._visit.result().facts["OpenSSH"])
        return PolicyTrial(name, *policy(self._link, name))

    def _try_own_login(self) -> Attempt:
        self._spare(_OWN_COST)
        return attempt(self._link, self._link.user, password=True, keys=True)

    def _try_root_login(self) -> Attempt:
        self._spare(_OWN_COST + _ROOT_COST)
        return attempt(self._link, "root", password=False, keys=True)

    def _spare(self, cost: int) -> None:
        """Refuse to go on if *cost* more failures would have our address banned."""
        visit = self._visit.result()
        if visit.bans is None or not visit.client:
            return
        failed = int(visit.answers["own-failures"].text.strip() or 0)
        for name, jail in visit.bans.jails.items():
            if not jail.ssh or failed + cost < jail.maxretry:
                continue
            if visit.spared(jail, visit.client):
                continue
            message = (
                f"our own address {visit.client} could be banned: fail2ban's jail "
                f"{name} does not ignore it and it failed {failed} times of late; "
                "name its network in operator.networks, or wait"
            )
            raise WouldBan(message)

    def _try_ban(self) -> BanTrial | None:
        if not self._wanted.attacker:
            return None
        address = self._wanted.attacker_address
        target = self._address(ip_address(address).version) or self._link.address
        visit = self._visit.result()
        if visit.bans is None:
            return None  # and a stock server delays each wrong password by seconds
        tried, took = self._guess(visit, address, target)
        guessed = time.monotonic()
        # A host that is slow to refuse is slow to read about it, too.
        wait = max(_BAN_WAIT, int(2 * took))
        banned = visit.ask(bans.until_banned(_JAIL, address, wait)).status == 0
        seconds = time.monotonic() - guessed
        after = self._becomes(target, reached=False, seconds=_TURN if banned else 0)
        visit.ask(bans.unban(address))
        again = self._becomes(target, reached=True, seconds=_TURN)
        before, refused = bool(tried["reached"]), int(tried["refused"])
        return BanTrial(address, refused, before, banned, seconds, after, again)

    def _guess(
        self, visit: Visit, address: str, target: str
    ) -> tuple[dict[str, int], float]:
        """Return what came of guessing, and its seconds, once the port is reached.

        It may not be at first: by a ban for an earlier trial, which is lifted, or on
        a host that is slow to answer.
        """
        until = time.monotonic() + _TURN
        while True:
            began = time.monotonic()
            tried = self._attack("guess", target)
            if tried["reached"] or began > until:
                return tried, time.monotonic() - began
            visit.ask(bans.unban(address))

    def _becomes(self, target: str, *, reached: bool, seconds: float) -> bool:
        """Return whether *target* is reached, as soon as it is as *reached* says.

        After *seconds* as it is then. fail2ban names an address as banned before its
        action has told the packet filter, and the first ban after a start has the
        action make its table, too. One try a second: too many would be dropped as such.
        """
        until = time.monotonic() + seconds
        while True:
            found = bool(self._attack("reach", target)["reached"])
            if found == reached or time.monotonic() > until:
                return found
            time.sleep(1.0)

    def _attack(self, what: str, target: str) -> dict[str, int]:
        command = [
            *self._wanted.attacker,
            *(sys.executable, str(_ATTACK), what, target, str(self._link.port)),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_ATTACK_LIMIT,
            check=True,
        )
        answer: dict[str, int] = json.loads(done.stdout)
        return answer
