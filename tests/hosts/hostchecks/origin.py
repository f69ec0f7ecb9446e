"""Where apt takes the package of the web server from, by apt's own word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hostchecks.batch import Section

_THERE: Final = "command -v caddy >/dev/null || exit 1; "

SYSTEMS: Final = frozenset({"Debian", "Ubuntu"})
"""What the distributions' own archives say of their origin."""

SECTIONS = {
    "caddy-offers": _THERE + "apt-cache policy caddy",
    "archives": _THERE + "apt-cache policy",
    "archive-keys": _THERE + "apt-get indextargets --format"
    " '$(SITE) $(SIGNED_BY)' 'Created-By: Packages'",
}


@dataclass(frozen=True)
class Archive:
    """An archive that apt knows: *priority* is what its packages have in general.

    *maker* is what its Release file calls its origin. *keyed* says that it must be
    signed by a key of its own.
    """

    url: str
    suite: str
    priority: int
    maker: str
    keyed: bool

    @property
    def site(self) -> str:
        """The name of its server."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Origin:
    """The web server's package: *installed*, and the *candidate* with its archives.

    Versions are empty where there is none.
    """

    installed: str
    candidate: str
    archives: tuple[Archive, ...]

    @property
    def strangers(self) -> tuple[Archive, ...]:
        """Those that are not the distribution's own."""
        return tuple(one for one in self.archives if one.maker not in SYSTEMS)

    @property
    def makers(self) -> frozenset[str]:
        """What the archives say whose they are; of strangers, the server too."""
        return frozenset(
            one.maker if one.maker in SYSTEMS else f"{one.maker} at {one.site}"
            for one in self.archives
        )


def parse(answers: Mapping[str, Section]) -> Origin:
    """Return what apt says in *answers*."""
    known = {(one.url, one.suite): one for one in _archives(answers)}
    told: dict[str, str] = {}
    offers: dict[str, list[tuple[str, str]]] = {}
    version = ""
    for line in answers["caddy-offers"].lines:
        words = line.removeprefix(" *** ").split()
        if line.startswith(("  Installed: ", "  Candidate: ")):
            told[words[0]] = words[1]
        elif line.startswith((" *** ", "     ")) and not line.startswith(" " * 8):
            version = words[0]
        elif line.startswith(" " * 8) and "://" in words[1]:
            offers.setdefault(version, []).append((words[1], words[2]))
    candidate = told.get("Candidate:", "")
    return Origin(
        told.get("Installed:", "").replace("(none)", ""),
        candidate.replace("(none)", ""),
        tuple(known[one] for one in offers.get(candidate, ()) if one in known),
    )


def _archives(answers: Mapping[str, Section]) -> Iterator[Archive]:
    keyed = {
        site
        for site, _, key in (
            line.partition(" ") for line in answers["archive-keys"].lines
        )
        if key and not key.startswith("$(")
    }
    words: list[str] = []
    for line in answers["archives"].lines:
        kind, _, release = line.strip().partition(" ")
        if kind == "release" and words:
            told = dict(one.split("=", 1) for one in release.split(",") if "=" in one)
            priority, url, suite = int(words[0]), words[1], words[2]
            yield Archive(url, suite, priority, told.get("o", ""), url in keyed)
        words = line.split() if "://" in line else []
