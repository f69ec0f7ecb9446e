"""The wheel that is made of the checkout, and the lock beside it."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from deploys.agent import wheel, wheelhouse
from deploys.common.errors import KeepgateError

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the agent's folder, to change."""
    ignore = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(wheel.ROOT, tmp_path / "agent", ignore=ignore))


def test_the_wheel_runs_where_it_is_unpacked(tmp_path: Path) -> None:
    """Templates, migrations and all: a program made of nothing else starts."""
    made = wheel.build()
    zipfile.ZipFile(io.BytesIO(made.data)).extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from auth_agent.cli "
    code += "import main; import auth_agent; assert auth_agent.__file__.startswith("
    code += f"{str(tmp_path)!r}); main(['example-config'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "[login]" in done.stdout
    tree = {
        str(path.relative_to(wheel.ROOT / "src"))
        for path in (wheel.ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tree <= {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}


def test_its_record_names_every_file_with_its_digest() -> None:
    """An installer checks by it, and removes by it."""
    archive = zipfile.ZipFile(io.BytesIO(wheel.build().data))
    (record,) = [name for name in archive.namelist() if name.endswith("/RECORD")]
    rows = list(csv.reader(archive.read(record).decode().splitlines()))

    assert set(archive.namelist()) == {row[0] for row in rows}
    for name, digest, size in rows:
        if name != record:
            content = archive.read(name)
            algorithm, _, text = digest.partition("=")
            assert (
                urlsafe_b64decode(text + "=")
                == hashlib.new(algorithm, content).digest()
            )
            assert int(size) == len(content)


def test_like_sources_make_like_wheels(copy: Path) -> None:
    """A second run finds nothing to install."""
    again = wheel.build(copy)

    assert wheel.build().data == again.data
    assert wheel.build().release((3, 11)) == again.release((3, 11))


def test_a_change_makes_another_release(copy: Path, tmp_path: Path) -> None:
    """Of a file, of a dependency, of Python."""
    known = wheel.build(copy)
    other = tmp_path / "requirements.txt"
    other.write_bytes(wheel.REQUIREMENTS.read_bytes() + b"# other\n")
    locked = wheel.build(copy, other)
    wheel.build.cache_clear()
    (copy / "src/auth_agent/new.py").write_text("")
    changed = wheel.build(copy)

    assert 4 == len(
        {
            known.release((3, 13)),
            known.release((3, 11)),
            locked.release((3, 13)),
            changed.release((3, 13)),
        }
    )


def test_without_sources_it_says_so(tmp_path: Path) -> None:
    """An installation without a checkout cannot install the agent."""
    with pytest.raises(KeepgateError, match="sources are not here"):
        wheel.build(tmp_path)


def test_requirements_are_those_of_the_lock() -> None:
    """Versions and hashes of uv.lock, of all that the agent needs and nothing else."""
    with (PROJECT / "uv.lock").open("rb") as file:
        packages = {one["name"]: one for one in tomllib.load(file)["package"]}
    needed, found = ["auth-agent"], set[str]()
    while needed:
        name = needed.pop()
        for dependency in packages[name].get("dependencies", ()):
            if dependency["name"] not in found:
                found.add(dependency["name"])
                needed.append(dependency["name"])
    text = wheel.REQUIREMENTS.read_text().replace("\\\n", "")
    pinned = {}
    for line in text.splitlines():
        match = re.match(r"([a-z0-9-]+)==(\S+)", line)
        assert match is not None, line
        pinned[match[1]] = (match[2], set(re.findall(r"--hash=(\S+)", line)))

    # `colorama` is what click needs on Windows.
    assert found - {"colorama"} == set(pinned)
    for name, (version, hashes) in pinned.items():
        files = [*packages[name]["wheels"], packages[name].get("sdist", {})]
        known = {one["hash"] for one in files if one}
        assert (packages[name]["version"], known) == (version, hashes), name


def test_wheels_of_the_hosts_glibc_are_chosen() -> None:
    """The newest that it can run first, none that it cannot."""
    platforms = wheelhouse.Machine((3, 11), "aarch64", 36).platforms

    assert "manylinux_2_36_aarch64" == platforms[0]
    assert ("manylinux_2_17_aarch64", "manylinux2014_aarch64") == platforms[-2:]


def test_what_is_pushed_arrives_whole(tmp_path: Path) -> None:
    """Byte for byte, by nothing but the tools of any Debian."""
    files = {"a.whl": bytes(range(256)) * 999, "requirements.txt": b"x"}
    text = f"pushed={tmp_path}\n{wheelhouse.unpacking(files)}"
    subprocess.run(["sh", "-eu"], input=text.encode(), check=True)

    assert files == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
