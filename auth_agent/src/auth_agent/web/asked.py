"""A request to the pages or the API, read: who asks, from where, with what."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from auth_agent.audit.events import ActorKind
from auth_agent.audit.record import SYSTEM, Actor
from auth_agent.authz.paths import Unreadable, clean_host
from auth_agent.callers import Caller, Client
from auth_agent.errors import InvalidInputError
from auth_agent.sessions.model import Login
from auth_agent.web.actions.base import Given, Principal, Runtime
from auth_agent.web.cookies import Cookie, find
from auth_agent.web.forwarded import client_of

MAX_FIELDS = 200
"""Most fields of a form or query."""

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Asked:
    """Who asks: *login* of the login host's cookie, empty tokens for no cookie."""

    request: Request
    client: Client
    login: Login | None
    token: str

    @property
    def path(self) -> str:
        """The path as it came; Starlette's `url` is built from the Host header."""
        return str(self.request.scope["path"])

    @property
    def principal(self) -> Principal:
        """The caller with what it may."""
        if self.login is None:
            return Principal(Caller(SYSTEM, self.client), frozenset())
        return Principal(
            Caller.of(self.login, self.client), self.login.account.permissions
        )


def cookie_of(request: Request, name: str) -> str:
    """Return the token that cookie *name* holds, empty without one or a spoilt one."""
    try:
        return find(request.headers.getlist("cookie"), name)
    except Unreadable:
        return ""


def read(runtime: Runtime, request: Request) -> Asked:
    """Return who asks.

    Raises:
        Unreadable: the proxy's headers cannot be read in one way.
    """
    host = clean_host(request.headers.get("host", ""))
    peer = request.client.host if request.client else ""
    client = client_of(
        request.headers.getlist,
        host=host,
        peer=peer,
        device=cookie_of(request, Cookie.DEVICE),
    )
    token = cookie_of(request, Cookie.LOGIN)
    login = runtime.services.sessions.resolve_login(token) if token else None
    return Asked(request, client, login, token if login else "")


def principal_of_key(runtime: Runtime, asked: Asked, text: str) -> Principal | None:
    """Return the principal that an API key stands for, None if it is not good."""
    key = runtime.services.keys.authenticate(
        text,
        ip=asked.client.ip,
        host=asked.client.host,
        path=asked.path,
    )
    if key is None:
        return None
    name = dict(key.headers).get("remote-user", "")
    actor = Actor(ActorKind.API_KEY, key.id, name)
    return Principal(Caller(actor, asked.client), key.permissions)


async def form_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a urlencoded form.

    Raises:
        InvalidInputError: it is something else, or has too many fields.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        message = "a form is expected"
        raise InvalidInputError(message, field="content-type")
    return fields_of(await request.body())


def fields_of(text: bytes) -> dict[str, list[str]]:
    """Return the fields of a urlencoded text.

    Raises:
        InvalidInputError: it cannot be read, or has too many fields.
    """
    try:
        pairs = parse_qsl(
            text.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        message = "the fields cannot be read"
        raise InvalidInputError(message, field="(form)") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def given_of(model: type[Given], fields: Fields) -> Given:
    """Return what the *fields* of a form or query give.

    Lists are given as repeated fields or as lines of one; empty fields count as
    not given. Unknown and repeated fields are refused.

    Raises:
        InvalidInputError: it names the field.
    """
    known = {field.name: field for field in msgspec.structs.fields(model)}
    data: dict[str, object] = {}
    for name, values in fields.items():
        if name not in known:
            message = f"there is no field {name[:40]!r}"
            raise InvalidInputError(message, field=name[:40])
        if _is_list(known[name].type):
            data[name] = [line for value in values for line in value.split()]
        elif len(values) > 1:
            message = "the field is there twice"
            raise InvalidInputError(message, field=name)
        elif values[0] != "" or known[name].required:
            data[name] = values[0]
    return convert(model, data, strict=False)


def convert(model: type[Given], data: object, *, strict: bool = True) -> Given:
    """Return *data* as *model*.

    Raises:
        InvalidInputError: it is not of that form.
    """
    try:
        return msgspec.convert(data, model, strict=strict)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        raise InvalidInputError(message, field=where.rstrip("`")) from error


def _is_list(annotation: object) -> bool:
    return "tuple[" in str(annotation)


def form_token(secret: bytes, owner: str) -> str:
    """Return the token that ties a form to *owner*, a cookie's value."""
    key = hmac.digest(secret, b"auth-agent form", sha256)
    return hmac.digest(key, owner.encode(), sha256).hex()


def is_same_origin(runtime: Runtime, request: Request) -> bool:
    """Whether the browser says that our own page sent this."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if origin is not None and origin != runtime.origin:
        return False
    if site is not None:
        return site == "same-origin"
    return origin is not None
