"""A host with a current Caddy, of an archive that this machine serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.caddy.archive import archive
from tests.lab.caddy.authority import own_address
from tests.lab.caddy.hosts import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost
    from tests.lab.caddy.archive import Archive
    from tests.lab.caddy.hosts import Served

FIRST = "2.11.7"
TOPICS = ("firewall", "updates", "caddy")


@pytest.fixture(scope="session")
def source(
    hardened: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    """An archive with a current Caddy, and with what no host may take from there."""
    folder = tmp_path_factory.mktemp("archive")
    with archive(folder, own_address(hardened.address4)) as made:
        made.add_caddy(FIRST)
        made.add_stranger("bash")
        made.add_stranger("whatever")
        made.publish("theirs")
        yield made


@pytest.fixture(scope="session")
def current(
    source: Archive, hardened: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A host whose Caddy was installed by the default, which takes the archive's."""
    with prepared(tmp_path_factory.mktemp("web"), source=hardened.name) as made:
        begin(made)
        made.package = from_archive(source)
        made.first = made.apply(topics=TOPICS)
        yield made


def begin(host: Served) -> None:
    """Have the agent's stub answer, and apt reach the archive past the lab's cache."""
    host.start_stub("agent")
    proxy = f"Acquire::http::Proxy::{own_address(host.host.address4)}"
    host.sh(f"echo '{proxy} \"DIRECT\";' >/etc/apt/apt.conf.d/90archive")


def from_archive(
    source: Archive, *, package: str = "auto", key: str = "theirs"
) -> dict[str, Any]:
    """Return settings of `caddy` by which the package is that of *source*."""
    return {"package": package, "archive": source.settings(key)}
