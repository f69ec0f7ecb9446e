"""The API as its own OpenAPI description says it is, called with made-up values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from auth_agent.web.openapi import describe
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.agent.conftest import World, make_config
from tests.agent.web.browser import LOGIN_HOST, Browser, Page
from tests.agent.web.inside import Inside

Case = schemathesis.Case[Any]

ORIGIN = f"https://{LOGIN_HOST}"
EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(describe("/api/v1"))
OPERATIONS = {
    str(one.ok().definition.raw["operationId"]): one.ok()
    for one in SCHEMA.get_all_operations()
    if isinstance(one, Ok)
}
"""Every action that has a place in the API."""


@dataclass
class Administrator:
    """Logged in whenever a call is made, whatever the call before has ended."""

    inside: Inside
    numbers: Iterator[int] = field(default_factory=itertools.count)
    browser: Browser | None = None

    def call(self, request: requests.PreparedRequest) -> Page:
        """Send *request* as the login host's own page would."""
        headers = {
            name: value if isinstance(value, str) else value.decode("latin-1")
            for name, value in request.headers.items()
            if name.lower() not in {"authorization", "cookie", "content-length"}
        }
        body = request.body or b""
        assert isinstance(body, str | bytes)
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        for _ in range(2):
            browser = self.browser or self.sign_in()
            method, path = str(request.method), request.path_url
            sent = {**headers, "Origin": ORIGIN}
            page = browser.ask(method, LOGIN_HOST, path, headers=sent, body=text)
            if '"login_required"' not in page.text:
                break
            self.browser = None  # the call before has ended this login
        return page

    def sign_in(self) -> Browser:
        """Return the browser of a new administrator."""
        name = f"admin{next(self.numbers)}"
        self.browser = self.inside.sign_in(self.inside.world.enrolled(name))
        return self.browser


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administrator]:
    """Return an administrator of an agent in this process."""
    world = World(make_config(tmp_path_factory.mktemp("agent")))
    yield Administrator(Inside.of(world))
    world.do(world.services.close())
    world.loop.close()


def answered(page: Page, request: requests.PreparedRequest) -> Response:
    """Return *page* as the answer that schemathesis judges."""
    headers: dict[str, list[str]] = {}
    for name, value in page.headers:
        headers.setdefault(name, []).append(value)
    return Response(
        page.status, headers, page.text.encode(), request, elapsed=0.0, verify=True
    )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_api_is_as_described(
    administrator: Administrator, name: str, mode: GenerationMode
) -> None:
    """No 5xx; status, content type and body are those that the description has.

    With values that it allows, and with others.
    """
    seen: list[str] = []

    def check(case: Case) -> None:
        words = case.as_transport_kwargs(base_url=ORIGIN)
        known = ("method", "url", "headers", "params", "data", "json")
        request = requests.Request(
            **{key: words[key] for key in known if key in words}
        ).prepare()
        page = administrator.call(request)
        seen.append(page.text[:100])
        case.validate_response(answered(page, request), checks=CHECKS)

    run(OPERATIONS[name].as_strategy(generation_mode=mode), check)
    assert not [text for text in seen if "login_required" in text]


def run(
    cases: hypothesis.strategies.SearchStrategy[Case],
    check: Callable[[Case], None],
) -> None:
    """Have *check* look at some of *cases*."""
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    settings(hypothesis.given(cases)(check))()


def test_every_action_of_the_api_is_called() -> None:
    """The description names what is there, and nothing is passed over."""
    assert len(list(SCHEMA.get_all_operations())) == len(OPERATIONS)
    assert {"me.get", "users.list", "audit.search"} <= set(OPERATIONS)
