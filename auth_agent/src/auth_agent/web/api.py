"""The actions as a JSON API below `/api/v1`, for scripts and for one's own pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auth_agent.authz.paths import Unreadable
from auth_agent.errors import AgentError, InvalidInputError
from auth_agent.web.actions.base import (
    Action,
    Given,
    LoginRequiredError,
    Principal,
    Runtime,
    perform,
)
from auth_agent.web.actions.own import Renewed
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.asked import (
    Asked,
    convert,
    fields_of,
    given_of,
    is_same_origin,
    principal_of_key,
    read,
)
from auth_agent.web.cookies import Cookie, set_cookie
from auth_agent.web.failures import code_of, public_message, retry_after, status_of
from auth_agent.web.openapi import describe

Endpoint = Callable[[Request], Awaitable[Response]]

PREFIX = "/api/v1"
_SAFE = frozenset({"GET", "HEAD"})
_NOT_STORED = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def routes(runtime: Runtime) -> list[Route]:
    """Return the API's routes."""
    base = runtime.base_path + PREFIX
    found = [
        Route(base + action.path, _endpoint(runtime, action), methods=[action.method])
        for action in sorted(ACTIONS.values(), key=lambda one: "{" in one.path)
        if action.path
    ]
    document = msgspec.json.encode(describe(base))

    async def openapi(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    return [Route(f"{base}/openapi.json", openapi, methods=["GET"]), *found]


def _endpoint(runtime: Runtime, action: Action) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            asked = read(runtime, request)
            principal = _principal(runtime, asked, action)
            given = await _given(request, action)
            result = await perform(runtime, principal, action, given)
            renewed = await _renewed(runtime, principal)
        except Unreadable:
            return _error("unreadable_request", "the request cannot be read", "", 400)
        except AgentError as error:
            return failure(error)
        response = _answer(runtime, result)
        if renewed:
            response.headers.append("set-cookie", renewed)
        return response

    return endpoint


async def _renewed(runtime: Runtime, principal: Principal) -> str:
    """Return the cookie with the new token of a login whose role changed."""
    login, sessions = principal.caller.login, runtime.services.sessions
    if login is None or login.id not in sessions.live.by_id:
        return ""
    token = await sessions.renew(login)
    seconds = runtime.config.login.absolute
    return set_cookie(Cookie.LOGIN, token, seconds=seconds) if token else ""


def failure(error: AgentError) -> Response:
    """Return the answer that says *error*."""
    message, fix = public_message(error)
    response = _error(code_of(error), message, fix, status_of(error))
    if seconds := retry_after(error):
        response.headers["retry-after"] = str(seconds)
    return response


def _error(code: str, message: str, fix: str, status: int) -> Response:
    body = msgspec.json.encode({"error": code, "message": message, "fix": fix})
    return Response(body, status, _NOT_STORED, "application/json")


def _principal(runtime: Runtime, asked: Asked, action: Action) -> Principal:
    header = asked.request.headers.get("authorization", "")
    if header:
        scheme, _, text = header.partition(" ")
        principal = None
        if scheme.lower() == "bearer":
            principal = principal_of_key(runtime, asked, text)
        if principal is None:
            raise LoginRequiredError
        return principal
    # A browser sends the cookie by itself; only our own pages may change things.
    if (
        asked.login is not None
        and action.method not in _SAFE
        and not is_same_origin(runtime, asked.request)
    ):
        raise LoginRequiredError
    return asked.principal


async def _given(request: Request, action: Action) -> Given:
    if action.method in _SAFE:
        fields = dict(fields_of(request.scope["query_string"]))
        for name, value in request.path_params.items():
            fields[name] = [value]
        return given_of(action.given, fields)
    body = await request.body()
    data: object = {}
    if body:
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind.lower() != "application/json":
            message = "JSON is expected"
            raise InvalidInputError(message, field="content-type")
        try:
            data = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            message = "that is no JSON"
            raise InvalidInputError(message, field="(body)") from error
    if not isinstance(data, dict) or set(data) & set(request.path_params):
        message = "an object with the action's fields is expected"
        raise InvalidInputError(message, field="(body)")
    return convert(action.given, {**data, **request.path_params})


def _answer(runtime: Runtime, result: object) -> Response:
    if isinstance(result, AsyncIterator):
        return StreamingResponse(result, 200, _NOT_STORED, "application/x-ndjson")
    if result is None:
        return Response(None, 204, _NOT_STORED)
    if isinstance(result, Renewed):
        body = msgspec.json.encode({"recovery_codes": result.recovery_codes})
        response = Response(body, 200, _NOT_STORED, "application/json")
        seconds = runtime.config.login.absolute
        cookie = set_cookie(Cookie.LOGIN, result.step.token, seconds=seconds)
        response.headers.append("set-cookie", cookie)
        return response
    return Response(msgspec.json.encode(result), 200, _NOT_STORED, "application/json")
