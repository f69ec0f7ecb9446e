"""Images, built from Debian packages by mmdebstrap and shared by hosts.

They are kept below the lab's folder and built anew when their definition changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab import cache, overlay, stock
from keepgate.lab.mirror import mirrors
from keepgate.lab.run import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from keepgate.lab.mirror import Mirrors
    from keepgate.lab.site import Site

RELEASES = ("trixie", "bookworm")


@dataclass(frozen=True)
class Image:
    """A root file system that hosts share; never written to once it is built."""

    release: str
    kernel: bool
    path: Path


def ensure(
    site: Site,
    release: str,
    *,
    kernel: bool = False,
    told: Callable[[str], None] = lambda _text: None,
) -> Image:
    """Return the image of *release*, built if need be (half a minute).

    A crash in the middle leaves nothing that is taken for an image.

    Raises:
        LabError: mmdebstrap failed.
    """
    flavour = f"{release}-vm" if kernel else release
    path = site.folder / "images" / f"{flavour}-{_digest(release, kernel=kernel)}"
    with site.locked(f"image-{flavour}"):
        if not path.is_dir():
            told(f"building the image of {release} once; this takes a minute")
            _build(site, path, release, kernel=kernel)
            _forget_older(site, path, flavour)
    return Image(release, kernel, path)


def _digest(release: str, *, kernel: bool) -> str:
    kind = f"{release} {kernel} updated" if kernel else f"{release} {kernel}"
    definition = Path(stock.__file__).read_bytes() + kind.encode()
    return hashlib.sha256(definition).hexdigest()[:12]


def _origins(release: str, found: Mirrors, *, kernel: bool) -> list[str]:
    """Return where mmdebstrap takes packages from.

    A virtual machine gets the security updates of the day, too: its kernel is the
    one of the image, so an update that a run installs is minutes of emulation for a
    kernel that never boots.
    """
    if not kernel:
        return [found.archive]
    return [
        f"deb {found.archive} {release} main",
        f"deb {found.archive} {release}-updates main",
        f"deb {found.security} {release}-security main",
    ]


def _build(site: Site, path: Path, release: str, *, kernel: bool) -> None:
    for abandoned in path.parent.glob(f"{path.name}.[0-9]*.partial"):
        shutil.rmtree(abandoned, ignore_errors=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    packages = stock.PACKAGES + (stock.KERNEL if kernel else ())
    found, proxy = mirrors(), cache.address(site)
    try:
        run(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(packages)}",
            f'--aptopt=Acquire::http::Proxy "{proxy}"',
            "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
            release,
            str(partial),
            *_origins(release, found, kernel=kernel),
            timeout=900,
        )
        stock.dress(partial, release, found, proxy)
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _forget_older(site: Site, path: Path, flavour: str) -> None:
    """Remove images of older definitions, but for those that hosts stand on."""
    for other in path.parent.iterdir():
        stem = other.name.split(".")[0]
        if stem.rpartition("-")[0] != flavour or stem == path.name:
            continue
        if other.is_dir() and other not in overlay.used(site):
            shutil.rmtree(other, ignore_errors=True)
        elif other.is_file():
            other.unlink()
