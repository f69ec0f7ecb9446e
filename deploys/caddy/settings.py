"""Settings of the sites and of the topic `caddy` that serves them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from deploys.caddy.archive.settings import ArchiveSettings, Package
from deploys.caddy.fields import (
    Email,
    HeaderName,
    HeaderValue,
    HostName,
    Methods,
    PermissionName,
    Place,
    Prefix,
    Upstream,
    is_private,
    place,
)
from deploys.common.model import Model
from deploys.common.networks import Network

RESERVED: Final = "/_auth"
"""Below this path of every guarded site the agent itself answers."""


class Tls(StrEnum):
    """Where a site's certificate comes from."""

    ACME = "acme"
    INTERNAL = "internal"
    OFF = "off"


class Preset(StrEnum):
    """Rules that the agent brings along."""

    APP = "app"
    DANGO = "dango"
    NONE = "none"


class Hsts(StrEnum):
    """For how long browsers insist on TLS (RFC 6797)."""

    OFF = "off"
    MINUTES = "minutes"
    DAY = "day"
    YEAR = "year"

    @property
    def seconds(self) -> int:
        """The header's max-age; 0 for `off`, which sends none."""
        ages = {Hsts.MINUTES: 300, Hsts.DAY: 86_400, Hsts.YEAR: 31_536_000}
        return ages.get(self, 0)


Proxies = (
    Literal["none", "cloudflare"]
    | Annotated[tuple[Network, ...], Field(min_length=1, title="list of networks")]
)
Rule = tuple[Methods, Prefix]


class SiteSettings(Model):
    """An app behind TLS and, unless it is said to be public, behind login.

    What a client claims about itself never reaches the app: every header that names
    an identity or an address, in any spelling, is taken out first.
    """

    host: HostName = Field(description="Name by which browsers reach the site.")
    upstream: Upstream = Field(
        description="What answers: a unix socket (`unix:/run/app/app.sock`), a port "
        "on loopback (`8000`), or a folder of files (`/srv/www`). Prefer a socket that "
        "only Caddy's group may use: any local process reaches a port and can claim to "
        "be anybody there."
    )
    preset: Preset = Field(
        default=Preset.APP,
        description="Rules to begin with. `none`: nothing but `rules` and `public`.",
    )
    rules: dict[PermissionName, tuple[Rule, ...]] = Field(
        default={},
        description="Which permission a request needs: `permission: [[methods, path "
        'prefix], …]`, say `app.admin: [["*", "/manage"]]`. The longest prefix '
        "decides; what no rule names is refused.",
    )
    public: tuple[Prefix, ...] = Field(
        default=(),
        description="Path prefixes for everybody, literally. `[/]` with `preset: "
        "none` and no rules makes the whole site public: the agent is not asked then.",
    )
    tls: Tls = Field(
        default=Tls.ACME,
        description="`acme`: a public certificate. `internal`: Caddy's own authority, "
        "for private names. `off`: plain HTTP on loopback, for tunnels; public only.",
    )
    port: int | None = Field(
        default=None,
        ge=1024,
        le=65535,
        description="Port on 127.0.0.1, for `tls: off` alone.",
    )
    hsts: Hsts = Field(
        default=Hsts.MINUTES,
        description="For how long browsers shall insist on TLS. Go up a step once all "
        "is well: it cannot be taken back before its time.",
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default={},
        description="Further headers of every answer; they win over ours and the "
        "app's.",
    )
    max_body: int = Field(
        default=10, ge=1, le=10_000, description="Largest request body in MB."
    )
    assertion: bool = Field(
        default=False,
        description="Whether the app is told who asks by a signed `Remote-Assertion`, "
        "too: for an app on a port, which any local process reaches.",
    )
    allow_from: tuple[Network, ...] = Field(
        default=(),
        description="Networks (CIDR) that may come at all, by the real address of the "
        "client; empty means any.",
    )
    proxied_by: Proxies = Field(
        default="none",
        description="Who stands in front: `none`, `cloudflare`, or the networks (CIDR) "
        "of your own proxies. Others are refused then, and the client's address is "
        "taken from the proxy's word. Needs Caddy 2.8.",
    )
    preflights: bool = Field(
        default=False,
        description="Whether CORS preflights (OPTIONS) reach the app, without "
        "identity. Refused otherwise.",
    )
    websocket_hours: int = Field(
        default=12,
        ge=1,
        le=168,
        description="Hours after which a WebSocket is cut, so that it asks the gate "
        "anew. Needs Caddy 2.7.",
    )

    @property
    def place(self) -> Place:
        """The upstream, taken apart."""
        return place(self.upstream)

    @property
    def is_guarded(self) -> bool:
        """Whether the agent is asked for every request."""
        return (
            "/" not in self.public or self.preset is not Preset.NONE or bool(self.rules)
        )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for message in self._faults():
            raise ValueError(message)
        return self

    def _faults(self) -> list[str]:
        found = []
        if self.tls is Tls.OFF and self.is_guarded:
            found.append(
                f"{self.host} is behind login, which needs TLS; use `tls: internal`, "
                "or make it public"
            )
        if (self.tls is Tls.OFF) != (self.port is not None):
            found.append(
                f"`port` and `tls: off` go together; {self.host} has one of the two"
            )
        if self.tls is Tls.OFF and self.proxied_by != "none":
            found.append(f"{self.host} is on loopback, where no proxy can come from")
        if self.assertion and not self.is_guarded:
            found.append(
                f"{self.host} is public, and nobody is named there: `assertion` says "
                "who asks"
            )
        if self.port is not None and self.port == self.upstream:
            found.append(f"{self.host} would be its own upstream")
        paths = [
            *self.public,
            *(rule[1] for many in self.rules.values() for rule in many),
        ]
        found += [
            f"{path} belongs to the login pages"
            for path in paths
            if path == RESERVED or path.startswith(f"{RESERVED}/")
        ]
        if not self.public and self.preset is Preset.NONE and not self.rules:
            found.append(
                f"{self.host} would refuse everything: give rules, public paths or a "
                "preset"
            )
        return found


def _each_once(sites: tuple[SiteSettings, ...]) -> tuple[SiteSettings, ...]:
    seen: set[str] = set()
    for site in sites:
        if site.host in seen:
            message = f"the site {site.host} stands there twice; join the two"
            raise ValueError(message)
        seen.add(site.host)
    proxies = {site.proxied_by for site in sites if site.proxied_by != "none"}
    if len(proxies) > 1:
        message = (
            "sites behind different proxies cannot share a host: each proxy could "
            "speak for the other's clients"
        )
        raise ValueError(message)
    return sites


Sites = Annotated[tuple[SiteSettings, ...], AfterValidator(_each_once)]


class LoginSettings(Model):
    """Where people log in; one login serves all sites."""

    host: HostName = Field(
        description="Name of the login pages. Best one of its own; at a site's name "
        f"they stand below `{RESERVED}`."
    )
    tls: Tls = Field(
        default=Tls.ACME,
        description="Where its certificate comes from; `off` is impossible.",
    )
    hsts: Hsts = Field(
        default=Hsts.MINUTES, description="For how long browsers shall insist on TLS."
    )

    @model_validator(mode="after")
    def _over_tls(self) -> Self:
        if self.tls is Tls.OFF:
            message = "login pages need TLS; use `acme` or `internal`"
            raise ValueError(message)
        return self


class AcmeSettings(Model):
    """The authority that issues certificates, where it is not a public one.

    Without `directory` there are two issuers, Let's Encrypt and ZeroSSL.
    """

    directory: (
        Annotated[
            str,
            StringConstraints(
                pattern=r"^https://[A-Za-z0-9.-]+(:\d{1,5})?/[A-Za-z0-9._/-]*$"
            ),
            Field(title="https address"),
        ]
        | None
    ) = Field(default=None, description="Directory of your own ACME server.")
    root: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$")] | None = (
        Field(
            default=None,
            description="PEM file on the host that vouches for that server's own TLS.",
        )
    )
    trust: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$")] | None = (
        Field(
            default=None,
            description="PEM file on the host that vouches for what it issues, instead "
            "of the system's authorities.",
        )
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.directory is None and (self.root or self.trust):
            message = "`root` and `trust` belong to a `directory` of your own"
            raise ValueError(message)
        return self


class CaddySettings(Model):
    """Caddy, which serves the `sites`; with the last of them it is stopped."""

    email: Email | None = Field(
        default=None,
        description="Where certificate authorities write to; required for `tls: acme`.",
    )
    login: LoginSettings | None = Field(
        default=None,
        description="Where people log in; required unless all sites are public.",
    )
    acme: AcmeSettings = Field(
        default=AcmeSettings(), description="An authority of your own."
    )
    http3: bool = Field(
        default=True, description="Whether HTTP/3 (UDP port 443) is offered."
    )
    log_days: int = Field(
        default=30, ge=1, le=400, description="Days for which access logs are kept."
    )
    package: Package = Field(
        default=Package.AUTO,
        description="Whose package is installed: `auto` takes that of the `archive` if "
        "the host reaches it, else Debian's; `archive` insists; `debian` never asks.",
    )
    archive: ArchiveSettings = Field(
        default=ArchiveSettings(), description="Caddy's apt archive, or a copy of it."
    )


def faults(sites: tuple[SiteSettings, ...], caddy: CaddySettings) -> list[str]:
    """Return why *sites* cannot be served as *caddy* says; each with its remedy."""
    if not sites:
        return []
    found = []
    names = {site.host: site.tls for site in sites}
    guarded = [site.host for site in sites if site.is_guarded]
    login = caddy.login
    if guarded and login is None:
        found.append(
            f"the site {guarded[0]} is behind login, and there is no login host: set "
            "caddy.login.host, or make the site public"
        )
    if login is not None and names.setdefault(login.host, login.tls) is not login.tls:
        found.append(
            f"{login.host} is a site with `tls: {names[login.host]}`; caddy.login.tls "
            "must be the same"
        )
    acme = [name for name, tls in names.items() if tls is Tls.ACME]
    if acme and caddy.email is None:
        found.append(f"`tls: acme` ({acme[0]}) needs an address: set caddy.email")
    found += [
        f"{name} is a private name, for which no public authority gives a certificate:"
        " use `tls: internal`"
        for name in acme
        if caddy.acme.directory is None and is_private(name)
    ]
    ports = [site.port for site in sites if site.port is not None]
    if len(set(ports)) < len(ports):
        found.append("two sites with `tls: off` share one port")
    return found
