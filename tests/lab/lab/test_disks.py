"""A virtual machine's disk is whole before the machine is given it."""

from __future__ import annotations

import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from keepgate import lab
from keepgate.lab import qemu

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

_SIZE = 16 << 20
_SECONDS = 60


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Return a disk that is mounted at `root` beside it, as a machine's is."""
    disk = tmp_path / "lab/hosts/some/disk.img"
    root = disk.with_name("root")
    root.mkdir(parents=True)
    with disk.open("wb") as file:
        file.truncate(_SIZE)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    subprocess.run(["mount", "-o", "loop", str(disk), str(root)], check=True)
    return disk


def test_a_container_that_starts_meanwhile_does_not_keep_it(disk: Path) -> None:
    """It runs on while the disk is whole: it has no copy of the mount."""
    name = f"disks-{secrets.token_hex(3)}"
    (host,) = lab.up([name])
    try:
        qemu.unmount(disk.with_name("root"), disk)

        assert host.running
    finally:
        lab.down([name])


def test_a_copy_of_the_mount_elsewhere_is_waited_for(disk: Path) -> None:
    """Whoever else holds the disk for a moment: what was written arrives."""
    root = disk.with_name("root")
    holder = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "echo ready; read -r go"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder, ThreadPoolExecutor() as pool:
        assert holder.stdout is not None
        assert "ready\n" == holder.stdout.readline()
        (root / "note").write_text("all of it\n")

        waiting = pool.submit(qemu.unmount, root, disk)
        with pytest.raises(TimeoutError):
            waiting.result(1)
        holder.communicate("go\n", timeout=_SECONDS)

        waiting.result(_SECONDS)
    said = subprocess.run(
        ["debugfs", "-R", "cat note", str(disk)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "all of it\n" == said.stdout
