"""What must be proved before a commit is confirmed, and after it was undone."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploys.common.errors import KeepgateError
from deploys.common.progress import notice
from deploys.confirm.prove import PASSWORD_METHODS, NoAnswerError, TurnedAwayError
from deploys.confirm.session import FreshSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.confirm.prove import Door, Login, Route

ATTEMPT = 8.0
"""Seconds for one login; a slow machine needs two for the key exchange alone."""

PAUSE = 1.0
"""Seconds between two attempts."""

PATIENCE = 45.0
"""Seconds after which a host that does not answer counts as closed.

Longer than the 20 s or so for which sshd drops connections after others misbehaved
from our address (PerSourcePenalties, sshd_config(5)).
"""

TURNED_AWAY = 3
"""Refusals after which a login counts as refused; a dropped connection is none."""


class NotProvedError(Exception):
    """The proof failed."""


@dataclass
class Proof:
    """Fresh logins to one host, before and after the switch.

    *before* is the account that the run works as, *operator* the one that must
    get in afterwards. *refused* accounts must be turned away, and nobody may be
    offered a password if *password_refused*.
    """

    door: Door
    before: str
    operator: str
    refused: tuple[str, ...] = ()
    password_refused: bool = False
    routes: tuple[Route, ...] = field(default=(), init=False)
    sources: tuple[str, ...] = field(default=(), init=False)

    def find_routes(self) -> None:
        """Learn which addresses admit us now; the proof will ask all of them.

        *sources* holds afterwards the addresses at which the host sees us.

        Raises:
            KeepgateError: none does, so that nothing could be proved later.
        """
        working: list[Route] = []
        sources: list[str] = []
        troubles: list[str] = []
        try:
            for route in self.door.routes():
                try:
                    login = self.door.login(route, self.before, seconds=ATTEMPT)
                    sources.append(login.source(seconds=ATTEMPT))
                    login.client.close()
                    working.append(route)
                except (NoAnswerError, TurnedAwayError) as error:
                    troubles.append(f"{route}: {error}")
        except NoAnswerError as error:
            troubles.append(str(error))
        if not working:
            message = f"no fresh login works now: {'; '.join(troubles)}"
            raise KeepgateError(message, "nothing was changed; mend the login first")
        for trouble in troubles:
            notice(f"not proved, since it does not work now: {trouble}", "warning")
        self.routes = tuple(working)
        self.sources = tuple(dict.fromkeys(filter(None, sources)))

    @contextmanager
    def logged_in(self, *, until: float, patient: bool) -> Iterator[FreshSession]:
        """Prove everything by time *until* (monotonic) and lend the operator's login.

        *patient* keeps trying when the operator is refused, for a switch that may
        still be running.

        Raises:
            NotProvedError: the operator does not get in on every route that
                worked before, or somebody else does.
        """
        logins: list[Login] = []
        try:
            # As a generator: what was opened is closed even if the next one fails.
            soon = until if patient else min(until, time.monotonic() + PATIENCE)
            logins.extend(
                self._enter(route, self.operator, soon, patient=patient)
                for route in self.routes
            )
            self._prove_refusals(logins[0], until)
            yield FreshSession(logins[0].client)
        finally:
            for login in logins:
                login.client.close()

    @contextmanager
    def logged_in_as_before(self, *, until: float) -> Iterator[FreshSession]:
        """Prove that the account of before gets in on every route, and lend it.

        Raises:
            NotProvedError: it does not.
        """
        logins: list[Login] = []
        try:
            logins.extend(
                self._enter(route, self.before, until, patient=True)
                for route in self.routes
            )
            yield FreshSession(logins[0].client)
        finally:
            for login in logins:
                login.client.close()

    def _enter(self, route: Route, user: str, until: float, *, patient: bool) -> Login:
        refusals = 0
        trouble = "there was no time left"
        while (left := until - time.monotonic()) > 0:
            try:
                return self.door.login(route, user, seconds=min(ATTEMPT, left))
            except TurnedAwayError as error:
                trouble = str(error)
                refusals += 1
                if refusals == TURNED_AWAY and not patient:
                    break
            except NoAnswerError as error:
                trouble = str(error)
            time.sleep(min(PAUSE, max(0.0, until - time.monotonic())))
        message = f"{user} does not get in by {route}: {trouble}"
        raise NotProvedError(message)

    def _prove_refusals(self, operator: Login, until: float) -> None:
        offered = operator.methods & PASSWORD_METHODS
        if self.password_refused and offered:
            message = f"the host still offers {', '.join(sorted(offered))}"
            raise NotProvedError(message)
        for user in self.refused:
            if user != self.operator:
                self._prove_refused(user, until)

    def _prove_refused(self, user: str, until: float) -> None:
        trouble = "there was no time left"
        for _ in range(TURNED_AWAY):
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                self.door.login(
                    self.routes[0], user, seconds=min(ATTEMPT, left)
                ).client.close()
            except TurnedAwayError:
                return
            except NoAnswerError as error:
                trouble = str(error)
                time.sleep(min(PAUSE, left))
                continue
            message = f"{user} still gets in"
            raise NotProvedError(message)
        notice(f"not observed whether {user} is turned away: {trouble}", "warning")
