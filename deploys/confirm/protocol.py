"""The protocol of one commit: arm, switch, prove, confirm; or roll back."""

from __future__ import annotations

import getpass
import re
import secrets
import socket
import time
from typing import TYPE_CHECKING

from deploys.common.errors import KeepgateError, NoAnswer, RolledBack, Unproved
from deploys.common.progress import notice
from deploys.confirm.phases import Phase, entered
from deploys.confirm.proof import NotProvedError, Proof
from deploys.confirm.refusals import explain
from deploys.confirm.session import LostError
from deploys.confirm.texts import Texts
from deploys.confirm.work import work
from deploys.fail2ban import truce

if TYPE_CHECKING:
    from deploys.common.changes import Plan
    from deploys.confirm.session import Answer, Session

PREPARING = 60.0
"""Seconds that staging and arming may take before the connection counts as lost."""

CONFIRMING = 8.0
"""Seconds that are kept for the confirmation after a topic's evidence was seen."""

AFTERMATH = 60.0
"""Seconds, after the timer has fired, in which the host must be reachable again."""

TRUCE = 60
"""Seconds after all of that for which fail2ban still ignores us: it reads logs late."""


class Confirmation:
    """Carries one plan out on one host, so that it is confirmed or undone.

    *session* is the running connection, *proof* knows how to log in anew.
    *timeout* is in seconds.
    """

    def __init__(
        self, plan: Plan, *, session: Session, proof: Proof, timeout: int
    ) -> None:
        self._session = session
        self._proof = proof
        self._timeout = timeout
        self._topic = plan.topic
        self._work = work(
            plan, nonce=secrets.token_hex(16), owner=_owner(), timeout=timeout
        )
        self._texts = Texts(self._work)
        self._until = 0.0

    def carry_out(self) -> None:
        """Change the host as planned and prove it.

        Raises:
            KeepgateError: nothing was switched; the message says why.
            RolledBack: the host is as it was before, and access was proved.
            Unproved: the host cannot be reached to learn how it ended.
        """
        self._proof.find_routes()
        self._call_a_truce()
        entered(Phase.ARM)
        self._arm()
        try:
            switched = self._switch()
            entered(Phase.PROVE)
            self._prove(switched=switched)
        except NotProvedError as error:
            self._roll_back(str(error))
        except KeepgateError:
            raise
        except BaseException:
            # Interrupted: do not leave the host to its timer if it can be helped.
            self._start_rollback(seconds=5)
            raise
        entered(Phase.DONE)

    def _left(self) -> float:
        """Seconds until the host rolls back; it armed after we began to count."""
        return self._until - time.monotonic()

    def _call_a_truce(self) -> None:
        """Keep fail2ban from banning us for what is about to be proved."""
        lasting = self._timeout + int(AFTERMATH) + TRUCE
        text = truce.text(self._proof.sources, seconds=lasting)
        try:
            answer = self._session.run(text, seconds=PREPARING)
        except LostError as error:
            message = f"the connection broke before {self._topic} was armed: {error}"
            raise NoAnswer(message, "nothing was changed; run again") from error
        jails = [line.partition(" ")[0] for line in answer.all("open")]
        if answer.word not in ("done", "none"):
            jails.append(f"any ({answer.errors.strip()[-200:] or 'no answer'})")
        if jails:
            notice(
                f"fail2ban may ban us meanwhile, by jail {', '.join(jails)}: it "
                "does not take our address off its list",
                "warning",
            )

    def _arm(self) -> None:
        text = self._texts.prepare()
        self._until = time.monotonic() + self._timeout
        try:
            answer = self._session.run(text, seconds=PREPARING)
        except LostError as error:
            message = f"the connection broke while arming {self._topic}: {error}"
            fix = f"nothing is switched; run again in {self._timeout} s"
            raise NoAnswer(message, fix) from error
        for topic in answer.all("recovered"):
            notice(f"undid the {topic} commit of an interrupted run", "warning")
        if answer.word != "armed":
            raise explain(answer, topic=self._topic)

    def _switch(self) -> bool:
        entered(Phase.SWITCH)
        try:
            answer = self._session.run(
                self._texts.run_switch(), seconds=max(1.0, self._left())
            )
        except LostError:
            # The switch goes on without us; the proof decides.
            notice("the connection broke during the switch", "warning")
            return False
        if answer.word == "refused":
            self._end_armed(answer)
        if answer.word != "switched":
            self._roll_back(_reason(answer))
        return True

    def _end_armed(self, answer: Answer) -> None:
        """Take back a commit whose switch was refused: no file has changed."""
        error = explain(answer, topic=self._topic)
        self._start_rollback(seconds=30)
        raise error

    def _prove(self, *, switched: bool) -> None:
        margin = 2.0
        until = self._until - margin
        with self._proof.logged_in(until=until, patient=not switched) as session:
            self._look(session)
            entered(Phase.CONFIRM)
            try:
                answer = session.run(self._texts.confirm(), seconds=self._left() + 10)
            except LostError as error:
                message = f"the confirmation was not answered: {error}"
                raise NotProvedError(message) from error
        if answer.word != "confirmed":
            message = f"the host refused the confirmation: {answer.rest}"
            raise NotProvedError(message)

    def _look(self, session: Session) -> None:
        """Have the topic's own evidence looked at, with time left to confirm."""
        if not self._work.commit.evidence:
            return
        seconds = max(1, int(self._left() - CONFIRMING))
        try:
            answer = session.run(self._texts.evidence(seconds), seconds=self._left())
        except LostError as error:
            message = f"the evidence was not seen: {error}"
            raise NotProvedError(message) from error
        if answer.word != "proved":
            raise NotProvedError(answer.rest or answer.errors or "nothing was said")

    def _start_rollback(self, *, seconds: float) -> None:
        try:
            self._session.run(self._texts.roll_back(), seconds=seconds)
        except LostError:
            notice("the host rolls back by itself when its timer fires", "warning")

    def _roll_back(self, reason: str) -> None:
        """Undo the commit now, or wait until the host has; then say what was done.

        Raises:
            RolledBack: always, unless
            Unproved: the host cannot be reached, or
            nothing: it turns out that the commit was confirmed.
        """
        entered(Phase.ROLL_BACK)
        notice(f"rolling back {self._topic}: {reason}", "warning")
        self._start_rollback(seconds=30)
        until = max(self._until, time.monotonic()) + AFTERMATH
        try:
            with self._proof.logged_in_as_before(until=until) as session:
                answer = self._outcome(session, until)
        except NotProvedError as error:
            message = f"{self._topic} was not proved ({reason}), and {error}"
            raise Unproved(
                message,
                f"the host restores itself within {self._timeout} s of arming;"
                " then run `keepgate status`",
            ) from error
        if answer.all("outcome")[0] == "confirmed":
            return
        report = answer.all("report")
        troubled = any(line.startswith("problem:") for line in report)
        message = f"{self._topic} was rolled back: {reason}"
        fix = (
            "some of it needs a look, see the report"
            if troubled
            else "mend the reason, then run again; until then the host stays as it was"
        )
        raise RolledBack(message, fix, report)

    def _outcome(self, session: Session, until: float) -> Answer:
        while True:
            try:
                answer = session.run(self._texts.outcome(), seconds=10)
            except LostError as error:
                raise NotProvedError(str(error)) from error
            if answer.all("outcome") not in (["armed"], ["rolling"]):
                return answer
            if time.monotonic() > until:
                message = "the rollback did not end"
                raise NotProvedError(message)
            time.sleep(0.5)


def _reason(answer: Answer) -> str:
    last = answer.errors.strip().splitlines()[-1:] or [""]
    what = answer.rest or "the switch ended early"
    return f"{what}: {last[0]}" if last[0] else what


def _owner() -> str:
    name = f"{getpass.getuser()}@{socket.gethostname()}"
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", name)
