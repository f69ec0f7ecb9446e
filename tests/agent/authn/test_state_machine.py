"""Whatever is sent in whatever order: nobody is in without all factors."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyotp
from auth_agent.callers import Caller, Client
from auth_agent.errors import AgentError
from auth_agent.services import LoginStep
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from tests.agent.conftest import World, make_config

ATTACKER = Client(ip="198.51.100.1", user_agent="attacker")
JUNK = st.sampled_from(["", "0", "000000", "aaaa-bbbb-cccc-dddd", "\ud800", "x" * 999])


class Attack(RuleBasedStateMachine):
    """An attacker who knows the password of an enrolled account, and nothing else.

    They see every code that the owner used, after it was used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(make_config(Path(self.folder.name)))
        self.ada = self.world.enrolled("ada")
        self.transactions = [""]
        self.seen = ["000000"]
        self.tokens: list[str] = []
        self.owners: set[str] = set()

    @rule()
    def know_the_password(self) -> None:
        """Take the password step with the right password."""
        step = self._try(lambda: self.world.start(self.ada, ATTACKER))
        if step is not None:
            self.transactions.append(step.transaction)
            self.tokens.append(step.token)

    @rule(name=JUNK, password=JUNK)
    def guess(self, name: str, password: str) -> None:
        """Take the password step with anything."""
        login = self.world.services.login
        self._take(lambda: self.world.do(login.start(name, password, ATTACKER)))

    @rule(data=st.data(), code=JUNK)
    def send_anything(self, data: st.DataObject, code: str) -> None:
        """Answer any transaction with junk, as a code of either kind."""
        transaction = data.draw(st.sampled_from(self.transactions))
        login = self.world.services.login
        self._take(lambda: self.world.do(login.totp(transaction, code, ATTACKER)))
        self._take(lambda: self.world.do(login.recovery(transaction, code, ATTACKER)))

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Answer with a code that the owner has used."""
        transaction = data.draw(st.sampled_from(self.transactions))
        code = data.draw(st.sampled_from(self.seen))
        login = self.world.services.login
        self._take(lambda: self.world.do(login.totp(transaction, code, ATTACKER)))

    @rule()
    def owner_logs_in(self) -> None:
        """Have the owner log in with a code that the attacker sees afterwards."""
        mine = Client(ip="192.0.2.1", device=self.ada.device)
        code = pyotp.TOTP(self.ada.secret).at(int(self.world.clock.now().timestamp()))
        try:
            login = self.world.log_in(self.ada, mine)
        except AgentError:
            return
        self.seen.append(code)
        self.owners.add(login.id)

    @rule()
    def owner_steps_up(self) -> None:
        """Have the owner's login get a new token."""
        live = self.world.services.sessions.live.by_id
        for login_id in sorted(self.owners & live.keys()):
            caller = Caller.of(live[login_id], ATTACKER)
            self._try(
                lambda c=caller: self.world.do(
                    self.world.services.factors.new_recovery_codes(c)
                )
            )

    @rule(seconds=st.sampled_from([1, 29, 30, 301, 901, 3_700]))
    def time_passes(self, seconds: int) -> None:
        """Let time pass, and what falls due happen."""
        self.world.clock.advance(seconds)
        self.world.do(self.world.services.system.tick())

    @rule()
    def restart(self) -> None:
        """Stop the agent and start it again."""
        self.world.restart()

    @invariant()
    def nobody_else_is_in(self) -> None:
        """Every live login is one that the owner opened with all factors."""
        live = self.world.services.sessions.live.by_id

        assert set(live) <= self.owners
        assert not any(self.tokens)
        assert {"password,totp"} >= {login.methods for login in live.values()}

    @override
    def teardown(self) -> None:
        """Close the world."""
        self.world.do(self.world.services.close())
        self.world.loop.close()
        self.folder.cleanup()

    def _take(self, attempt: object) -> None:
        step = self._try(attempt)
        if isinstance(step, LoginStep):
            self.tokens.append(step.token)

    def _try(self, attempt: object) -> LoginStep | None:
        assert callable(attempt)
        try:
            step = attempt()
        except AgentError:
            return None
        return step if isinstance(step, LoginStep) else None


TestAttack = Attack.TestCase
TestAttack.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)
