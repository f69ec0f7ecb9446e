"""What the gate answers when it does not let a request pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auth_agent.config.check import RESERVED
from auth_agent.web.cookies import Cookie, clear_cookie

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, str]
"""Status, headers, body."""

HTML = "text/html; charset=utf-8"
JSON = "application/json"

_COMMON: Headers = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
]
_BASE: Headers = [
    *_COMMON,
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
]
_PAGE_BASE: Headers = [
    *_COMMON,
    (
        "content-security-policy",
        # The site's own host, at which the agent answers for style and icon.
        (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    ("content-type", HTML),
]

_PAGE = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="color-scheme" content="light dark">\n<title>{title}</title>\n'
    '<link rel="icon" type="image/svg+xml" href="{reserved}/icon.svg">\n'
    '<link rel="stylesheet" href="{reserved}/style.css">\n</head>\n'
    '<body>\n<main class="narrow alone">\n<h1>{title}</h1>\n<p>{text}</p>\n'
    '<p class="row">{ways}</p>\n</main>\n</body>\n</html>\n'
)
_START = '<a class="button" href="/">Go to the start page</a>'
_OTHER = f'<a class="button" href="{RESERVED}/logout">Sign out</a>'


def _page(
    status: int, title: str, text: str, *ways: str, more: Sequence[tuple[str, str]] = ()
) -> Answer:
    page = _PAGE.format(title=title, text=text, ways=" ".join(ways), reserved=RESERVED)
    return status, [*_PAGE_BASE, *more], page


def _json(status: int, error: str, *more: tuple[str, str]) -> Answer:
    return status, [*_BASE, ("content-type", JSON), *more], f'{{"error":"{error}"}}'


UNREADABLE = _json(400, "unreadable_request")
"""The request can be read in more than one way, or in none."""
UNREADABLE_PAGE = _page(
    400,
    "This address is not clear",
    "It can be read in more than one way (two slashes, say, or dots), so it is not "
    "passed on.",
    _START,
)

_TAKE_BACK = ("set-cookie", clear_cookie(Cookie.SITE))
BAD_COOKIE = _json(400, "bad_cookie", _TAKE_BACK)
"""The agent's own cookie is not what it sets; it is taken back."""
BAD_COOKIE_PAGE = _page(
    400,
    "Please sign in again",
    "Your browser sent a session that is not one of ours. It was removed.",
    _START,
    more=(_TAKE_BACK,),
)

UNAUTHENTICATED = _json(401, "login_required", ("www-authenticate", "Bearer"))
"""Nobody known, and no browser that could be sent to the login."""

FORBIDDEN = _json(403, "forbidden")
FORBIDDEN_PAGE = _page(
    403,
    "Not allowed",
    "Your account does not have the permission that this page needs. An administrator "
    "can give it to you; it counts from the next click on.",
    _START,
    _OTHER,
)

FAILED = _json(500, "internal_error")
"""A fault of the agent itself: refused, never passed."""


def see_login(location: str, *cookies: str) -> Answer:
    """Send a browser to the login."""
    headers = [*_BASE, ("location", location)]
    headers += [("set-cookie", cookie) for cookie in cookies]
    return 302, headers, ""


def is_navigation(get: Callable[[str], object], method: str) -> bool:
    """Whether a person waits for a page: only then is a redirect of any use.

    Decided by Sec-Fetch-Mode, and by Accept where there is none; never by the
    User-Agent.
    """
    if method not in {"GET", "HEAD"}:
        return False
    mode = get("sec-fetch-mode")
    if mode:
        return mode == "navigate"
    return "text/html" in str(get("accept") or "")


def unreadable(get: Callable[[str], object]) -> Answer:
    """Refuse what can be read in more than one way."""
    return UNREADABLE_PAGE if is_navigation(get, "GET") else UNREADABLE


def bad_cookie(get: Callable[[str], object]) -> Answer:
    """Refuse a cookie that we never set, and take it back."""
    return BAD_COOKIE_PAGE if is_navigation(get, "GET") else BAD_COOKIE
