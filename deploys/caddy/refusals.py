"""Why the sites of a host cannot be served as it is now, each with its remedy."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from deploys.caddy import places
from deploys.caddy.caddyfile import TRUST
from deploys.caddy.facts import acme_names
from deploys.caddy.fields import Kind
from deploys.caddy.ports import HTTP, HTTPS
from deploys.common.changes import FileState, Foreign, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.caddy.facts import CaddyHost
    from deploys.common import files
    from deploys.common.networks import IPAddress
    from deploys.settings import Settings

HELD: Final = "held"
"""What the host answers for a name whose certificate it has."""

_OURS: Final = b"Managed by Keepgate"


def is_ours(state: files.Observed) -> bool:
    """Whether *state* is a file that Keepgate has written."""
    return isinstance(state, FileState) and _OURS in state.content


def impossible(settings: Settings, seen: CaddyHost) -> Iterator[Refusal]:
    """Give what no waiting mends: it refuses the host whatever is to be changed."""
    proxied = [site.host for site in settings.sites if site.proxied_by != "none"]
    if proxied and seen.version and seen.version < TRUST:
        version = ".".join(map(str, seen.version))
        yield Refusal(
            "caddy-version",
            f"{proxied[0]} is `proxied_by`, and Caddy {version} cannot tell a proxy's "
            "word from a client's",
            "install Caddy 2.8 or later from its own repository, or take it out",
        )
    state = seen.files.get(places.CADDYFILE)
    if isinstance(state, Foreign):
        yield Refusal(
            "caddy-foreign-path",
            f"{places.CADDYFILE} is a {state.kind}",
            "move it away: Keepgate keeps its own there",
        )
    elif state is not None and not seen.is_stock and not is_ours(state):
        yield Refusal(
            "caddy-foreign",
            f"{places.CADDYFILE} is somebody else's",
            "put what it serves into `sites`, then move it away",
        )


def unready(settings: Settings, seen: CaddyHost) -> Iterator[Refusal]:
    """Give what stands in the way of a change, and may be otherwise in a minute."""
    yield from _ports(seen)
    yield from _names(settings, seen)
    yield from _upstreams(settings, seen)


def _ports(seen: CaddyHost) -> Iterator[Refusal]:
    told = set()
    for listener in seen.listeners:
        if listener.program == "caddy" or listener in told:
            continue
        told.add(listener)
        why = {HTTP: ", by which certificates are had,", HTTPS: ""}.get(
            listener.port, ""
        )
        yield Refusal(
            "caddy-port",
            f"{listener.protocol} port {listener.port}{why} is in use by "
            f"{listener.program or 'another program'}",
            f"stop it and keep it from starting (`ss -lnp 'sport = :{listener.port}'`)",
        )


def _names(settings: Settings, seen: CaddyHost) -> Iterator[Refusal]:
    if settings.caddy.acme.directory is not None:
        return  # an authority of one's own looks names up where it likes
    proxied = {site.host for site in settings.sites if site.proxied_by != "none"}
    for name in acme_names(settings):
        answer = seen.names.get(name, ())
        if name in proxied or HELD in answer:
            continue
        if not answer:
            yield Refusal(
                "caddy-name",
                f"the name {name} does not resolve, so no certificate can be had",
                "give it an A (and AAAA) record with this host's address",
            )
            continue
        stray = strays(answer, seen.addresses)
        if stray:
            yield Refusal(
                "caddy-name",
                f"the name {name} leads to {', '.join(stray)}, which is not this host",
                "mend its A and AAAA records, or set `proxied_by`",
            )


def strays(answer: tuple[str, ...], own: tuple[IPAddress, ...]) -> list[str]:
    """Return which resolved addresses cannot be this host's.

    Behind address translation a host does not know its public address: of a family
    in which it has no public one nothing can be said.
    """
    public = {address.version for address in own if address.is_global}
    found = (ipaddress.ip_address(text.partition("%")[0]) for text in answer)
    return [
        str(address)
        for address in found
        # A host's own /etc/hosts may map its name to loopback: that tells nothing.
        if address not in own and address.version in public and not address.is_loopback
    ]


def _upstreams(settings: Settings, seen: CaddyHost) -> Iterator[Refusal]:
    what = {
        Kind.PORT: "nothing listens on port {}",
        Kind.SOCKET: "there is no socket {}",
        Kind.FOLDER: "there is no folder {}",
    }
    for site in settings.sites:
        if site.place not in seen.answering:
            kind = site.place.kind
            yield Refusal(
                "caddy-upstream",
                f"{site.host}: {what[kind].format(site.place.where)}",
                "make the folder"
                if kind is Kind.FOLDER
                else "start the app, or leave the site out until it runs",
            )
