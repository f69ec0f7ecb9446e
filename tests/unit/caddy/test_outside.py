"""What is told of the sites that a change has put up, seen from the controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploys.caddy.outside import Asked, remarks
from deploys.settings import Settings
from tests.unit.caddy.running import Running
from tests.unit.caddy.test_gate import LOGIN_SITE, OPEN, SITE, SITES

MakeSettings = Callable[..., Settings]
ROOT = "caddy/pki/authorities/local/root.crt"


@pytest.fixture(scope="module")
def running(shared_settings: MakeSettings) -> Iterator[Running]:
    """Debian's Caddy with a guarded and an open site."""
    settings = shared_settings(*SITES[:2], login=LOGIN_SITE)
    # A socket's name is short: pytest's own folders are too deep for one.
    with TemporaryDirectory(prefix="seen-") as folder:
        started = Running("debian", settings, Path(folder))
        yield started
        started.close()


def _told(running: Running, *sites: Asked) -> list[str]:
    def read(path: str) -> str:
        return (running.folder / path).read_text()

    found = remarks("127.0.0.1", read, sites=sites, port=running.port)
    return list(found)


def test_of_sites_that_are_well_nothing_is_told(running: Running) -> None:
    """Each by its name, with the check of its certificate."""
    assert [] == _told(
        running, Asked(SITE, ROOT, guarded=True), Asked(OPEN, ROOT, guarded=False)
    )


@pytest.mark.parametrize(
    ("site", "why"),
    [
        (Asked(OPEN, "", guarded=False), "its certificate does not hold"),
        (Asked(OPEN, ROOT, guarded=True), "answers 200 without a login"),
        (Asked("nix.kg.test", ROOT, guarded=False), "does not answer over TLS"),
    ],
)
def test_what_is_not_well_is_told_by_name(
    running: Running, site: Asked, why: str
) -> None:
    """An authority that is not known here, a gate that is open, no such name."""
    (told,) = _told(running, site)

    assert told.startswith(f"{site.host} was proved on the host")
    assert why in told


def test_silence_is_told_once(running: Running) -> None:
    """Nothing listens there: one remark for all sites."""
    sites = [Asked(SITE, ROOT, guarded=True), Asked(OPEN, ROOT, guarded=False)]

    (told,) = remarks("127.0.0.1", str, sites=sites, port=9)

    assert running
    assert "port 9 of 127.0.0.1 does not answer" in told
