"""Whatever is thrown at the gate, nobody unknown passes."""

from __future__ import annotations

from auth_agent.sessions.model import HEADER_NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.web.gate_world import COOKIE, TOKEN, Scope, make_world
from tests.agent.web.headers import Headers

_odd = st.text(
    alphabet=st.characters(min_codepoint=0, max_codepoint=0x2FF), max_size=40
)
_value = st.one_of(
    _odd,
    st.sampled_from(
        ["/", "/open", "/page", "app.example.com", "GET", "https", COOKIE, TOKEN]
    ),
    st.builds(lambda a, b: a + b, st.sampled_from(["/", COOKIE, "Bearer kg_"]), _odd),
)
_name = st.sampled_from(
    [
        "x-forwarded-uri",
        "x-forwarded-host",
        "x-forwarded-method",
        "x-forwarded-proto",
        "x-forwarded-for",
        "cookie",
        "authorization",
        "remote-user",
        "origin",
        "upgrade",
        "sec-fetch-mode",
    ]
)


@settings(max_examples=400)
@given(pairs=st.lists(st.tuples(_name, _value), max_size=14), known=st.booleans())
def test_no_2xx_without_identity_or_public_rule(
    pairs: list[tuple[str, str]], *, known: bool
) -> None:
    """Whatever is sent, the gate answers; a 2xx names somebody, or path is public."""
    world = make_world()
    if not known:
        world.live.clear()
    if known:
        pairs = [
            ("x-forwarded-host", "app.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-method", "GET"),
            *pairs,
        ]

    status, headers, _ = world.gate.verify(Scope(Headers(pairs)))

    assert status in {200, 302, 400, 401, 403}
    if status == 200:
        assert list(HEADER_NAMES) == [name for name, _ in headers]
        [uri] = [value for name, value in pairs if name == "x-forwarded-uri"]
        user = dict(headers)["remote-user"]
        cookies = [value for name, value in pairs if name == "cookie"]
        public = uri.partition("?")[0].startswith("/open")
        assert (user == "ada" and COOKIE in cookies[0]) or (user == "" and public)
