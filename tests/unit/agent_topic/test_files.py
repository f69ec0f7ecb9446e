"""The agent's files: what stands in them is what the agent itself accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from auth_agent.config.check import load

from deploys.agent import config, places, wanted

if TYPE_CHECKING:
    from pathlib import Path

    from auth_agent.config.model import Config

    from deploys.settings import Settings
    from tests.unit.agent_topic.conftest import MakeSettings

RULES = {"app.admin": [["*", "/manage"]], "shop.sell": [["POST", "/sell"]]}


def _read(settings: Settings, folder: Path) -> Config:
    path = folder / "auth-agent.toml"
    path.write_bytes(config.text(settings))
    return load(path)


def test_the_agent_accepts_what_is_written(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    """Every guarded site with its rules; those that nobody is asked for are not in."""
    read = _read(
        make_settings(
            {"rules": RULES, "public": ["/static"], "assertion": True},
            {"host": "open.kg.test", "public": ["/"], "preset": "none"},
            {"host": "dango.kg.test", "preset": "dango"},
            title='The "Ärzte" \\o/',
        ),
        tmp_path,
    )

    assert ["app.kg.test", "dango.kg.test"] == [site.host for site in read.sites]
    assert ("/static",) == read.sites[0].public
    assert (("POST", "/sell"),) == read.sites[0].rules["shop.sell"]
    assert "dango" == read.sites[1].preset
    assert [True, False] == [site.assertion for site in read.sites]
    assert 'The "Ärzte" \\o/' == read.login.title
    assert places.GATE == read.server.listen


@pytest.mark.parametrize(
    ("login", "path"), [("auth.kg.test", "/"), ("app.kg.test", "/_auth")]
)
def test_the_pages_stand_where_the_web_server_looks(
    make_settings: MakeSettings, tmp_path: Path, login: str, path: str
) -> None:
    """At a host of their own, or below a site's reserved path."""
    read = _read(make_settings({}, login=login), tmp_path)

    assert (login, path) == (read.login.host, read.login.path)


def test_any_change_starts_the_agent_anew(make_settings: MakeSettings) -> None:
    """The process tells with which release and settings it was started."""
    first, second = make_settings({}), make_settings({"public": ["/x"]})
    digests = {
        wanted.digest(settings, release)
        for settings in (first, second)
        for release in ("one", "two")
    }

    assert 4 == len(digests)
    unit = wanted.files(first, "one")[places.UNIT_FILE]
    assert unit is not None
    assert f"KEEPGATE_AGENT={wanted.digest(first, 'one')}" in str(unit)


def test_others_read_nothing_of_it(make_settings: MakeSettings) -> None:
    """Neither the configuration nor its folder."""
    files = wanted.files(make_settings({}), "one")

    assert [0o750, 0o640] == [
        getattr(files[path], "mode", 0) for path in (places.ETC, places.CONFIG)
    ]


def test_the_log_is_kept_for_as_long_as_the_agent_keeps_it(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    """A segment that the agent would remove is not append-only any more."""
    read = _read(make_settings({}), tmp_path)

    assert wanted.KEEP_DAYS == read.audit.keep_days
