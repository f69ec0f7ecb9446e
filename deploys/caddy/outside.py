"""What the sites show to whoever works here, asked once they are confirmed.

It is told, and undoes nothing. The address by which we reach a host over SSH need not
be that of its sites, and a firewall may stand between: what is not seen from here may
be well, and a change that the host itself has proved would be undone for nothing.
`keepgate verify` looks again, and there it counts.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SECONDS: Final = 5.0
"""For one connection, and for one answer."""

OPEN: Final = 300
"""First status that shows nothing of a site."""


@dataclass(frozen=True)
class Asked:
    """A site over TLS.

    *root* is the host's file that vouches for it, empty for the system's authorities.
    *guarded* says that nothing of it may be shown without a login.
    """

    host: str
    root: str
    _: KW_ONLY
    guarded: bool


class _To(http.client.HTTPSConnection):
    """A connection to *where*, whatever the site's name says elsewhere."""

    def __init__(
        self, where: tuple[str, int], name: str, context: ssl.SSLContext
    ) -> None:
        super().__init__(name, timeout=SECONDS, context=context)
        self._where, self._trust = where, context

    @override
    def connect(self) -> None:
        plain = socket.create_connection(self._where, timeout=SECONDS)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def remarks(
    address: str,
    read: Callable[[str], str],
    *,
    sites: Sequence[Asked],
    port: int = 443,
) -> Iterator[str]:
    """Give what is not well with *sites* at *address*, seen from here.

    *read* returns a file of the host as text. Each certificate is checked: by the
    host's file, else by this machine's authorities.
    """
    try:
        socket.create_connection((address, port), timeout=SECONDS).close()
    except OSError as error:
        yield (
            f"the sites were proved on the host, and not seen from here: port {port} "
            f"of {address} does not answer ({error}); is there a firewall between?"
        )
        return
    roots = {root: read(root) for root in {site.root for site in sites} if root}
    for site in sites:
        why = _ask((address, port), site, roots.get(site.root))
        if why:
            yield f"{site.host} was proved on the host; seen from here, {why}"


def _ask(where: tuple[str, int], site: Asked, root: str | None) -> str:
    """Return what is wrong with *site*, empty if nothing is."""
    try:
        context = ssl.create_default_context(cadata=root)
        connection = _To(where, site.host, context)
        try:
            connection.request("GET", "/")
            status = connection.getresponse().status
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        return f"its certificate does not hold: {error.verify_message}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"it does not answer over TLS: {error}"
    if site.guarded and status < OPEN:
        return f"it answers {status} without a login"
    return ""
