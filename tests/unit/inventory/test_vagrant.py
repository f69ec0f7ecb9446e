"""Vagrant's answer becomes how a host is reached; settings come from the inventory."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from keepgate.inventory import InventoryError, host_data, load
from keepgate.inventory.home import PROJECT

Write = Callable[[str], Path]
Fake = Callable[[str], None]

TEXT = """
    vagrant: true
    defaults:
      operator: {name: keeper, keys: [operator.pub]}
      accounts: {adopt: [vagrant]}
    hosts:
      trixie:
"""

# What Vagrant 2.3.4 and 2.4 print for a machine with two keys.
ANSWER = """\
Host trixie
  HostName 127.0.0.1
  User vagrant
  Port 2222
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "FOLDER/operator"
  IdentityFile /nowhere/insecure_private_key
  IdentitiesOnly yes
  LogLevel FATAL

"""


@pytest.fixture
def vagrant(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return a function that makes `vagrant` run the given shell text."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")

    def answering(script: str) -> None:
        program = programs / "vagrant"
        program.write_text(f"#!/bin/sh\n{script}\n".replace("FOLDER", str(folder)))
        program.chmod(0o755)

    return answering


def test_the_machine_is_reached_as_vagrant_says(
    write: Write, folder: Path, vagrant: Fake
) -> None:
    """Address, port, login and the first key come from `vagrant ssh-config NAME`."""
    vagrant(f'[ "$*" = "ssh-config trixie" ] || exit 9\ncat <<"X"\n{ANSWER}X')

    (host,) = load(write(TEXT)).hosts

    assert ("127.0.0.1", 2222, "vagrant", folder / "operator") == (
        host.address,
        host.port,
        host.login,
        host.key,
    )
    assert host.settings.accounts.adopt == ("vagrant",)


def test_vagrants_contempt_for_host_keys_is_not_shared(
    write: Write, vagrant: Fake
) -> None:
    """Host keys are checked whatever Vagrant's own configuration says."""
    vagrant(f'cat <<"X"\n{ANSWER}X')

    data = host_data(load(write(TEXT)).hosts[0])

    assert data["ssh_strict_host_key_checking"] == "yes"
    assert data["ssh_known_hosts_file"].endswith("/known_hosts")


def test_what_the_inventory_says_wins(write: Write, vagrant: Fake) -> None:
    """Vagrant's answer lies below the defaults."""
    vagrant(f'cat <<"X"\n{ANSWER}X')

    (host,) = load(write(TEXT.replace("defaults:", "defaults:\n      port: 22"))).hosts

    assert (22, "127.0.0.1") == (host.port, host.address)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ('echo "The machine is not created" >&2; exit 1', "The machine is not created"),
        ("exit 1", "Vagrant says: nothing"),
        ("echo", "`login` is missing for trixie"),
        ('printf "Host trixie\\n User v\\n Port x\\n"', "must be a whole number"),
        ('printf "Host trixie\\n User v\\n Port 99999\\n"', "must be at most 65535"),
    ],
)
def test_what_vagrant_cannot_tell(
    write: Write, vagrant: Fake, script: str, what: str
) -> None:
    """A machine that does not run, or an odd answer, is a problem of the host."""
    vagrant(script)

    with pytest.raises(InventoryError) as caught:
        load(write(TEXT))

    (problem,) = caught.value.problems
    assert what in problem.what
    assert problem.key.startswith("hosts.trixie")


def test_without_vagrant(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no Vagrant is sent to the lab."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InventoryError, match="Vagrant is not installed"):
        load(write(TEXT))


@pytest.mark.skipif(shutil.which("vagrant") is None, reason="needs Vagrant")
def test_the_vagrantfile_is_valid(tmp_path: Path) -> None:
    """Vagrant itself reads our Vagrantfile, in a folder of its own."""
    shutil.copy(PROJECT / "Vagrantfile", tmp_path)

    done = subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
