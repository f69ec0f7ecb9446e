"""A container's root: a layer of its own over layers that hosts share."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from keepgate.lab.run import LabUsageError, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keepgate.lab.host import LabHost
    from keepgate.lab.site import Site


def lay(host: LabHost, lower: Sequence[Path], *, disk: str = "") -> None:
    """Prepare a root over *lower* (uppermost first) and mount it.

    With *disk* ("64M") what the host writes goes to a file system of that size,
    so that it can really fill up.

    Raises:
        LabUsageError: the folder's name cannot be given to mount.
    """
    if {",", ":", "\\"} & set(str(host.folder)):
        message = f"no overlay can be mounted in {host.folder.parent}"
        fix = "name a folder without comma, colon and backslash in KEEPGATE_HOME"
        raise LabUsageError(message, fix)
    host.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    _layers(host).write_text("".join(f"{path}\n" for path in lower))
    if disk:
        image = host.folder / "disk.ext4"
        quiet = ("-q", "-m", "0", "-O", "^has_journal")
        run("mkfs.ext4", *quiet, str(image), disk)
    mount(host)


def mount(host: LabHost) -> None:
    """Have the host's root mounted."""
    image, disk = host.folder / "disk.ext4", host.folder / "disk"
    if image.exists() and not os.path.ismount(disk):
        disk.mkdir(exist_ok=True)
        run("mount", "-o", "loop", str(image), str(disk))
    upper = _upper(host)
    for path in (upper, upper.with_name("work"), host.root):
        path.mkdir(exist_ok=True)
    if not os.path.ismount(host.root):
        lower = ":".join(_layers(host).read_text().splitlines())
        options = f"lowerdir={lower},upperdir={upper},workdir={upper.parent}/work"
        run("mount", "-t", "overlay", "overlay", "-o", options, str(host.root))


def unmount(host: LabHost) -> None:
    """Unmount the host's root; it being gone already is fine."""
    for point in (host.root, host.folder / "disk"):
        while os.path.ismount(point):
            if run("umount", str(point), check=False).returncode:
                run("umount", "-l", str(point))


def freeze(site: Site, host: LabHost) -> list[Path]:
    """Turn all that a stopped *host* wrote into a layer and return its layers.

    Nothing is copied: the host itself goes on above that layer, like its clones.

    Raises:
        LabUsageError: the host is running, or its disk is limited.
    """
    if host.running:
        message = f"{host.name} is running, and a clone needs it to stand still"
        raise LabUsageError(message, f"keepgate lab stop {host.name}")
    upper = _upper(host)
    if upper.parent != host.folder:
        message = f"{host.name} has a limited disk, which cannot be shared"
        raise LabUsageError(message, "begin as a host without a limit")
    below = [Path(line) for line in _layers(host).read_text().splitlines()]
    if any(upper.iterdir()):
        frozen = site.folder / "layers" / f"{host.name}-{secrets.token_hex(4)}"
        frozen.parent.mkdir(mode=0o700, exist_ok=True)
        below = [frozen, *below]
        unmount(host)
        _layers(host).write_text("".join(f"{path}\n" for path in below))
        upper.rename(frozen)
        mount(host)
    return below


def used(site: Site) -> set[Path]:
    """Return every layer and image that some host stands on."""
    found = set()
    for file in (site.folder / "hosts").glob("*/layers"):
        with suppress(FileNotFoundError):
            found |= {Path(line) for line in file.read_text().splitlines()}
    return found


def prune(site: Site) -> None:
    """Remove the layers that no host stands on any more."""
    folder = site.folder / "layers"
    if folder.is_dir():
        for path in set(folder.iterdir()) - used(site):
            shutil.rmtree(path, ignore_errors=True)


def _layers(host: LabHost) -> Path:
    return host.folder / "layers"


def _upper(host: LabHost) -> Path:
    if (host.folder / "disk.ext4").exists():
        return host.folder / "disk" / "upper"
    return host.folder / "upper"
