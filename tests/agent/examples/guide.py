"""The guide to apps, taken apart: what it has one write, run and set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from deploys.caddy.settings import SiteSettings

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "apps.md"

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py)\n")


@dataclass(frozen=True)
class Guide:
    """All fenced parts of the guide, by what they are."""

    sites: tuple[SiteSettings, ...]
    settings: str
    files: dict[str, str]
    commands: tuple[str, ...]
    caddyfile: str

    @classmethod
    def read(cls) -> Guide:
        """Return the guide; fail if it has a part of another kind."""
        sites, settings, files, commands, caddyfile = [], "", {}, [], ""
        for kind, text in _FENCE.findall(GUIDE.read_text(encoding="utf-8")):
            if kind == "yaml":
                sites.append(SiteSettings.model_validate(yaml.safe_load(text)))
            elif kind == "python":
                name = _FILE.match(text)
                assert name is not None, f"a program without its name: {text}"
                files[name[1]] = text
            elif kind == "toml":
                settings += text
            elif kind == "sh":
                commands += text.splitlines()
            elif kind == "caddyfile":
                caddyfile += text
            else:
                assert kind == "html", kind
        return cls(tuple(sites), settings, files, tuple(commands), caddyfile)

    def site(self, name: str) -> SiteSettings:
        """Return the site whose host begins with *name*."""
        [site] = [one for one in self.sites if one.host.startswith(f"{name}.")]
        return site


def for_agent(guide: Guide, site: SiteSettings) -> str:
    """Return what the agent's own configuration says of *site*.

    What the guide says in the agent's form, of a site that it has, counts as well.
    """
    rules = ", ".join(
        f'"{name}" = [{", ".join(_strings(place) for place in places)}]'
        for name, places in site.rules.items()
    )
    start = f'[[sites]]\nhost = "{site.host}"\n'
    if start in guide.settings:
        start = guide.settings
    return (
        f'{start}preset = "{site.preset}"\n'
        f"public = {_strings(site.public)}\nrules = {{ {rules} }}\n"
    )


def _strings(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
