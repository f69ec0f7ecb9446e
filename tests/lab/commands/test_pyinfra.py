"""The same work with pyinfra's own command line."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploys.caddy import places
from keepgate import lab
from tests.lab.agent.outside import Outside
from tests.lab.commands.conftest import booted, gets_in, keepgate, write_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("pyinfra")]
_ROOT = Path(lab.__file__).parents[2]
SITES: dict[str, Any] = {
    "sites": [{"host": "app.kg.test", "upstream": "/srv/www", "tls": "internal"}],
    "caddy": {"login": {"host": "auth.kg.test", "tls": "internal"}},
}
LEADS_TO_LOGIN = "302 https://auth.kg.test/login"


@pytest.fixture(scope="module")
def twins() -> Iterator[list[LabHost]]:
    """Two stock hosts that differ in name and address alone."""
    with booted(prefix="twin", count=2) as hosts:
        yield hosts


def _asked(host: LabHost) -> str:
    """Return status and place of the answer to somebody whom nobody knows."""
    root = lab.execute(host, f"cat {places.ROOT}")
    ask = Outside(host.address4, ssl.create_default_context(cadata=root))
    name = SITES["sites"][0]["host"]
    page = ask("GET", "/", {"Host": name, "Sec-Fetch-Mode": "navigate"}, "")
    return f"{page.status} {page.header('location').partition('?')[0]}"


def pyinfra(inventory: Path) -> subprocess.CompletedProcess[str]:
    """Run the site with pyinfra's own command, as a user would."""
    own = inventory.with_suffix(".py")
    own.write_text((_ROOT / "inventories/demo.py").read_text())
    program = Path(sys.executable).with_name("pyinfra")
    return subprocess.run(
        [str(program), "-y", str(own), "deploys/site.py"],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )


def files_of(host: LabHost, paths: list[str]) -> dict[str, str]:
    """Return owner, mode and digest of every path on *host*."""
    text = "\n".join(
        f"stat -c '%n %U:%G %a' {path}; [ -d {path} ] || sha256sum < {path}"
        for path in paths
    )
    lines = lab.execute(host, f"({text}) 2>&1", check=False).replace("\n/", "\0/")
    return {part.split()[0]: part for part in lines.split("\0")}


class TestPyinfra:
    """One twin by `keepgate apply`, the other by pyinfra."""

    def test_gives_the_same_host(self, twins: list[LabHost], tmp_path: Path) -> None:
        """Every managed file is alike, `plan` finds nothing to do, sites are shut."""
        ours, theirs = twins
        for host in twins:
            lab.execute(host, "mkdir -p /srv/www; echo inside >/srv/www/index.html")
        first = write_inventory(tmp_path / f"{ours.name}.yml", [ours], **SITES)
        second = write_inventory(tmp_path / f"{theirs.name}.yml", [theirs], **SITES)

        applied = keepgate("apply", first, "--json", seconds=600)
        run = pyinfra(second)

        assert 0 == applied.code, applied.only["message"]
        assert 0 == run.returncode, run.stdout + run.stderr
        paths = [d["path"] for p in applied.only["plans"] for d in p["diffs"]]
        assert paths
        assert files_of(ours, paths) == files_of(theirs, paths)
        planned = keepgate("plan", second, "--json")
        assert (0, "ok") == (planned.code, planned.only["status"]), planned.out
        assert gets_in(theirs)
        assert [LEADS_TO_LOGIN] * 2 == [_asked(host) for host in twins]

    def test_tells_a_refusal_and_fails(
        self, twins: list[LabHost], tmp_path: Path
    ) -> None:
        """A host that must not be touched is told with the remedy; status 1."""
        host = twins[1]
        operator = {
            "name": "keeper",
            "keys": [f"{host.key}.pub"],
            "networks": ["192.0.2.0/24"],
        }
        path = write_inventory(tmp_path / f"{host.name}.yml", [host], operator=operator)

        run = pyinfra(path)

        assert 0 != run.returncode
        said = run.stdout + run.stderr
        assert "which is in none of operator.networks" in said
        assert "Traceback" not in said
