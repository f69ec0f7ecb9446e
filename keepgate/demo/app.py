"""The example app on the demo's host, started before there is a gate before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keepgate import lab
from keepgate.inventory.home import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from keepgate.lab import LabHost

SOURCE: Final = PROJECT / "examples" / "whoami"
FILES: Final = {
    "/opt/whoami/whoami.py": SOURCE / "whoami.py",
    "/opt/whoami/page.html": SOURCE / "page.html",
    "/etc/systemd/system/whoami.service": SOURCE / "systemd/whoami.service",
    "/etc/systemd/system/whoami.socket": SOURCE / "systemd/whoami.socket",
}
_END: Final = "KEEPGATE_FILE"


def start(host: LabHost) -> None:
    """Put whoami on *host* as its README says, and have systemd listen for it.

    Raises:
        LabError: the host does not take it.
    """
    lab.execute(host, script({path: _text(file) for path, file in FILES.items()}))


def script(files: dict[str, str]) -> str:
    """Return the shell text that puts *files* (content by path) in place."""
    lines = [
        "set -eu",
        "umask 022",
        "mkdir -p /opt/whoami",
        # Caddy comes later; its package takes the group as it is.
        "getent group caddy >/dev/null || groupadd --system caddy",
    ]
    for path, text in files.items():
        lines.append(f"cat >{path} <<'{_END}'\n{text}{_END}")
    return "\n".join([*lines, "systemctl -q enable --now whoami.socket", ""])


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
