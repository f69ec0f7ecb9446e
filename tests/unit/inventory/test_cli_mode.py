"""The one-line inventories for pyinfra's own command."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from deploys.edge import DATA_KEY, Target
from keepgate.inventory import host_data, load, pyinfra_hosts, send_at_once
from keepgate.inventory.home import PROJECT

Write = Callable[[str], Path]

TEXT = """
    defaults:
      login: debian
      operator: {name: keeper, keys: [operator.pub]}
    hosts:
      one: {address: 192.0.2.1, port: 2222, key: operator}
      two: {address: "2001:db8::2"}
"""


def test_hosts_carry_the_contract(write: Write, folder: Path, tmp_path: Path) -> None:
    """One key holds all settings as JSON, the others tell how to connect."""
    path = write(TEXT)

    (name, data), _ = pyinfra_hosts(str(path.with_suffix(".py")))

    target = Target.model_validate_json(data.pop(DATA_KEY), strict=True)
    assert (name, load(path).hosts[0]) == ("one", target)
    assert data == {
        "ssh_hostname": "192.0.2.1",
        "ssh_port": 2222,
        "ssh_user": "debian",
        "ssh_key": str(folder / "operator"),
        "ssh_known_hosts_file": str(tmp_path / "state" / "known_hosts"),
        "ssh_strict_host_key_checking": "yes",
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
    }


def test_without_a_key_the_agent_is_asked(write: Write) -> None:
    """No key file means the agent, and never whatever lies in ~/.ssh."""
    data = host_data(load(write(TEXT)).hosts[1])

    assert (True, False, None) == (
        data["ssh_allow_agent"],
        data["ssh_look_for_keys"],
        data.get("ssh_key"),
    )


@pytest.mark.parametrize(
    ("remembered", "user"),
    [
        ('{"login": "keeper"}', "keeper"),
        ('{"login": ""}', "debian"),
        ('{"login": 5}', "debian"),
        ("[]", "debian"),
        ("{", "debian"),
    ],
)
def test_the_proved_operator_is_remembered(
    write: Write, remembered: str, user: str
) -> None:
    """After the operator was proved, he logs in; a damaged note counts as none."""
    host = load(write(TEXT)).hosts[0]
    host.state.mkdir(parents=True)
    (host.state / "login.json").write_text(remembered)

    assert user == host_data(host)["ssh_user"]


def test_a_mistake_ends_the_process(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and the message, no traceback."""
    path = write(TEXT.replace("2222", "0"))

    with pytest.raises(SystemExit) as caught:
        pyinfra_hosts(str(path.with_suffix(".py")))

    assert caught.value.code == 2
    assert "hosts.one.port: must be at least 1" in capsys.readouterr().err


def test_paramiko_sends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every TCP connection gets TCP_NODELAY, once; other sockets are left alone."""
    monkeypatch.setattr(paramiko.Transport, "__init__", paramiko.Transport.__init__)
    send_at_once()
    send_at_once()
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_UNIX) as local,
    ):
        paramiko.Transport(tcp)
        paramiko.Transport(local)

        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def pyinfra(inventory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pyinfra's own command on *inventory*, away from the user's settings."""
    return subprocess.run(
        [sys.executable, "-m", "pyinfra", str(inventory), *arguments],
        cwd=PROJECT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_pyinfra_reads_the_inventory(write: Write) -> None:
    """`pyinfra inventories/x.py` sees the hosts of x.yml."""
    path = write(TEXT).with_suffix(".py")
    shutil.copy(PROJECT / "inventories" / "demo.py", path)

    done = pyinfra(path, "debug-inventory")

    assert done.returncode == 0, done.stderr
    assert '"ssh_hostname": "2001:db8::2"' in done.stdout + done.stderr


def test_pyinfra_tells_a_mistake_and_exits_with_2(write: Write) -> None:
    """A wrong inventory is no traceback in pyinfra's own command either."""
    path = write(TEXT.replace("login", "logn")).with_suffix(".py")
    shutil.copy(PROJECT / "inventories" / "demo.py", path)

    done = pyinfra(path, "debug-inventory")

    assert done.returncode == 2
    assert "did you mean `login`?" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted((PROJECT / "inventories").glob("*.yml")))
def test_every_inventory_has_its_one_line(path: Path) -> None:
    """Beside each .yml stands the same few lines for pyinfra's own command."""
    text = path.with_suffix(".py").read_text("utf-8")

    assert text.endswith("\nhosts = pyinfra_hosts(__file__)\n")
    assert json.dumps(path.name)[1:-1] in text
