"""Pages from templates: escaped, without scripts, with headers that keep them so."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import jinja2
import segno
from markupsafe import Markup
from starlette.responses import Response

from auth_agent.clock import from_micros
from auth_agent.config.check import RESERVED
from auth_agent.ids import random_token
from auth_agent.web.actions.base import Runtime
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.asked import Asked, cookie_of, form_token
from auth_agent.web.cookies import Cookie, set_cookie

FORM_SECONDS = 86_400
STATIC = {"style.css": "text/css", "icon.svg": "image/svg+xml"}
"""What stands beside the pages, and of which type it is."""
UNNAMED = "Sign in"
"""The title that the settings have when nobody gave one."""
_YEAR = 31_536_000


def moment(micros: int) -> str:
    """Return a stored time as people read it."""
    return f"{from_micros(micros):%Y-%m-%d %H:%M} UTC" if micros else "never"


def qr_code(uri: str) -> Markup:
    """Return *uri* as a QR code in SVG, without any style."""
    code = segno.make(uri, error="m")
    drawn = code.svg_inline(scale=5, border=3, dark="#000", light="#fff")
    return Markup(drawn)  # noqa: S704 - segno's own attributes; the text is in modules


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("auth_agent", "web/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    return environment


class Renderer:
    """Renders the pages of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._environment = _environment()
        self.static = {
            name: resources.files("auth_agent").joinpath("web/static", name).read_text()
            for name in STATIC
        }

    def page(
        self, asked: Asked, template: str, *, status: int = 200, **more: object
    ) -> Response:
        """Return a page; `csrf`, `me` and the address of all else are given to it."""
        runtime = self._runtime
        cookies = []
        owner = asked.token or cookie_of(asked.request, Cookie.FORM)
        if not owner:
            owner = random_token()
            cookies.append(set_cookie(Cookie.FORM, owner, seconds=FORM_SECONDS))
        done = asked.request.query_params.get("done", "")
        text = self._environment.get_template(template).render(
            base=runtime.base_path,
            reserved=RESERVED,
            brand=self.brand,
            csrf=form_token(runtime.secret, owner),
            me=asked.login.account if asked.login else None,
            owes=asked.login.owes if asked.login else "",
            may=asked.principal.may,
            here=asked.path,
            done=ACTIONS[done].done if done in ACTIONS else "",
            **more,
        )
        response = Response(text, status, media_type="text/html")
        return self.secure(response, cookies)

    @property
    def brand(self) -> str:
        """The service's name; its host where nobody gave it one."""
        login = self._runtime.config.login
        return login.host if login.title == UNNAMED else login.title

    def secure(self, response: Response, cookies: Iterable[str] = ()) -> Response:
        """Return *response* with the headers that every page has."""
        runtime = self._runtime
        origins = " ".join(f"https://{host}" for host in runtime.policy.rules.hosts)
        response.headers["content-security-policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"object-src 'none'; frame-ancestors 'none'; form-action 'self' {origins}"
        ).strip()
        response.headers["cache-control"] = "no-store"
        response.headers["x-content-type-options"] = "nosniff"
        # `no-referrer` would make browsers hide the origin of our own forms, too.
        response.headers["referrer-policy"] = "same-origin"
        response.headers["cross-origin-opener-policy"] = "same-origin"
        response.headers["cross-origin-resource-policy"] = "same-origin"
        response.headers["permissions-policy"] = "camera=(), geolocation=(), usb=()"
        if runtime.origin.startswith("https:"):
            response.headers["strict-transport-security"] = (
                f"max-age={_YEAR}; includeSubDomains"
            )
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        return response
