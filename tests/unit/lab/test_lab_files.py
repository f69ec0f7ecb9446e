"""What the lab remembers and writes: hosts, inventory, numbers, settings borrowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from keepgate.lab import access, machine
from keepgate.lab import host as hosts
from keepgate.lab.host import LabHost
from keepgate.lab.mirror import Mirrors, mirrors, parse
from keepgate.lab.run import LabUsageError
from keepgate.lab.site import Site, derive

INDEX = """\
Packages main http://mirror.example/debian/
DEP-11 main http://other.example/debian/
Packages contrib http://third.example/debian/
Packages main http://mirror.example/debian-security/
Packages main https://tools.example/apt/
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a lab without anything in it."""
    (tmp_path / "hosts").mkdir()
    return Site(tmp_path, 101)


@pytest.fixture
def web(site: Site) -> LabHost:
    """Return a host that was never booted."""
    return LabHost(
        name="web",
        suffix=20,
        address4=site.address4(20),
        address6=site.address6(20),
        release="trixie",
        backend="nspawn",
        variant="cloud",
        login="debian",
        key=site.key,
        folder=site.folder / "hosts" / "web",
    )


def test_hosts_are_remembered(site: Site, web: LabHost) -> None:
    """What was saved is loaded, field by field."""
    hosts.save(site, web)

    assert {"web": web} == hosts.load(site)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "x"}', "\xff"])
def test_a_damaged_file_hides_no_other_host(
    site: Site, web: LabHost, text: str
) -> None:
    """A file that is no host's is passed over."""
    hosts.save(site, web)
    (site.folder / "hosts" / "x.json").write_text(text, encoding="latin-1")

    assert ["web"] == list(hosts.load(site))


def test_a_program_that_took_over_the_number_is_not_the_host(web: LabHost) -> None:
    """A process id alone proves nothing."""
    assert not replace(web, pid=1).running


def test_the_inventory_names_every_host(site: Site, web: LabHost) -> None:
    """Address, login, key and pinned host keys are those of the lab."""
    said = yaml.safe_load(access.inventory_text(site, [web]))

    assert {"web": {"address": "198.18.101.20", "login": "debian"}} == said["hosts"]
    assert str(site.known_hosts) == said["defaults"]["known_hosts"]
    assert str(site.key) == said["defaults"]["key"]


def test_an_inventory_without_hosts_is_still_one(site: Site) -> None:
    """`hosts` is there and empty."""
    assert yaml.safe_load(access.inventory_text(site, []))["hosts"] == {}


def test_apt_names_the_mirrors() -> None:
    """The first archive with `main` counts, and the first of security updates."""
    expected = Mirrors(
        "http://mirror.example/debian", "http://mirror.example/debian-security"
    )

    assert expected == parse(INDEX)


@pytest.mark.parametrize("text", ["", "\n\n", "Packages", "Packages main nonsense"])
def test_apt_without_debian_names_none(text: str) -> None:
    """Whatever apt says, nothing is invented."""
    assert Mirrors("", "") == parse(text)


def test_a_named_mirror_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The security updates stand beside it unless they are named, too."""
    monkeypatch.setenv("KEEPGATE_MIRROR", "http://near.example/debian/")
    monkeypatch.delenv("KEEPGATE_SECURITY_MIRROR", raising=False)
    expected = Mirrors(
        "http://near.example/debian", "http://near.example/debian-security"
    )

    assert expected == mirrors()

    monkeypatch.setenv("KEEPGATE_SECURITY_MIRROR", "http://safe.example/updates")

    assert mirrors().security == "http://safe.example/updates"


def test_no_mirror_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy names the variable."""
    monkeypatch.delenv("KEEPGATE_MIRROR", raising=False)
    monkeypatch.setattr("keepgate.lab.mirror._targets", lambda: "")

    with pytest.raises(LabUsageError) as caught:
        mirrors()

    assert "KEEPGATE_MIRROR" in caught.value.fix


def test_a_labs_number_is_its_own() -> None:
    """The number follows from the folder, and stays when the bridge is its own."""
    folder = Path("/somewhere/lab")
    number = derive(folder, {})

    assert number in range(100, 250)
    assert number == derive(folder, {number: str(folder)})


def test_a_number_that_another_lab_uses_is_passed_over() -> None:
    """Two labs whose numbers would be equal get different ones."""
    folder = Path("/somewhere/lab")
    number = derive(folder, {})

    assert number != derive(folder, {number: "/elsewhere/lab"})


def test_borrowed_settings_are_given_back(tmp_path: Path) -> None:
    """What was too low is raised; the last lab to go restores just that."""
    proc = tmp_path / "proc"
    values = {"net/ipv4/ip_forward": "0", "fs/inotify/max_user_instances": "9999"}
    for name, value in values.items():
        (proc / name).parent.mkdir(parents=True, exist_ok=True)
        (proc / name).write_text(value)

    machine.prepare(proc, tmp_path / "run")
    machine.prepare(proc, tmp_path / "run")

    assert (proc / "net/ipv4/ip_forward").read_text() == "1"
    assert (proc / "fs/inotify/max_user_instances").read_text() == "9999"

    machine.restore(proc, tmp_path / "run")

    assert values == {name: (proc / name).read_text() for name in values}
