"""Programs that tests need from the machine; `.ci/setup` installs them."""

from __future__ import annotations

import os
import shutil
import socket
import sysconfig
from pathlib import Path

import pytest

MAY_SKIP = "KEEPGATE_MAY_SKIP"
"""Set by `make test-fast`, which may run where nothing can be installed."""


def needed(program: str, *, own: bool = False) -> str:
    """Return the path of *program*; fail the test where it is missing.

    With *own*, the one that the locked environment brings. A machine without root
    cannot install Debian's packages: there `make test-fast` has such tests skipped.
    """
    path = shutil.which(program, path=sysconfig.get_path("scripts") if own else SYSTEM)
    if path is not None:
        return path
    reason = f"{program} is missing; `.ci/setup lab` installs it"
    if os.environ.get(MAY_SKIP) and not own:
        pytest.skip(reason)
    pytest.fail(reason)


def listens(path: Path) -> bool:
    """Whether something answers at the unix socket *path*; it is there earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where Debian's programs are; the environment's own stand before them in PATH."""
