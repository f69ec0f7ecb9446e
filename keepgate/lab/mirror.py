"""Where Debian's packages come from: this machine's own apt knows."""

from __future__ import annotations

import os
from functools import cache as once
from typing import NamedTuple

from keepgate.lab.run import LabUsageError, run

_FORMAT = "$(CREATED_BY) $(COMPONENT) $(REPO_URI)"


class Mirrors(NamedTuple):
    """Addresses of Debian's archive and of its security updates."""

    archive: str
    security: str


def mirrors() -> Mirrors:
    """Return what `$KEEPGATE_MIRROR` names, else what apt uses for Debian.

    `$KEEPGATE_SECURITY_MIRROR` names the other; without it, it is taken to stand
    beside the archive, as it does on every full mirror.

    Raises:
        LabUsageError: there is no variable, and apt uses no Debian mirror.
    """
    named = os.environ.get("KEEPGATE_MIRROR", "").rstrip("/")
    security = os.environ.get("KEEPGATE_SECURITY_MIRROR", "").rstrip("/")
    found = Mirrors(named, "") if named else parse(_targets())
    if not found.archive:
        message = "apt on this machine has no Debian mirror"
        fix = "name one in KEEPGATE_MIRROR, with http:// and up to /debian"
        raise LabUsageError(message, fix)
    beside = f"{found.archive}-security"
    return Mirrors(found.archive, security or found.security or beside)


def parse(targets: str) -> Mirrors:
    """Return the mirrors among apt's index *targets*, each "" when not there."""
    archive = security = ""
    for line in targets.splitlines():
        kind, component, address = (*line.split(), "", "", "")[:3]
        address = address.rstrip("/")
        if kind != "Packages" or component != "main" or "://" not in address:
            continue
        if not archive and address.endswith("/debian"):
            archive = address
        if not security and address.endswith("/debian-security"):
            security = address
    return Mirrors(archive, security)


@once
def _targets() -> str:
    return run("apt-get", "indextargets", "--format", _FORMAT, check=False).stdout
