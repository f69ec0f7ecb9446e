"""The way in: password, second factor, back to the site; and out again."""

from __future__ import annotations

from starlette.responses import Response

from auth_agent.errors import (
    AgentError,
    LinkRefusedError,
    LoginExpiredError,
    LoginRefusedError,
    NotFoundError,
    ThrottledError,
)
from auth_agent.services import LoginStep, Owes
from auth_agent.web.asked import Asked, cookie_of
from auth_agent.web.cookies import Cookie, clear_cookie, set_cookie
from auth_agent.web.failures import public_message, retry_after, status_of
from auth_agent.web.kit import Kit

STEP_SECONDS = 300
DEVICE_SECONDS = 400 * 86_400
"""As long as browsers keep cookies at most."""


class LoginPages:
    """Handlers of the login host's pages for those who are not logged in."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.services = kit.runtime.services

    async def show_login(self, asked: Asked) -> Response:
        """Ask for name and password; who is logged in already goes on."""
        to = asked.request.query_params.get("to", "")
        if asked.login is not None:
            return self.kit.see(self.kit.url("/continue", to=to))
        mail = self.kit.runtime.config.mail is not None
        return self.kit.page(asked, "login.html", to=to, error="", name="", mail=mail)

    async def show_forgot(self, asked: Asked) -> Response:
        """Ask whose password was forgotten, where mail can be sent."""
        self._mail_or_not_found()
        return self.kit.page(asked, "forgot.html", asked_for=False)

    async def forgot(self, asked: Asked) -> Response:
        """Mail a link if there is such an account; answer alike in any case."""
        form = await self.kit.form(asked)
        self._mail_or_not_found()
        await self.services.accounts.request_reset(form.get("name", ""), asked.client)
        return self.kit.page(asked, "forgot.html", asked_for=True)

    def _mail_or_not_found(self) -> None:
        if self.kit.runtime.config.mail is None:
            raise NotFoundError(kind="page")

    async def login(self, asked: Asked) -> Response:
        """Check name and password."""
        form = await self.kit.form(asked)
        to, name = form.get("to", ""), form.get("name", "")
        try:
            step = await self.services.login.start(
                name, form.get("password", ""), asked.client
            )
        except AgentError as error:
            return self._again(asked, error, "login.html", to=to, name=name)
        await self._replace(asked, step)
        return self.proceed(step, to)

    async def show_second(self, asked: Asked) -> Response:
        """Ask for the second factor."""
        to = asked.request.query_params.get("to", "")
        if not cookie_of(asked.request, Cookie.STEP):
            return self.kit.see(self.kit.url("/login", to=to))
        return self.kit.page(asked, "second.html", to=to, error="")

    async def second(self, asked: Asked) -> Response:
        """Check a code of the authenticator app, or a recovery code."""
        form = await self.kit.form(asked)
        to = form.get("to", "")
        transaction = cookie_of(asked.request, Cookie.STEP)
        check = self.services.login.totp
        if form.get("kind") == "recovery":
            check = self.services.login.recovery
        try:
            step = await check(transaction, form.get("code", ""), asked.client)
        except LoginExpiredError as error:
            return self._again(asked, error, "login.html", to=to, name="")
        except AgentError as error:
            return self._again(asked, error, "second.html", to=to)
        await self._replace(asked, step)
        return self.proceed(step, to)

    async def _replace(self, asked: Asked, step: LoginStep) -> None:
        """End the login that this browser had before, whosever it was."""
        if step.token and asked.login is not None:
            await self.services.login.logout(asked.login, asked.client)

    def proceed(self, step: LoginStep, to: str) -> Response:
        """Go where *step* of the login leads."""
        if step.transaction:
            cookie = set_cookie(Cookie.STEP, step.transaction, seconds=STEP_SECONDS)
            return self.kit.see(self.kit.url("/second", to=to), cookie)
        cookies = [self.login_cookie(step), clear_cookie(Cookie.STEP)]
        if step.device:
            cookies.append(
                set_cookie(Cookie.DEVICE, step.device, seconds=DEVICE_SECONDS)
            )
        return self.kit.see(self.kit.url("/continue", to=to), *cookies)

    def login_cookie(self, step: LoginStep) -> str:
        """Return the cookie that holds the login's token."""
        seconds = self.kit.runtime.config.login.absolute
        return set_cookie(Cookie.LOGIN, step.token, seconds=seconds)

    async def go_on(self, asked: Asked) -> Response:
        """Hand the login over to the site that was asked for first."""
        to = asked.request.query_params.get("to", "")
        if asked.login is None:
            return self.kit.see(self.kit.url("/login", to=to))
        if asked.login.owes:
            return self.kit.see(self.kit.url("/duty", to=to))
        target = self.kit.targets.read(to) if to else None
        runtime = self.kit.runtime
        if target is None or target.host not in runtime.policy.rules.hosts:
            return self.kit.see(self.kit.url("/account"))
        code = self.services.sessions.issue_code(
            asked.login, target.host, bytes.fromhex(target.browser)
        )
        return self.kit.see(f"https://{target.host}/_auth/session?code={code}&to={to}")

    async def site_session(self, asked: Asked) -> Response:
        """At a site: take the login over, and go to the page asked for first."""
        query = asked.request.query_params
        target = self.kit.targets.read(query.get("to", ""))
        if target is None or target.host != asked.client.host:
            return self._stale(asked, "/")
        try:
            token = await self.services.sessions.redeem_code(
                query.get("code", ""),
                target.host,
                cookie_of(asked.request, Cookie.BIND),
                asked.client,
            )
        except LinkRefusedError:
            return self._stale(asked, target.uri)
        seconds = self.kit.runtime.config.login.absolute
        cookie = set_cookie(Cookie.SITE, token, seconds=seconds)
        return self.kit.see(target.uri, cookie, clear_cookie(Cookie.BIND))

    def _stale(self, asked: Asked, back: str) -> Response:
        return self.kit.page(
            asked,
            "message.html",
            status=410,
            heading="Please try again",
            message="this login was used already, or begun in another browser",
            fix="",
            back=back,
        )

    async def site_logout(self, _asked: Asked) -> Response:
        """At a site: go to the page that ends the login."""
        return self.kit.see(f"{self.kit.runtime.base_url}/logout")

    async def show_logout(self, asked: Asked) -> Response:
        """Ask whether to end the login: a mere link does not do it."""
        if asked.client.host != self.kit.runtime.config.login.host:
            return await self.site_logout(asked)
        return self.kit.page(asked, "logout.html", ended=asked.login is None)

    async def logout(self, asked: Asked) -> Response:
        """End the login and all its site sessions."""
        await self.kit.form(asked)
        if asked.login is not None:
            await self.services.login.logout(asked.login, asked.client)
        return self.kit.see(self.kit.url("/logout"), clear_cookie(Cookie.LOGIN))

    async def show_duty(self, asked: Asked) -> Response:
        """Show what must be done before anything else."""
        to = asked.request.query_params.get("to", "")
        if asked.login is None or not asked.login.owes:
            return self.kit.see(self.kit.url("/continue", to=to))
        password = asked.login.owes == Owes.CHANGE_PASSWORD
        return self.kit.page(asked, "duty.html", to=to, password=password)

    async def show_link(self, asked: Asked) -> Response:
        """Show the form that a link leads to."""
        params = asked.request.path_params
        return self._link_page(asked, params["purpose"], params["token"])

    async def use_link(self, asked: Asked) -> Response:
        """Set the password that a link allows to set."""
        form = await self.kit.form(asked)
        params = asked.request.path_params
        purpose, token = params["purpose"], params["token"]
        accounts = self.services.accounts
        password = form.get("password", "")
        try:
            if password != form.get("again", ""):
                return self._link_page(
                    asked, purpose, token, error="The two passwords differ.", form=form
                )
            if purpose == "first-admin":
                await accounts.first_admin(
                    token,
                    name=form.get("name", ""),
                    display_name=form.get("display_name", ""),
                    email=form.get("email", ""),
                    password=password,
                    client=asked.client,
                )
            elif purpose == "invite":
                await accounts.accept_invite(token, password, asked.client)
            else:
                await accounts.finish_reset(token, password, asked.client)
        except LinkRefusedError:
            raise
        except AgentError as error:
            message, fix = public_message(error)
            return self._link_page(
                asked,
                purpose,
                token,
                error=f"{message}: {fix}".rstrip(": ") + ".",
                form=form,
                status=status_of(error),
            )
        return self.kit.see(self.kit.url("/login"))

    def _link_page(  # noqa: PLR0913 - what the page shows
        self,
        asked: Asked,
        purpose: str,
        token: str,
        *,
        error: str = "",
        form: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        found = self.services.accounts.link_owner(token)
        if found is None or found[0] != purpose:
            raise LinkRefusedError
        return self.kit.page(
            asked,
            "link.html",
            status=422 if error and status == 200 else status,  # noqa: PLR2004 - HTTP
            purpose=purpose,
            token=token,
            owner=found[1],
            error=error,
            form={"name": "", "display_name": "", "email": ""} | (form or {}),
        )

    def _again(
        self, asked: Asked, error: AgentError, template: str, **more: object
    ) -> Response:
        message, fix = public_message(error)
        if isinstance(error, LoginRefusedError | ThrottledError | LoginExpiredError):
            message = message.capitalize()
        response = self.kit.page(
            asked,
            template,
            status=status_of(error),
            error=f"{message}. {fix.capitalize()}.",
            mail=self.kit.runtime.config.mail is not None,
            **more,
        )
        if seconds := retry_after(error):
            response.headers["retry-after"] = str(seconds)
        return response
