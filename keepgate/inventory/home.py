"""Where Keepgate remembers things on this machine, and how paths are read."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from deploys.common.errors import KeepgateError

PROJECT: Final = Path(__file__).resolve().parents[2]
"""Root of the clone that Keepgate runs from."""

_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")


def home() -> Path:
    """Return the state folder, made with mode 0700 if need be.

    `$KEEPGATE_HOME` names it, else it is `.keepgate` in the project's root. It
    holds `known_hosts`, the lab, and what is remembered of each host.

    Raises:
        KeepgateError: it cannot be made, is no folder, or is not ours alone.
    """
    named = os.environ.get("KEEPGATE_HOME", "")
    path = Path(named).expanduser().absolute() if named else PROJECT / ".keepgate"
    fix = "name a folder of your own in KEEPGATE_HOME"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_private(path, ours=not named)
    except OSError as error:
        message = f"the state folder {path} cannot be used: {error.strerror}"
        raise KeepgateError(message, fix) from error
    return path


def _keep_private(path: Path, *, ours: bool) -> None:
    """Close *path* to others if it is *ours* or empty.

    A folder with other things in it is never closed: it may be /tmp, named by
    mistake, and everybody's. Root takes the folder of whoever called sudo.

    Raises:
        KeepgateError: others could put their known_hosts into it.
    """
    seen = path.stat()
    mode = stat.S_IMODE(seen.st_mode)
    if seen.st_uid != os.geteuid():
        if os.geteuid() == 0 and not mode & 0o022:
            return
        message = f"the state folder {path} belongs to somebody else"
        raise KeepgateError(message, "name a folder of your own in KEEPGATE_HOME")
    if not mode & 0o077:
        return
    if not (ours or next(path.iterdir(), None) is None):
        message = f"the state folder {path} is open to others (mode {mode:04o})"
        fix = f"`chmod 700 {path}` if it is Keepgate's alone, else name another one"
        raise KeepgateError(message, f"{fix} in KEEPGATE_HOME")
    path.chmod(0o700)


def resolve(text: str, base: Path) -> Path:
    """Return the absolute path that *text* of an inventory in folder *base* means.

    `~` and `$KEEPGATE_HOME` expand; a relative path is relative to *base*.

    Raises:
        ValueError: another variable, an unknown user, or no path at all.
    """
    for name in _VARIABLE.findall(text):
        if name != "KEEPGATE_HOME":
            message = f"${name} is not expanded; only ~ and $KEEPGATE_HOME are"
            raise ValueError(message)
    if not text or "\0" in text:
        message = "this is no path"
        raise ValueError(message)
    text = _VARIABLE.sub(lambda _: str(home()), text)
    try:
        return Path(os.path.normpath(base / Path(text).expanduser()))
    except RuntimeError as error:
        message = "the user after ~ is not known here"
        raise ValueError(message) from error
