"""The gate passes nobody whom it does not know, and says so in the right form."""

from __future__ import annotations

from hashlib import sha256

import pytest
from auth_agent.sessions.model import HEADER_NAMES
from auth_agent.web.cookies import Cookie
from auth_agent.web.scope import peer
from auth_agent.web.targets import Targets

from tests.agent.web.gate_world import COOKIE, KEY, TOKEN, World, make_world


@pytest.fixture
def world() -> World:
    """Return a fresh world."""
    return make_world()


def test_a_live_session_passes_with_its_identity(world: World) -> None:
    """A viewer's GET is let through and the app is told who it is."""
    status, headers, _ = world.ask(("cookie", f"a=b; {COOKIE}; c=d"))

    assert status == 200
    assert list(HEADER_NAMES) == [name for name, _ in headers]
    assert dict(headers)["remote-user"] == "ada"


def test_a_public_path_passes_with_empty_identity(world: World) -> None:
    """Every identity header is sent, empty, so that no forged one survives."""
    status, headers, _ = world.ask(uri="/open/x")

    assert status == 200
    assert [(name, "") for name in HEADER_NAMES] == headers


def test_using_a_session_keeps_it_alive(world: World) -> None:
    """The idle time counts from the last request."""
    world.clock.advance(99)
    assert world.ask(("cookie", COOKIE))[0] == 200
    world.clock.advance(99)

    assert world.ask(("cookie", COOKIE))[0] == 200
    assert world.login.dirty


@pytest.mark.parametrize(
    "spoil",
    ["idle", "deadline", "owes", "inactive", "other host", "ended"],
)
def test_a_session_that_is_not_good_is_no_session(world: World, spoil: str) -> None:
    """Too old, owing, disabled, of another site, or ended: not logged in."""
    if spoil == "idle":
        world.clock.advance(100)
    elif spoil == "deadline":
        world.login.deadline = world.clock.monotonic()
    elif spoil == "owes":
        world.login.owes = "enrol"
    elif spoil == "inactive":
        world.login.account.active = False
    elif spoil == "other host":
        for session in world.live.values():
            session.host = "other.example.com"
    else:
        world.live.clear()

    assert world.ask(("cookie", COOKIE))[0] == 401


def test_an_old_session_is_not_revived(world: World) -> None:
    """A refused request does not count as use."""
    world.clock.advance(100)
    world.ask(("cookie", COOKIE))

    assert world.ask(("cookie", COOKIE))[0] == 401


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("POST", "/page"),
        ("GET", "/admin"),
        ("GET", "/ADMIN/x"),
        ("GET", "/Vault"),
        ("GET", "/vault/x"),
    ],
)
def test_a_missing_permission_is_refused_and_noted(
    world: World, method: str, uri: str
) -> None:
    """403 and an event; a path in other letters is guarded alike."""
    assert world.ask(("cookie", COOKIE), method=method, uri=uri)[0] == 403
    assert ["permission"] == [note["reason"] for note in world.notes]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PROPFIND"])
def test_no_rule_means_no(world: World, method: str) -> None:
    """What no rule names is refused, logged in or not."""
    assert world.ask(("cookie", COOKIE), method=method)[0] == 403
    assert world.ask(method=method)[0] == 403


def test_no_rule_as_it_is_written_means_no(world: World) -> None:
    """A rule for another spelling does not open this one."""
    at = {"host": "small.example.com"}

    assert 401 == world.ask(uri="/only", **at)[0]
    assert 403 == world.ask(uri="/ONLY", **at)[0]


def test_an_unknown_host_is_refused(world: World) -> None:
    """A site without rules has no way in."""
    assert world.ask(("cookie", COOKIE), host="evil.example.com")[0] == 403


@pytest.mark.parametrize("host", ["APP.example.com", "app.example.com.:443"])
def test_a_host_is_the_same_in_every_spelling(world: World, host: str) -> None:
    """Capitals, a final dot and a port change nothing."""
    assert world.ask(("cookie", COOKIE), host=host)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("sec-fetch-mode", "navigate")], 302),
        ([("sec-fetch-mode", "cors"), ("accept", "text/html")], 401),
        ([("accept", "text/html,*/*")], 302),
        ([("accept", "application/json")], 401),
        ([], 401),
    ],
)
def test_only_a_navigation_is_sent_to_the_login(
    world: World, headers: list[tuple[str, str]], status: int
) -> None:
    """Scripts get 401: a redirect would be of no use to them."""
    assert status == world.ask(*headers)[0]


def test_a_post_is_never_sent_to_the_login(world: World) -> None:
    """A form's content would be lost on the way."""
    answer = world.ask(("sec-fetch-mode", "navigate"), method="POST")

    assert answer[0] == 401


def test_the_way_to_the_login_remembers_the_page(world: World) -> None:
    """The return target is signed and tied to the browser's new cookie."""
    _, headers, _ = world.ask(("accept", "text/html"), uri="/a?b=c")
    found = dict(headers)

    word = found["location"].partition("?to=")[2]
    target = Targets(b"k" * 32, lambda: 1000.0).read(word)

    assert target is not None
    assert ("app.example.com", "/a?b=c") == (target.host, target.uri)
    bind = found["set-cookie"].partition("=")[2].partition(";")[0]
    assert sha256(bind.encode()).hexdigest() == target.browser


def test_a_known_browser_keeps_its_binding(world: World) -> None:
    """Two tabs that log in at once do not spoil each other's way back."""
    bind = ("cookie", f"{Cookie.BIND}={'b' * 43}")

    _, headers, _ = world.ask(bind, ("accept", "text/html"))

    assert "set-cookie" not in dict(headers)


@pytest.mark.parametrize("name", ["uri", "host", "method", "proto", "for"])
def test_a_forwarded_header_twice_is_refused(world: World, name: str) -> None:
    """A duplicate may be the client's own: neither is taken."""
    twice = (f"x-forwarded-{name}", "x")

    # The address matters for keys only.
    bearer = ("authorization", f"Bearer {KEY}")
    assert world.ask(twice, bearer)[0] == 400


@pytest.mark.parametrize("name", ["uri", "host", "method", "proto"])
def test_a_forwarded_header_missing_is_refused(world: World, name: str) -> None:
    """Without the proxy's word nothing is decided."""
    assert world.ask(("cookie", COOKIE), **{name: ""})[0] == 400


@pytest.mark.parametrize(
    "cookies",
    [
        [COOKIE, COOKIE],
        [f"{COOKIE}; {COOKIE}"],
        [f"{Cookie.SITE}=short"],
        [f"{Cookie.SITE}={'t' * 42}!"],
        [f"{Cookie.SITE}="],
        [f'{Cookie.SITE}="{TOKEN}"'],
        ["a" * 20_000],
    ],
)
def test_a_spoilt_cookie_is_refused_and_taken_back(
    world: World, cookies: list[str]
) -> None:
    """Not even a public path passes with it."""
    status, headers, _ = world.ask(*[("cookie", one) for one in cookies], uri="/open")

    assert status == 400
    assert "Max-Age=0" in dict(headers)["set-cookie"]


@pytest.mark.parametrize(
    "cookies",
    [f"x{COOKIE}", f"a=b; x-{COOKIE}", f"a={COOKIE}", f"a=b {COOKIE}", f"{COOKIE}x"],
)
def test_a_cookie_of_another_name_is_not_ours(world: World, cookies: str) -> None:
    """A neighbour's host can set any name but ours, which begins with `__Host-`."""
    assert world.ask(("cookie", cookies))[0] in {400, 401}


def test_identity_headers_of_the_client_are_not_read(world: World) -> None:
    """Who says that he is root is told to log in."""
    forged = [("remote-user", "root"), ("remote-permissions", "app.view")]

    assert world.ask(*forged)[0] == 401


def test_a_key_passes_within_its_scopes(world: World) -> None:
    """A key opens what it may, and nothing else; the refusal is noted."""
    bearer = ("authorization", f"Bearer {KEY}")

    assert world.ask(bearer)[0] == 200
    assert world.ask(bearer, method="POST")[0] == 403
    assert len(world.notes) == 1


def test_a_key_opens_nothing_without_a_rule(world: World) -> None:
    """Where nobody may come, a key may not either; the refusal is noted."""
    bearer = ("authorization", f"Bearer {KEY}")

    assert 403 == world.ask(bearer, method="PUT")[0]
    assert 403 == world.ask(bearer, host="evil.example.com")[0]
    assert 2 == len(world.notes)


def test_a_bad_key_does_not_fall_back_to_the_cookie(world: World) -> None:
    """Two identities in one request are not mixed."""
    bearer = ("authorization", "Bearer kg_wrong")

    assert world.ask(bearer, ("cookie", COOKIE))[0] == 401


def test_two_bearers_are_none(world: World) -> None:
    """The gate would take one of them, and the app perhaps the other."""
    key, other = f"Bearer {KEY}", "Bearer eyJhbGciOi"

    for pair in ((key, other), (other, key), (key, key)):
        asked = [("authorization", one) for one in pair]
        assert 400 == world.ask(*asked, ("cookie", COOKIE))[0]


def test_another_ones_bearer_token_is_left_to_the_app(world: World) -> None:
    """The app may use the header itself; the login still counts."""
    bearer = ("authorization", "Bearer eyJhbGciOi")

    assert world.ask(bearer, ("cookie", COOKIE))[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example.com", 200),
        ("https://evil.example.com", 403),
        ("http://app.example.com", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_websocket_must_come_from_the_sites_own_pages(
    world: World, origin: str, status: int
) -> None:
    """Cookies are sent with foreign WebSockets; the origin tells them apart."""
    for sign in (("upgrade", "websocket"), ("sec-fetch-mode", "websocket")):
        asked = [sign, ("origin", origin), ("cookie", COOKIE)]

        assert status == world.ask(*asked)[0]


def test_a_link_from_another_site_is_followed(world: World) -> None:
    """Only what changes something, or stays open, must be of the site's own pages."""
    link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]

    assert 200 == world.ask(*link, ("cookie", COOKIE))[0]


@pytest.mark.parametrize(
    ("client", "address"),
    [("192.0.2.7:4711", "192.0.2.7"), ("[2001:db8::7]:4711", "2001:db8::7"), ("", "")],
)
def test_without_a_proxys_word_the_peer_counts(client: str, address: str) -> None:
    """On one's own machine, where there is no proxy; a unix socket has none."""
    assert address == peer(client)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ([("upgrade", "websocket"), ("origin", "https://evil.example.com")], ""),
        ([("upgrade", "websocket"), ("origin", "https://app.example.com")], "ada"),
        ([("sec-fetch-site", "cross-site")], ""),
        ([("sec-fetch-site", "same-origin")], "ada"),
    ],
)
def test_a_foreign_page_asks_at_a_public_place_in_nobodys_name(
    world: World, headers: list[tuple[str, str]], name: str
) -> None:
    """It passes, as anybody does; the app is not told whose cookie came along."""
    answer = world.ask(*headers, ("cookie", COOKIE), method="POST", uri="/open/x")

    assert 200 == answer[0]
    assert name == dict(answer[1])["remote-user"]
    assert list(HEADER_NAMES) == [key for key, _ in answer[1]]


def test_a_change_from_another_site_is_refused(world: World) -> None:
    """Whatever a foreign page submits, it is not this login's will."""
    world.login.account.permissions = frozenset({"app.create"})
    foreign = [("sec-fetch-site", "cross-site"), ("cookie", COOKIE)]

    assert world.ask(*foreign, method="POST")[0] == 403


def test_every_answer_is_counted(world: World) -> None:
    """The metrics know how often each status was given."""
    world.ask()
    world.ask(("cookie", COOKIE))

    assert {401: 1, 200: 1} == dict(world.gate.counts)
