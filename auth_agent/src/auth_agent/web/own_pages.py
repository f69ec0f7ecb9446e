"""One's own account, confirming that it is oneself, and doing what forms ask."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from auth_agent.authz.rules import AUTHENTICATED
from auth_agent.errors import AgentError, NotFoundError
from auth_agent.services import Enrolment
from auth_agent.web.actions.base import Action, check, perform
from auth_agent.web.actions.own import Codes, Renewed
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.actions.sessions import KeyShown
from auth_agent.web.actions.users import Invited, LinkShown
from auth_agent.web.asked import Asked, given_of
from auth_agent.web.failures import public_message, status_of
from auth_agent.web.kit import Kit
from auth_agent.web.login_pages import LoginPages
from auth_agent.web.render import qr_code

NOTICES = 10
"""How many the account page shows; the API gives all that are kept."""

_CONFIRM = "me.totp-confirm"
_STEP_UP = "me.step-up"


class OwnPages:
    """Handlers of the pages for everybody who is logged in."""

    def __init__(self, kit: Kit, login: LoginPages) -> None:
        self.kit = kit
        self.login = login
        self.services = kit.runtime.services

    def guard(self, asked: Asked, access: str) -> None:
        """Return if *asked* may see the page; see `check`."""
        check(
            self.kit.runtime,
            asked.principal,
            access,
            duty="",
            action=asked.path,
        )

    async def home(self, _asked: Asked) -> Response:
        """Go to the account page."""
        return self.kit.see(self.kit.url("/account"))

    async def account(self, asked: Asked) -> Response:
        """Show one's own account."""
        self.guard(asked, AUTHENTICATED)
        login = asked.login
        if login is None:
            return self.kit.see(self.kit.url("/login"))
        user_id = login.account.id
        return self.kit.page(
            asked,
            "account.html",
            user=self.services.accounts.get(user_id),
            sessions=self.services.sessions.list_for(user_id),
            current=login.id,
            keys=self.services.keys.list_for(user_id),
            notices=self.services.accounts.notices(user_id)[:NOTICES],
            permissions=sorted(login.account.permissions),
            days=self.kit.runtime.config.api_keys.default_days,
        )

    async def confirm(self, asked: Asked) -> Response:
        """Ask for password and code anew."""
        self.guard(asked, AUTHENTICATED)
        back = self.kit.back(asked.request.query_params.get("back", ""))
        return self._confirm(asked, back)

    def _confirm(
        self, asked: Asked, back: str, *, error: str = "", status: int = 200
    ) -> Response:
        if asked.login is None:
            return self.kit.see(self.kit.url("/login"))
        user = self.services.accounts.get(asked.login.account.id)
        return self.kit.page(
            asked, "confirm.html", status=status, back=back, error=error, user=user
        )

    async def do(self, asked: Asked) -> Response:
        """Do the action that a form names, and show what comes of it."""
        fields = await self.kit.fields(asked)
        action = ACTIONS.get(asked.request.path_params["action"])
        if action is None or not action.path or action.method == "GET":
            raise NotFoundError(kind="action")
        to = fields.pop("to", [""])[0]
        back = self.kit.back(fields.pop("back", [""])[0])
        try:
            given = given_of(action.given, fields)
            result = await perform(self.kit.runtime, asked.principal, action, given)
        except AgentError as error:
            if action.name == _STEP_UP and status_of(error) in {401, 429}:
                message, fix = public_message(error)
                text = f"{message}; {fix}".capitalize()
                return self._confirm(asked, back, error=text, status=status_of(error))
            if action.name == _CONFIRM and status_of(error) in {401, 429}:
                message, _ = public_message(error)
                return self.kit.page(
                    asked,
                    "enrol.html",
                    status=status_of(error),
                    code=None,
                    secret="",
                    to=to,
                    error=f"{message}; try the next code".capitalize(),
                )
            raise
        return self._show(asked, action, result, to=to, back=back)

    def _show(
        self, asked: Asked, action: Action, result: object, *, to: str, back: str
    ) -> Response:
        onward = self.kit.url("/continue", to=to) if to else back
        if isinstance(result, Enrolment):
            return self.kit.page(
                asked,
                "enrol.html",
                code=qr_code(result.uri),
                secret=result.secret,
                to=to,
                error="",
            )
        if isinstance(result, Renewed):
            cookie = self.login.login_cookie(result.step)
            if not result.recovery_codes:
                mark = "&" if "?" in onward else "?"
                return self.kit.see(f"{onward}{mark}done={action.name}", cookie)
            # The forms of this page belong to the new login already.
            renewed = replace(asked, login=result.step.login, token=result.step.token)
            response = self._codes(renewed, result.recovery_codes, onward)
            response.headers.append("set-cookie", cookie)
            return response
        if isinstance(result, Codes):
            return self._codes(asked, result.recovery_codes, onward)
        if isinstance(result, Invited | LinkShown | KeyShown):
            return self.kit.page(
                asked,
                "shown.html",
                url="" if isinstance(result, KeyShown) else result.url,
                key=result.key if isinstance(result, KeyShown) else "",
                expires=(
                    result.info.expires
                    if isinstance(result, KeyShown)
                    else result.expires
                ),
                onward=back,
            )
        mark = "&" if "?" in back else "?"
        return self.kit.see(f"{back}{mark}done={action.name}")

    def _codes(self, asked: Asked, codes: tuple[str, ...], onward: str) -> Response:
        return self.kit.page(asked, "codes.html", codes=codes, onward=onward)
