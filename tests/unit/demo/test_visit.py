"""Codes of the authenticator app, and pages that are not what they should be."""

from __future__ import annotations

import time

import pyotp
import pytest

from keepgate.demo.visit import Member, Visit
from keepgate.demo.visitor import StoryError
from tests.unit.demo.conftest import APP, LOGIN, Reply, Site


def _visit(site: Site) -> Visit:
    return Visit(f"https://{APP}", f"https://{LOGIN}", site.visitor(), lambda *_: None)


def test_no_code_is_given_twice() -> None:
    """Two logins in one half of a minute give two codes, each in force by its time."""
    totp = pyotp.TOTP(pyotp.random_base32())
    member = Member(totp=totp)

    first, second = member.code(), member.code()

    assert first != second
    assert totp.verify(first, valid_window=1)
    assert totp.verify(second, valid_window=1)
    assert member.used <= time.time() // 30 + 1


def test_secrets_are_not_shown_by_accident() -> None:
    """Neither password nor authenticator app are in what a member looks like."""
    member = Member(totp=pyotp.TOTP(pyotp.random_base32()))

    assert member.totp is not None
    assert member.password not in repr(member)
    assert member.totp.secret not in repr(member)


def test_without_a_link_nothing_is_begun(site: Site) -> None:
    """What the terminal shows instead is not repeated: it may hold anything."""
    with pytest.raises(StoryError, match="shows no link"):
        _visit(site).first_login("auth-agent: there is an administrator already")
    assert [] == site.seen


def test_a_page_that_is_none_ends_the_visit(site: Site) -> None:
    """The address is told without the link's token."""
    site.answering = lambda _: Reply(502, "Bad gateway")

    with pytest.raises(StoryError) as told:
        _visit(site).first_login(f"https://{LOGIN}/link/first-admin/s3cr3t")
    assert "/link/first-admin/… (502) has no form" in told.value.message


def test_certificates_are_good_by_the_given_root_alone(site: Site) -> None:
    """The sites' keys are told, for a browser that has no such root."""
    visit = _visit(site)

    keys = visit.greet()

    assert [site.visitor().key(APP)] * 2 == keys
    (scene,) = visit.scenes
    assert scene.holds
    assert "unable to get local issuer certificate" in scene.seen
