"""All pages and the API as one ASGI app."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth_agent.authz.paths import Unreadable, clean_host
from auth_agent.config.check import RESERVED
from auth_agent.errors import NotFoundError
from auth_agent.web import api
from auth_agent.web.actions.base import Runtime
from auth_agent.web.admin_pages import AdminPages
from auth_agent.web.asked import Asked
from auth_agent.web.kit import Kit
from auth_agent.web.login_pages import LoginPages
from auth_agent.web.own_pages import OwnPages
from auth_agent.web.render import STATIC
from auth_agent.web.targets import Targets

SITE_PATHS = frozenset(
    {
        f"{RESERVED}/session",
        f"{RESERVED}/logout",
        f"{RESERVED}/jwks.json",
        *(f"{RESERVED}/{name}" for name in STATIC),
    }
)
"""What the agent answers at the sites themselves."""


def page_routes(kit: Kit) -> list[Route]:
    """Return the routes of the pages."""
    runtime = kit.runtime
    login = LoginPages(kit)
    own = OwnPages(kit, login)
    admin = AdminPages(kit, own)
    base = runtime.base_path
    get = {
        "/": own.home,
        "/login": login.show_login,
        "/second": login.show_second,
        "/forgot": login.show_forgot,
        "/continue": login.go_on,
        "/duty": login.show_duty,
        "/logout": login.show_logout,
        "/link/{purpose}/{token}": login.show_link,
        "/account": own.account,
        "/confirm": own.confirm,
        "/admin/users": admin.users,
        "/admin/users/{id}": admin.user,
        "/admin/sessions": admin.sessions,
        "/admin/keys": admin.keys,
        "/admin/bans": admin.bans,
        "/admin/policy": admin.policy,
        "/admin/settings": admin.settings,
        "/admin/audit": admin.audit,
        "/admin/audit/export": admin.export,
        "/admin/review": admin.review,
    }
    post = {
        "/login": login.login,
        "/second": login.second,
        "/forgot": login.forgot,
        "/logout": login.logout,
        "/link/{purpose}/{token}": login.use_link,
        "/do/{action}": own.do,
        "/admin/audit/verify": admin.verify,
    }

    async def static(request: Request) -> Response:
        name = str(request.scope["path"]).rpartition("/")[2]
        response = kit.renderer.secure(
            Response(kit.renderer.static[name], media_type=STATIC[name])
        )
        response.headers["cache-control"] = "public, max-age=3600"
        return response

    async def key_set(_request: Request) -> Response:
        kind = "application/jwk-set+json"
        response = kit.renderer.secure(
            Response(runtime.gate.assertions.key_set, media_type=kind)
        )
        response.headers["cache-control"] = "public, max-age=300"
        return response

    found = [
        Route(base + path, kit.endpoint(handler), methods=["GET"])
        for path, handler in get.items()
    ]
    found += [
        Route(base + path, kit.endpoint(handler), methods=["POST"])
        for path, handler in post.items()
    ]
    found += [
        *(Route(f"{RESERVED}/{name}", static, methods=["GET"]) for name in STATIC),
        Route(f"{RESERVED}/jwks.json", key_set, methods=["GET"]),
        Route(f"{RESERVED}/session", kit.endpoint(login.site_session), methods=["GET"]),
        Route(f"{RESERVED}/logout", kit.endpoint(login.site_logout), methods=["GET"]),
    ]
    return found


def build(runtime: Runtime, targets: Targets) -> Starlette:
    """Return the app; it answers at the login host, and little at the sites."""
    kit = Kit(runtime, targets)

    async def missing(asked: Asked) -> Response:
        if asked.path.startswith(f"{runtime.base_path}{api.PREFIX}/"):
            return api.failure(NotFoundError(kind="path"))
        raise NotFoundError(kind="page")

    async def not_found(request: Request, _error: Exception) -> Response:
        return await kit.endpoint(missing)(request)

    app = Starlette(
        routes=[*api.routes(runtime), *page_routes(kit)],
        exception_handlers={404: not_found},
    )
    # A slash more is another path, not a redirect.
    app.router.redirect_slashes = False
    return app


def is_ours(runtime: Runtime, host_header: str, path: str) -> bool:
    """Whether pages are answered at this host and path at all."""
    try:
        host = clean_host(host_header)
    except Unreadable:
        return False
    if host == runtime.config.login.host:
        return True
    return path in SITE_PATHS and host in runtime.policy.rules.hosts
