"""What would change on a host so that Caddy comes from where it shall."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deploys.caddy import places
from deploys.caddy.archive.facts import ArchiveFact, ArchiveHost
from deploys.caddy.archive.plan import plan
from deploys.caddy.archive.wanted import FINGERPRINT, files, key
from deploys.common.batch import Output
from deploys.common.changes import FileState
from deploys.settings import Settings
from deploys.site import steps
from deploys.updates.wanted import lists
from tests.agent.tools import needed

MakeSettings = Callable[..., Settings]
STANDS = (places.ARCHIVE, places.ARCHIVE_PINS, places.ARCHIVE_KEY)


@pytest.fixture
def auto(make_settings: MakeSettings) -> Settings:
    """Settings with a site and nothing said of the archive."""
    return make_settings({})


def _with(make: MakeSettings, package: str, **archive: Any) -> Settings:
    return make({}, package=package, archive=archive)


def _there(settings: Settings, **changed: Any) -> ArchiveHost:
    return replace(ArchiveHost(files=dict(files(settings))), **changed)


def test_it_is_settled_before_packages_are_installed() -> None:
    """The packages are asked for only once it is known where from."""
    names = [topic.name for topic in steps(["caddy"])]

    assert names == ["preflight", "archive", "packages", "caddy"]
    assert "archive" not in [topic.name for topic in steps(["ssh"])]


def test_a_reached_archive_is_taken(auto: Settings) -> None:
    """Its limits are written before it is known, and its lists are fetched."""
    found = plan(auto, ArchiveHost(tried="2.11.7"))

    written = [change.path for change in found.files]
    assert written.index(places.ARCHIVE_PINS) < written.index(places.ARCHIVE)
    assert written.index(places.ARCHIVE_KEY) < written.index(places.ARCHIVE)
    assert ["fetch the lists of Caddy's archive"] == [
        action.summary for action in found.after
    ]
    assert not found.notes


def test_an_archive_that_fails_leaves_debians(
    auto: Settings, make_settings: MakeSettings
) -> None:
    """It is told why; who insists is refused."""
    seen = ArchiveHost(failed="it does not answer")
    found = plan(auto, seen)
    insisting = plan(_with(make_settings, "archive"), seen)

    assert not found
    assert "it does not answer" in found.notes[0]
    assert not insisting.files
    assert ["caddy-archive"] == [refusal.code for refusal in insisting.refusals]


def test_who_insists_gets_nothing_else(make_settings: MakeSettings) -> None:
    """A host that could not even try, for want of room say, does not take Debian's."""
    found = plan(_with(make_settings, "archive"), ArchiveHost())

    assert ["caddy-archive"] == [refusal.code for refusal in found.refusals]
    assert "could not try" in found.refusals[0].message


def test_the_trial_needs_a_folder_of_its_own(
    auto: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one it ends, before anything is made or asked."""
    fact = ArchiveFact()
    fact.command(settings=auto)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {
        "mktemp": "exit 1",
        "apt-get": f"touch {tmp_path}/asked",
        "mkdir": f"touch {tmp_path}/made",
        "dpkg-query": "exit 1",
        "apt-cache": "exit 0",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    ended = subprocess.run(
        ["sh", "-c", fact.sections()["archive"]],
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )

    assert 0 != ended.returncode
    assert b"" == ended.stdout
    assert not (tmp_path / "asked").exists()
    assert not (tmp_path / "made").exists()


def test_what_stands_is_left_alone(auto: Settings) -> None:
    """With Caddy installed there is nothing to do, nor to ask."""
    assert not plan(auto, _there(auto, installed="2.11.7"))


def test_lists_that_a_broken_run_did_not_fetch_are_fetched(auto: Settings) -> None:
    """Else Debian's package would be installed after all."""
    assert 1 == plan(auto, _there(auto)).changes
    assert not plan(auto, _there(auto, listed=True))


def test_a_file_that_others_may_change_is_mended_without_asking(
    auto: Settings,
) -> None:
    """What it says was tried when it was written."""
    seen = _there(auto, installed="2.11.7")
    loose = seen.files[places.ARCHIVE]
    assert isinstance(loose, FileState)
    seen.files[places.ARCHIVE] = replace(loose, mode=0o666)

    assert [places.ARCHIVE] == [change.path for change in plan(auto, seen).files]


def test_another_archive_is_not_written_unless_it_was_tried(auto: Settings) -> None:
    """Settings were changed, and the host could not be asked about them."""
    seen = _there(auto, installed="2.11.7", published=True)
    seen.files[places.ARCHIVE] = FileState(b"# Managed by Keepgate\nURIs: other\n")

    assert not plan(auto, seen)
    assert plan(auto, replace(seen, tried="2.11.7")).files


def test_debians_package_needs_no_archive(make_settings: MakeSettings) -> None:
    """Ours is taken away; somebody else's file of that name is not."""
    settings = _with(make_settings, "debian")
    seen = _there(settings, installed="2.11.7")

    assert list(STANDS) == [change.path for change in plan(settings, seen).files]
    seen.files[places.ARCHIVE] = FileState(b"# By somebody\n")
    assert not plan(settings, seen)
    assert not plan(settings, ArchiveHost())


def test_without_sites_nothing_is_asked(make_settings: MakeSettings) -> None:
    """The package stays with its archive: it is installed, and is to be mended."""
    settings = make_settings()
    fact = ArchiveFact()
    fact.command(settings=settings)

    assert {} == fact.sections()
    assert not plan(settings, ArchiveHost())


def test_the_answer_is_read(auto: Settings) -> None:
    """A line is a word and what it says."""
    fact = ArchiveFact()
    fact.command(settings=auto)
    told = b"installed 2.6.2-12\npublished yes\nfailed it holds nothing\n"
    answers = {name: Output(0, b"") for name in fact.sections()}
    seen = fact.interpret({**answers, "archive": Output(1, told)})

    assert ("2.6.2-12", True, False) == (seen.installed, seen.published, seen.listed)
    assert ("", "it holds nothing") == (seen.tried, seen.failed)


def test_updates_come_from_there(make_settings: MakeSettings, auto: Settings) -> None:
    """Unless it is not asked at all."""
    patterns = "Unattended-Upgrade::Origins-Pattern"

    assert "site=dl.cloudsmith.io" in lists(auto, "debian")[patterns]
    for other in (make_settings(), _with(make_settings, "debian")):
        assert not [one for one in lists(other, "debian")[patterns] if "site=" in one]


def test_the_key_is_the_pinned_one(auto: Settings, tmp_path: Path) -> None:
    """One key, that of its makers, with parts that are good for signing today."""
    command = [needed("gpg"), "--homedir", str(tmp_path), "--batch", "--with-colons"]
    told = subprocess.run(
        [*command, "--show-keys"],
        input=key(auto),
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    rows = [line.split(":") for line in told.splitlines()]
    primary = [row for row in rows if row[0] == "pub"]
    signing = [row for row in rows if row[0] == "sub" and row[11] == "s"]

    assert 1 == len(primary)
    assert FINGERPRINT == next(row[9] for row in rows if row[0] == "fpr")
    assert [""] == [row[6] for row in signing if row[1] != "e"], "it expires"


@pytest.mark.parametrize(
    "archive",
    [
        {"url": "ftp://example.org/debian"},
        {"url": "https://example.org/debian/"},
        {"url": "https://example.org/debian\nTrusted: yes"},
        {"url": "https://user:word@example.org/debian"},
        {"suite": "../x"},
        {"suite": "any version"},
        {"key": "65760C51EDEA2017CEA2CA15155B6D79CA56EA34"},
        {"key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\nabcd"},
        {
            "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\nKEEPGATE_KEY\nid\n"
            "-----END PGP PUBLIC KEY BLOCK-----"
        },
    ],
)
def test_what_is_no_archive_is_refused(
    make_settings: MakeSettings, archive: dict[str, str]
) -> None:
    """Nothing that would say something else to apt, or to a shell."""
    with pytest.raises(ValidationError):
        _with(make_settings, "archive", **archive)
