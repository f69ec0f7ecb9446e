"""Attacks are judged by what comes back: a gate that gives way does not pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keepgate.demo.attacks import FORGED, OPEN, Attacks, elements, judged
from keepgate.demo.visit import COOKIE, NAME, TOLD, Visit
from keepgate.lab import LabHost
from tests.unit.demo.conftest import APP, LOGIN, Reply, Request, Site

HOST = LabHost(
    name="demo",
    suffix=10,
    address4="198.18.99.10",
    address6="fd6b:6567:6c61:63::10",
    release="trixie",
    backend="nspawn",
    variant="cloud",
    login="keeper",
    key=Path("/lab/key"),
    folder=Path("/lab/hosts/demo"),
)
"""Not booted: what is asked of the host itself belongs to the lab's tests."""

TOKEN = "t" * 43
_LOGIN_FORM = '<form method="post" action="/logout"><input name="csrf"></form>'


class Gate:
    """A gate before an app that shows whom it was told of; *weak* is where it fails."""

    def __init__(self, weak: str = "") -> None:
        self.weak = weak
        self.live = {TOKEN}

    def __call__(self, asked: Request) -> Reply:
        """Answer one request."""
        if asked.host == LOGIN:
            return self._login(asked)
        cookie = asked.headers.get("cookie", "").removeprefix(f"{COOKIE}=")
        claimed = asked.headers.get("remote-user", "")
        known = cookie in self.live or bool(cookie and self.weak == "any cookie")
        user = NAME if known else ""
        if claimed and (
            (self.weak == "forged" and not cookie and asked.path != OPEN)
            or (self.weak == "forged at public" and not cookie and asked.path == OPEN)
            or (self.weak == "forged inside" and known)
        ):
            user = claimed
        if not user and asked.path != OPEN:
            return Reply(302, headers=(("Location", f"https://{LOGIN}/login?to=x"),))
        rights = asked.headers.get("remote-permissions", "")
        told = dict.fromkeys(TOLD, user)
        told["permissions"] = rights if self.weak == "forged rights" else ""
        return Reply(200, json.dumps(told))

    def _login(self, asked: Request) -> Reply:
        if asked.method == "GET":
            return Reply(200, _LOGIN_FORM)
        if self.weak != "ended":
            self.live.clear()
        return Reply(303, headers=(("Location", "/logout"),))


def _attacks(site: Site, gate: Gate) -> Attacks:
    site.answering = gate
    visitor = site.visitor()
    visitor.cookies[APP] = {COOKIE: TOKEN}
    visit = Visit(f"https://{APP}", f"https://{LOGIN}", visitor, lambda *_: None)
    return Attacks(HOST, visit)


def _held(attacks: Attacks) -> dict[str, bool]:
    return {scene.id: scene.holds for scene in attacks.scenes}


ALL = ["forged", "forged-public", "forged-inside", "made-up-cookie", "ended-cookie"]


@pytest.mark.parametrize(
    ("weak", "seen"),
    [
        ("", ""),
        ("forged", "forged"),
        ("forged at public", "forged-public"),
        ("forged rights", "forged-public"),
        ("forged inside", "forged-inside"),
        ("any cookie", "made-up-cookie"),
        ("ended", "ended-cookie"),
    ],
)
def test_each_weakness_is_seen(site: Site, weak: str, seen: str) -> None:
    """A sound gate passes; one that gives way fails where it does."""
    attacks = _attacks(site, Gate(weak))

    attacks.forge()
    attacks.reuse()

    # Whoever takes any cookie takes that of an ended session, too.
    wrong = {seen, "ended-cookie"} if weak == "any cookie" else {seen}
    assert {name: name not in wrong for name in ALL} == _held(attacks)


def test_what_is_forged_is_really_sent(site: Site) -> None:
    """Each spelling reaches the site, with a login and without."""
    attacks = _attacks(site, Gate())
    attacks.forge()

    sent = [
        asked
        for asked in site.seen
        if {name.lower() for name in FORGED} <= asked.headers.keys()
    ]
    assert ["/", OPEN, "/"] == [asked.path for asked in sent]
    assert [False, False, True] == ["cookie" in asked.headers for asked in sent]


def test_no_scene_tells_a_cookie(site: Site) -> None:
    """What is seen goes into reports."""
    attacks = _attacks(site, Gate("any cookie"))
    attacks.forge()
    attacks.reuse()
    made_up = [
        asked.headers["cookie"].partition("=")[2]
        for asked in site.seen
        if "cookie" in asked.headers
    ]

    assert TOKEN in made_up
    said = "".join(scene.model_dump_json() for scene in attacks.scenes)
    assert [] == [token for token in made_up if token in said]


@pytest.mark.parametrize(
    ("answers", "after", "held", "holds", "said"),
    [
        ([401, 401, 429, 0], [0], True, True, "3 guesses refused (2 with 401, 1 w"),
        ([401, 0], [], False, False, "never banned"),
        ([401, 0], [401, 0], True, False, "banned, and not shut out"),
        ([0], [0], True, False, "0 guesses refused"),
        ([401, 303], [0], True, False, "let in, or worse"),
        ([401, 500], [0], True, False, "let in, or worse"),
        ([], [], False, False, "never banned"),
    ],
)
def test_guesses_are_judged_by_what_came_back(
    answers: list[int], after: list[int], *, held: bool, holds: bool, said: str
) -> None:
    """All refused, and then nothing comes back any more: anything else is wrong."""
    told, fine = judged(answers, after, held=held)

    assert fine is holds
    assert said in told


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ('{"nftables": [{"set": {"elem": ["192.0.2.1"]}}]}', {"192.0.2.1"}),
        ('{"nftables": [{"set": {"elem": [{"elem": {"val": "192.0.2.1"}}]}}]}',
         {"192.0.2.1"}),
        ('{"nftables": [{"metainfo": {}}, {"set": {"name": "x"}}]}', set()),
        ("Error: No such file or directory", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_banned_addresses_are_read_from_nft(listed: str, expected: set[str]) -> None:
    """As it lists a set, with timeouts or without; nothing where there is none."""
    assert expected == elements(listed)
