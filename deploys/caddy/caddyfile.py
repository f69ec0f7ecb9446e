"""From settings to the text of Caddy's configuration; pure.

What it says must hold on Debian's 2.6.2, too. Directives that only later versions
know are written for those versions alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploys.caddy import places
from deploys.caddy.fields import Kind
from deploys.caddy.ports import proxies
from deploys.caddy.settings import RESERVED, Tls
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.caddy.settings import SiteSettings
    from deploys.settings import Settings

Version = tuple[int, ...]

STREAMS: Final[Version] = (2, 7)
"""First version with `stream_timeout` and `persist_config`."""

TRUST: Final[Version] = (2, 8)
"""First version with `trusted_proxies_strict` beside `client_ip`."""

IDENTITY: Final = (
    *("Remote-User", "Remote-Id", "Remote-Name", "Remote-Email", "Remote-Role"),
    *("Remote-Permissions", "Remote-Auth", "Remote-Session"),
)
"""Headers by which the agent tells the app who came; it sends every one, always."""

ASSERTION: Final = "Remote-Assertion"
"""The same once more, signed, at the sites that ask for it."""

STRIPPED: Final = (
    # CGI, WSGI and PHP read `Remote_User` and `Remote.User` as `Remote-User`.
    *("*_*", "*.*", "Remote*", "X-Remote*", "*Forwarded*", "X-User", "Proxy"),
    *("X-Auth-Request*", "X-Auth-User*", "X-Authenticated*", "X-Authentik*"),
    *("X-Webauth*", "X-Ms-Client-Principal*", "X-Goog-Authenticated*"),
    *("Tailscale-User*", "Cf-Access*", "Cf-Connecting-Ip*", "True-Client-Ip"),
    *("X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Fastly-Client-Ip"),
    *("Ssl-Client*", "X-Ssl*", "X-Client-Cert*", "Client-Cert*"),
    *("X-Original*", "X-Rewrite*", "*Override*", "X-Http-Method*", "X-Host"),
)
"""What a client may not say of itself, nor of where it comes from.

A star stands for anything; case does not matter.
"""

SECRETS: Final = (
    *("Authorization", "Proxy-Authorization", "Cookie", "Referer", "X-Api-Key"),
    *("Api-Key", "X-Auth-Token", "X-Access-Token", "X-Csrf-Token", "X-Xsrf-Token"),
    *("X-Amz-Security-Token", "Sec-Websocket-Protocol"),
)
"""Request headers that access logs leave out: they are, or quote, credentials."""

SECRET_ANSWERS: Final = ("Set-Cookie", "Location")
"""Response headers that access logs leave out: sessions and single-use codes."""

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Sent where the app says nothing of the kind."""


@dataclass(frozen=True)
class _Site:
    """One block of the configuration, ready to be written down."""

    address: str
    bind: str
    tls: str
    hsts: int
    headers: dict[str, str]
    body: int
    proxies: str
    allowed: str
    preflights: bool
    guarded: bool
    kind: str
    upstream: str
    hours: int
    client: str
    told: tuple[str, ...]


def text(settings: Settings, version: Version) -> bytes:
    """Return the configuration of *settings*, for Caddy *version* and later.

    As `caddy fmt` would write it. An unknown version, `()`, is taken for the oldest.
    """
    caddy = settings.caddy
    login = caddy.login
    trusted = sorted({one for s in settings.sites for one in proxies(s.proxied_by)})
    hosts = {site.host for site in settings.sites}
    served = [site for site in settings.sites if site.tls is not Tls.OFF]
    names = [*(site.host for site in served), *([login.host] if login else ())]
    return render(
        "caddy/Caddyfile.j2",
        places=places,
        caddy=caddy,
        sites=[_site(site) for site in settings.sites],
        login=login if login and login.host not in hosts else None,
        served=bool(names),
        names=dict.fromkeys(names),
        internal=Tls.INTERNAL in {*(s.tls for s in served), login and login.tls},
        trusted=" ".join(trusted),
        cloudflare=any(site.proxied_by == "cloudflare" for site in settings.sites),
        streams=version >= STREAMS,
        reserved=RESERVED,
        stripped=STRIPPED,
        secrets=SECRETS,
        secret_answers=SECRET_ANSWERS,
        defaults=_HEADERS,
    )


def _site(site: SiteSettings) -> _Site:
    behind = proxies(site.proxied_by)
    off = site.tls is Tls.OFF
    place = site.place
    # Caddy's `unix/` is followed by the absolute path.
    upstream = {
        Kind.PORT: f"127.0.0.1:{place.where}",
        Kind.SOCKET: f"unix/{place.where}",
        Kind.FOLDER: place.where,
    }[place.kind]
    return _Site(
        address=f"http://{site.host}:{site.port}" if off else site.host,
        bind="127.0.0.1" if off else "",
        tls="" if off else site.tls.value,
        hsts=0 if off else site.hsts.seconds,
        headers={k: v.replace('"', '\\"') for k, v in site.headers.items()},
        body=site.max_body,
        proxies=" ".join(behind),
        allowed=" ".join(site.allow_from),
        preflights=site.preflights,
        guarded=site.is_guarded,
        kind=place.kind.value,
        upstream=upstream,
        hours=site.websocket_hours,
        client="client_ip" if behind else "remote_host",
        told=(*IDENTITY, ASSERTION) if site.assertion else IDENTITY,
    )
