"""Whether this machine's processor really runs guests; else it is emulated.

`/dev/kvm` may be there, open, and still kill every guest: only a boot tells.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from keepgate.lab.machine import RUN
from keepgate.lab.run import spawn

_DEVICE = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SECONDS = 20.0
# Without a root to mount a kernel that runs says so, and ends.
_ALIVE = b"Unable to mount root fs"


def arguments(kernel: Path) -> tuple[str, ...]:
    """Return what tells QEMU how to run a guest with *kernel* here."""
    if works(kernel):
        return ("-accel", "kvm", "-cpu", "host")
    # A plain processor: guests use what newer ones offer (AVX), and to emulate that
    # takes longer than to do without.
    return ("-accel", "tcg,thread=multi", "-cpu", "qemu64")


def works(kernel: Path) -> bool:
    """Whether a guest survives under KVM; tried once per boot of this machine."""
    if not _DEVICE.exists():
        return False
    note = RUN / f"kvm-{_BOOT_ID.read_text().strip()}"
    if not note.exists():
        answer = "yes" if _survives(kernel) else "no"
        staged = note.with_suffix(".new")
        staged.write_text(answer)
        staged.rename(note)
    return note.read_text() == "yes"


def _survives(kernel: Path) -> bool:
    with TemporaryDirectory(prefix="keepgate-kvm-") as folder:
        log = Path(folder) / "console"
        process = spawn(
            "qemu-system-x86_64",
            *("-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "512"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"),
            *("-serial", f"file:{log}"),
        )
        deadline = time.monotonic() + _SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
        return log.exists() and _ALIVE in log.read_bytes()
