"""Settings of where the package `caddy` comes from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from deploys.common.model import Model

URL: Final = "https://dl.cloudsmith.io/public/caddy/stable/deb/debian"
"""Where Caddy's makers publish their packages."""


class Package(StrEnum):
    """Whose package of Caddy is installed.

    `auto` is that of Caddy's own archive where it can be reached when Caddy is
    installed, else Debian's; `archive` insists on the former.
    """

    AUTO = "auto"
    ARCHIVE = "archive"
    DEBIAN = "debian"


class ArchiveSettings(Model):
    """An apt archive that holds the package `caddy`: Caddy's own, or a copy of it.

    Nothing else is ever installed from it, and nothing that another key has signed.
    """

    url: Annotated[
        str,
        StringConstraints(
            pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~-]+)*$"
        ),
        Field(title="http or https address"),
    ] = Field(default=URL, description="Its address, without a slash at the end.")
    suite: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$")] = Field(
        default="any-version", description="The folder below `dists`."
    )
    key: (
        Annotated[
            str,
            StringConstraints(
                strip_whitespace=True,
                pattern=r"^-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
                r"([A-Za-z0-9+/=:.,@<>() -]*\n)+"
                r"-----END PGP PUBLIC KEY BLOCK-----$",
            ),
            Field(title="armored OpenPGP key"),
        ]
        | None
    ) = Field(
        default=None,
        description="The OpenPGP key that signs it, armored; without one it is the key "
        "of Caddy's makers, which Keepgate brings along.",
    )

    @property
    def site(self) -> str:
        """The name of its server, by which apt tells archives apart."""
        return urlsplit(self.url).hostname or ""
