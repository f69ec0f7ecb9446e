"""What the sites need of the packet filter; nothing when there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploys.caddy.settings import Tls

if TYPE_CHECKING:
    from deploys.caddy.settings import Proxies
    from deploys.settings import Settings

HTTP: Final = 80
HTTPS: Final = 443

# https://www.cloudflare.com/ips/ as of 2023-09-28, unchanged since.
CLOUDFLARE: Final = (
    *("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22"),
    *("141.101.64.0/18", "108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20"),
    *("197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13"),
    *("104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22"),
    *("2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32"),
    *("2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
)


@dataclass(frozen=True)
class Doors:
    """Ports that the sites need, and the networks that may reach them.

    No *networks* means everybody.
    """

    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    networks: tuple[str, ...] = ()


def proxies(setting: Proxies) -> tuple[str, ...]:
    """Return the networks that `proxied_by` names; empty for `none`."""
    if isinstance(setting, tuple):
        return setting
    return CLOUDFLARE if setting == "cloudflare" else ()


def doors(settings: Settings) -> Doors:
    """Return what the packet filter has to open for the sites of *settings*.

    Only proxies reach a host all of whose sites are proxied; UDP stays shut there,
    since proxies come by TCP.
    """
    served = [site for site in settings.sites if site.tls is not Tls.OFF]
    login = settings.caddy.login
    if not served:
        return Doors()
    behind = {network for site in served for network in proxies(site.proxied_by)}
    direct = any(site.proxied_by == "none" for site in served)
    own_login = login is not None and login.host not in {site.host for site in served}
    if behind and not direct and not own_login:
        return Doors((HTTP, HTTPS), (), tuple(sorted(behind)))
    udp = (HTTPS,) if settings.caddy.http3 else ()
    return Doors((HTTP, HTTPS), udp)
