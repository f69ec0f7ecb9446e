"""What every page handler needs: reading, guarding, answering."""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth_agent.authz.paths import Unreadable
from auth_agent.errors import (
    AgentError,
    InvalidInputError,
    OwingError,
    StepUpRequiredError,
)
from auth_agent.web.actions.base import LoginRequiredError, Runtime
from auth_agent.web.asked import (
    Asked,
    cookie_of,
    form_of,
    form_token,
    is_same_origin,
    read,
)
from auth_agent.web.cookies import Cookie, set_cookie
from auth_agent.web.failures import public_message, retry_after, status_of
from auth_agent.web.render import Renderer
from auth_agent.web.targets import Targets

_SEE_OTHER = 303
Handler = Callable[[Asked], Awaitable[Response]]
_BACK = re.compile(r"/[A-Za-z0-9/_.:-]*(\?[A-Za-z0-9=&%._:+-]*)?")


class FormRefusedError(AgentError):
    """A form that our own page did not send, or an old one (403)."""

    def __init__(self) -> None:
        super().__init__("this form is too old", fix="load the page again")


class Kit:
    """One per process."""

    def __init__(self, runtime: Runtime, targets: Targets) -> None:
        self.runtime = runtime
        self.targets = targets
        self.renderer = Renderer(runtime)
        self.page = self.renderer.page

    def url(self, path: str, **query: str) -> str:
        """Return the address of one of our pages."""
        pairs = "&".join(
            f"{name}={quote(text)}" for name, text in query.items() if text
        )
        return f"{self.runtime.base_path}{path}" + (f"?{pairs}" if pairs else "")

    def back(self, text: str, default: str = "/account") -> str:
        """Return *text* if it is the address of one of our pages."""
        base = self.runtime.base_path
        mine = text.startswith(f"{base}/") and not text.startswith("//")
        return text if mine and _BACK.fullmatch(text) else base + default

    def see(self, location: str, *cookies: str) -> Response:
        """Send the browser to *location* with a GET."""
        return self.renderer.secure(RedirectResponse(location, 303), cookies)

    async def form(self, asked: Asked) -> dict[str, str]:
        """Return the fields of a form that one of our own pages sent.

        Raises:
            FormRefusedError: the browser says otherwise, or the token is not right.
            InvalidInputError: it cannot be read, or a field is there twice.
        """
        fields = await self.fields(asked)
        if any(len(values) > 1 for values in fields.values()):
            message = "a field is there twice"
            raise InvalidInputError(message, field="(form)")
        return {name: values[0] for name, values in fields.items()}

    async def fields(self, asked: Asked) -> dict[str, list[str]]:
        """As `form`, with repeated fields."""
        fields = await form_of(asked.request)
        owner = asked.token or cookie_of(asked.request, Cookie.FORM)
        given = fields.pop("csrf", [""])[0]
        right = form_token(self.runtime.secret, owner)
        if not owner or not hmac.compare_digest(given.encode(), right.encode()):
            raise FormRefusedError
        if not is_same_origin(self.runtime, asked.request):
            raise FormRefusedError
        return fields

    def failed(self, asked: Asked, error: AgentError) -> Response:
        """Return the page, or the way, that *error* asks for."""
        if isinstance(error, LoginRequiredError):
            return self.see(self.url("/login"))
        if isinstance(error, OwingError):
            return self.see(self.url("/duty"))
        if isinstance(error, StepUpRequiredError):
            return self.see(self.url("/confirm", back=self.came_from(asked)))
        message, fix = public_message(error)
        status = 403 if isinstance(error, FormRefusedError) else status_of(error)
        response = self.page(
            asked,
            "message.html",
            status=status,
            heading="That did not work",
            message=message,
            fix=fix,
            back=self.came_from(asked),
        )
        if seconds := retry_after(error):
            response.headers["retry-after"] = str(seconds)
        return response

    def came_from(self, asked: Asked) -> str:
        """Return which of our pages the form was on, else the account page.

        At a site, whose pages are the app's, its start page.
        """
        if asked.client.host != self.runtime.config.login.host:
            return "/"
        referer = asked.request.headers.get("referer", "")
        path = referer.removeprefix(self.runtime.origin).partition("?")[0]
        return self.back(path) if path != referer else self.back("")

    async def _renewed(self, asked: Asked, cookies: list[str]) -> Asked:
        """Give a login whose role changed its new token; the cookie goes with it."""
        login, sessions = asked.login, self.runtime.services.sessions
        if login is None or not login.stale or login.id not in sessions.live.by_id:
            return asked
        token = await sessions.renew(login)
        if not token:
            return asked
        seconds = self.runtime.config.login.absolute
        cookies.append(set_cookie(Cookie.LOGIN, token, seconds=seconds))
        return replace(asked, token=token)

    def endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return *handler* as a Starlette endpoint that answers every error."""

        async def endpoint(request: Request) -> Response:
            try:
                asked = read(self.runtime, request)
            except Unreadable:
                return self.renderer.secure(Response("unreadable request", 400))
            cookies: list[str] = []
            try:
                if request.method != "POST":
                    asked = await self._renewed(asked, cookies)
                response = await handler(asked)
                if response.status_code == _SEE_OTHER:
                    # A form is checked, and a page made, with the token it came with.
                    await self._renewed(asked, cookies)
            except AgentError as error:
                response = self.failed(asked, error)
            for cookie in cookies:
                response.headers.append("set-cookie", cookie)
            return response

        return endpoint
