"""The agent as a wheel, made from the checkout; needs no build tool and no network.

The format is that of the binary distribution format's specification 1.0
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
"""

from __future__ import annotations

import base64
import hashlib
import io
import tomllib
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from deploys.common.errors import KeepgateError

ROOT: Final = Path(__file__).resolve().parents[2] / "auth_agent"
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
"""Every dependency with its hashes, as `uv export` writes them from uv.lock."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can tell
_WHEEL: Final = (
    "Wheel-Version: 1.0\nGenerator: keepgate\n"
    "Root-Is-Purelib: true\nTag: py3-none-any\n"
)


@dataclass(frozen=True)
class Wheel:
    """A wheel: its file's name, its bytes, and what tells it from any other.

    *digest* is one of what is installed: the agent's files and its dependencies.
    """

    version: str
    data: bytes
    digest: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"auth_agent-{self.version}-py3-none-any.whl"

    def release(self, python: tuple[int, int]) -> str:
        """Return the name of an environment that holds it, for *python*."""
        return f"{self.version}-{self.digest}-py{python[0]}.{python[1]}"


@cache
def build(root: Path = ROOT, requirements: Path = REQUIREMENTS) -> Wheel:
    """Return the wheel of the agent in the folder *root*; alike for alike sources.

    Raises:
        KeepgateError: there is no agent in the folder.
    """
    try:
        with (root / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file)["project"]
        files = _sources(root / "src")
        locked = requirements.read_bytes()
    except OSError as error:
        message = f"the agent's sources are not here: {error}"
        fix = "run Keepgate from its checkout, or take the sites behind login out"
        raise KeepgateError(message, fix) from error
    info = f"auth_agent-{project['version']}.dist-info"
    files |= {
        f"{info}/METADATA": _metadata(project),
        f"{info}/WHEEL": _WHEEL.encode(),
        f"{info}/entry_points.txt": _scripts(project),
    }
    digest = hashlib.sha256(locked)
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    record = f"{info}/RECORD"
    lines = [_recorded(name, content) for name, content in sorted(files.items())]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    return Wheel(project["version"], _zipped(files), digest.hexdigest()[:12])


def _sources(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "auth_agent").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _metadata(project: dict[str, Any]) -> bytes:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {one}" for one in project["dependencies"]),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _scripts(project: dict[str, Any]) -> bytes:
    scripts = [f"{name} = {what}\n" for name, what in project["scripts"].items()]
    return "".join(["[console_scripts]\n", *scripts]).encode()


def _recorded(name: str, content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"{name},sha256={text},{len(content)}\n"


def _zipped(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return whole.getvalue()
