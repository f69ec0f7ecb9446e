"""What Keepgate has to know of Caddy's archive, asked in one command.

Once all stands and Caddy is there, that is two programs' work; the archive itself is
asked only where the answer could change something.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from deploys.caddy import places
from deploys.caddy.archive import wanted
from deploys.caddy.archive.settings import Package
from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.common.changes import FileState
from deploys.common.templates import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output
    from deploys.settings import Settings


@dataclass(frozen=True)
class ArchiveHost:
    """Where a host's Caddy comes from, as observed.

    *installed* is the version of its package, empty without one; *published* says that
    some archive which apt knows has that very version. *listed* says that apt's lists
    hold the wanted archive. *tried* is the version it offers if it was asked and
    answered as the key demands, *failed* why not.
    """

    installed: str = ""
    published: bool = False
    listed: bool = False
    tried: str = ""
    failed: str = ""
    files: dict[str, files.Observed] = field(default_factory=dict)


class ArchiveFact(BatchFact[ArchiveHost]):
    """Observes apt's knowledge of the archive, and tries it apart from all else."""

    _settings: Settings | None = None

    @override
    def command(self, settings: Settings | None = None) -> str:
        self._settings = settings
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        settings = self._settings
        if settings is None or not settings.sites:
            return {}
        states = files.sections(wanted.MANAGED)
        if settings.caddy.package is Package.DEBIAN:
            return states
        return {"archive": _ask(settings), **states}

    @override
    def interpret(self, answers: Mapping[str, Output]) -> ArchiveHost:
        told = dict(
            line.split(" ", 1)
            for line in (answers["archive"].lines if "archive" in answers else ())
        )
        return ArchiveHost(
            installed=told.get("installed", ""),
            published="published" in told,
            listed="listed" in told,
            tried=told.get("tried", ""),
            failed=told.get("failed", ""),
            files=files.observed(answers),
        )


def _ask(settings: Settings) -> str:
    digests = {
        path: hashlib.sha256(state.content).hexdigest()
        for path, state in wanted.files(settings).items()
        if isinstance(state, FileState)
    }
    return render(
        "caddy/archive_ask.sh.j2",
        archive=settings.caddy.archive,
        digests=digests,
        insists=settings.caddy.package is Package.ARCHIVE,
        key=wanted.key(settings),
        places=places,
    ).decode()
