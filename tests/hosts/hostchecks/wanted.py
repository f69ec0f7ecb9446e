"""What the host shall be: the resolved settings, as JSON.

`keepgate verify` hands over a file (`--keepgate-settings`); without one the
checks judge by the defaults. This module is the only reader of that file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_AGES = {"off": 0, "minutes": 300, "day": 86_400, "year": 31_536_000}


@dataclass(frozen=True)
class Site:
    """A site of the settings; *is_closed* means that nothing at `/` is public.

    *hsts* is for how many seconds browsers shall insist on TLS, 0 for not at all.
    """

    host: str
    tls: str
    hsts: int
    is_closed: bool
    port: int | None = None
    proxied: bool = False

    @classmethod
    def of(cls, one: dict[str, Any]) -> Site:
        """Return the site that the settings' *one* describes."""
        return cls(
            host=one["host"],
            tls=one.get("tls", "acme"),
            hsts=_AGES[one.get("hsts", "minutes")],
            is_closed="/" not in one.get("public", ()),
            port=one.get("port"),
            proxied=one.get("proxied_by", "none") != "none",
        )


@dataclass(frozen=True)
class Wanted:
    """The expectations of one host; see docs/verify.md for the file's keys."""

    settings: dict[str, Any] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    attacker: tuple[str, ...] = ()
    attacker_address: str = ""
    is_lab: bool = False

    def get(self, path: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Return the setting at the dotted *path*, or *default*."""
        value: Any = self.settings
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    @property
    def operator(self) -> str:
        """The operator's account name; "" when no settings were given."""
        return str(self.get("operator.name", ""))

    @property
    def networks(self) -> tuple[str, ...]:
        """The operator's networks."""
        return tuple(self.get("operator.networks", ()))

    @property
    def pq_only(self) -> bool:
        """Whether only post-quantum key exchange is wanted."""
        return bool(self.get("ssh.profile", "") == "pq_only")

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites, and the login pages where they have a name of their own."""
        found = [Site.of(one) for one in self.get("sites", ())]
        login = self.get("caddy.login")
        if found and login and login["host"] not in {site.host for site in found}:
            # Its pages are there for everybody who wants to log in.
            found.append(Site.of({**login, "public": ["/"]}))
        return tuple(found)

    @property
    def is_guarded(self) -> bool:
        """Whether any site is behind login."""
        return any(
            one.get("preset", "app") != "none"
            or one.get("rules")
            or "/" not in one.get("public", ())
            for one in self.get("sites", ())
        )

    @property
    def is_proxied(self) -> bool:
        """Whether a site is met through somebody else's proxy."""
        return any(site.proxied for site in self.sites)

    @property
    def jails(self) -> tuple[str, ...]:
        """The jails that ban for failures: SSH's, the long one, and the sites'."""
        web = ("keepgate-login", "keepgate-refused")
        watched = self.is_guarded and not self.is_proxied
        return ("sshd", "recidive", *(web if watched else ()))

    @property
    def names(self) -> set[str]:
        """The names of the sites, and of the login pages."""
        return {site.host for site in self.sites}

    @property
    def site_ports(self) -> set[int]:
        """The TCP ports that the web server listens on."""
        served = any(site.tls != "off" for site in self.sites)
        own = {site.port for site in self.sites if site.port is not None}
        return own | ({80, 443} if served else set())

    @property
    def http3(self) -> bool:
        """Whether a site is offered by HTTP/3; proxies come by TCP."""
        direct = any(site.tls != "off" and not site.proxied for site in self.sites)
        return direct and bool(self.get("caddy.http3", default=True))

    def _opened(self, protocol: str) -> list[int]:
        """Return the ports that are open for the sites."""
        served = [site for site in self.sites if site.tls != "off"]
        if protocol == "tcp":
            return [80, 443] if served else []
        return [443] if self.http3 else []

    def ports(self, protocol: str) -> tuple[int, ...]:
        """Return the ports of *protocol* that the settings open, to all or some."""
        named = [*self.get(f"firewall.{protocol}", ()), *self._opened(protocol)]
        named += [
            rule["port"]
            for rule in self.get("firewall.rules", ())
            if rule.get("protocol", "tcp") == protocol
        ]
        return tuple(port for one in named for port in _span(one))

    def policy(self, openssh: str) -> str:
        """Return the ssh-audit policy that OpenSSH version *openssh* shall pass."""
        if self.pq_only:
            return "Hardened Debian 13 (version 1)"
        major, minor = (int(part) for part in re.findall(r"\d+", openssh)[:2])
        return "openssh-9.9.txt" if (major, minor) >= (9, 9) else "openssh-9.2.txt"


def _span(port: int | str) -> range:
    """Return the ports that `443` or `8000-8010` means."""
    first, _, last = str(port).partition("-")
    return range(int(first), int(last or first) + 1)


def read(path: str | None) -> Wanted:
    """Return the expectations in file *path*; the defaults without one."""
    if path is None:
        return Wanted()
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    lab = document.get("lab") or {}
    return Wanted(
        settings=document["settings"],
        addresses=tuple(document.get("addresses", ())),
        attacker=tuple(lab.get("attacker", ())),
        attacker_address=lab.get("attacker_address", ""),
        is_lab=bool(lab),
    )
