"""The browser without a screen: whom it trusts, what it keeps, what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keepgate.demo.visitor import Answer, StoryError, UntrustedError, Visitor, shown
from tests.unit.demo.conftest import APP, LOGIN, Reply, Request, Site, certificates

if TYPE_CHECKING:
    from pathlib import Path

FORM = """
<form action="/search"><input name="q"></form>
<form method="post" action="/login?x=1">
<input type="hidden" name="csrf" value="a&amp;b"><input name="name" value=""></form>
"""


def test_a_page_comes_over_checked_tls(site: Site) -> None:
    """The root that the visitor was given is enough, for each name it signs."""
    site.answering = lambda asked: Reply(200, f"{asked.host}{asked.path}")
    visitor = site.visitor()

    assert f"{APP}/a?b=c" == visitor.ask(f"https://{APP}/a?b=c").text
    assert f"{LOGIN}/" == visitor.ask(f"https://{LOGIN}").text


@pytest.mark.parametrize("whose", ["another authority", "public ones"])
def test_nobody_else_vouches(site: Site, tmp_path: Path, whose: str) -> None:
    """A certificate by somebody else is refused before anything is sent."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = certificates(folder)[1] if whose == "another authority" else ""
    visitor = Visitor("127.0.0.1", other, port=site.port)

    with pytest.raises(StoryError, match="certificate verify failed"):
        visitor.ask(f"https://{APP}/")
    with pytest.raises(UntrustedError):
        visitor.key(APP)
    assert [] == site.seen


def test_another_name_is_refused(site: Site) -> None:
    """The certificate must be that of the name asked for."""
    with pytest.raises(UntrustedError, match="Hostname mismatch"):
        site.visitor().key("other.demo.test")


def test_cookies_are_kept_per_host_until_they_are_taken_back(site: Site) -> None:
    """Each host gets its own again; one with Max-Age=0 is gone."""

    def answering(asked: Request) -> Reply:
        age = "; Max-Age=0" if asked.path == "/out" else "; Max-Age=60"
        line = f"__Host-{asked.host[:3]}=x=1; Path=/{age}"
        return Reply(headers=(("Set-Cookie", line),))

    site.answering = answering
    visitor = site.visitor()
    for url in (f"https://{APP}/", f"https://{LOGIN}/", f"https://{APP}/out"):
        visitor.ask(url)
    visitor.ask(f"https://{LOGIN}/")
    visitor.ask(f"https://{APP}/")

    assert [None, None, "__Host-app=x=1", "__Host-log=x=1", None] == [
        asked.headers.get("cookie") for asked in site.seen
    ]


def test_a_form_is_sent_with_what_it_brings_along(site: Site) -> None:
    """The one that goes there, unescaped, filled in, as from the page itself."""
    site.answering = lambda asked: Reply(200, FORM if asked.method == "GET" else "")
    visitor = site.visitor()

    visitor.submit(visitor.ask(f"https://{LOGIN}/login"), "/login", name="ä b")

    sent = site.seen[-1]
    assert ("POST", "/login?x=1") == (sent.method, sent.path)
    assert "csrf=a%26b&name=%C3%A4+b" == sent.body
    assert f"https://{LOGIN}" == sent.headers["origin"]


def test_a_page_without_the_form_is_told(site: Site) -> None:
    """By its address and its status."""
    page = Answer(f"https://{LOGIN}/login", 500, (), "oh")

    with pytest.raises(StoryError, match=r"/login \(500\) has no form for /login"):
        site.visitor().submit(page, "/login")


def test_redirects_are_followed_to_the_page(site: Site) -> None:
    """From host to host, relative ones too."""
    places = {"/a": f"https://{LOGIN}/b?to=1", "/b?to=1": "/c"}
    site.answering = lambda asked: (
        Reply(303, headers=(("Location", places[asked.path]),))
        if asked.path in places
        else Reply(200, "there")
    )
    visitor = site.visitor()

    page = visitor.follow(visitor.ask(f"https://{APP}/a"))

    assert (f"https://{LOGIN}/c", "there") == (page.url, page.text)


def test_redirects_without_end_are_told(site: Site) -> None:
    """Rather than followed for ever."""
    site.answering = lambda _: Reply(302, headers=(("Location", "/again"),))
    visitor = site.visitor()

    with pytest.raises(StoryError, match="without end"):
        visitor.follow(visitor.ask(f"https://{APP}/"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.test/link/first-admin/s3cr3t", "https://a.test/link/first-admin/…"),
        ("https://a.test/_auth/session?code=s3cr3t", "https://a.test/_auth/session"),
        ("https://a.test/week/47", "https://a.test/week/47"),
    ],
)
def test_secrets_of_an_address_are_not_shown(url: str, expected: str) -> None:
    """Neither a link's token nor a query."""
    assert expected == shown(url)


def test_what_is_told_of_a_lost_connection_has_no_secret(site: Site) -> None:
    """Nobody listens there: the address is told as it may be shown."""
    visitor = Visitor("127.0.0.1", site.authority, port=1)

    with pytest.raises(StoryError) as told:
        visitor.ask(f"https://{LOGIN}/link/first-admin/s3cr3t?x=s3cr3t")
    assert "s3cr3t" not in told.value.message
    assert "no answer" in told.value.message
