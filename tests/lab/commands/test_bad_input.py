"""Hosts that must not be touched, or cannot be reached: a clear word, no change."""

from __future__ import annotations

import shlex
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate import lab
from tests.lab.commands.conftest import (
    Outcome,
    booted,
    gets_in,
    keepgate,
    state_of,
    write_inventory,
)
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keepgate.lab import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("bad-input")]


@pytest.fixture(scope="module")
def stock() -> Iterator[LabHost]:
    """One stock host that is never to be changed."""
    with booted(prefix="bad") as (host,):
        yield host


@pytest.fixture(autouse=True)
def reachable(stock: LabHost) -> Iterator[None]:
    """Whatever a test did, the host is reached by its first account afterwards."""
    yield
    assert gets_in(stock, stock.login)


@contextmanager
def broken(host: LabHost, breaking: str, mending: str) -> Iterator[None]:
    """Break something on *host* for as long as the block lasts."""
    lab.execute(host, breaking)
    try:
        yield
    finally:
        lab.execute(host, mending)


def apply(path: Path, host: LabHost, **defaults: Any) -> Outcome:
    """Run `apply` on *host* as *defaults* say; nothing there may change."""
    inventory = write_inventory(path / "bad.yml", [host], **defaults)
    before = state_of(host)
    done = keepgate("apply", inventory, "--json")
    assert before == state_of(host)
    assert "Traceback" not in done.err
    return done


def assert_unreachable(done: Outcome, words: str) -> None:
    """Fail unless the host counts as unreachable, with *words* and a remedy."""
    assert (4, "unreachable") == (done.code, done.only["status"]), done.out
    assert words in done.only["message"]
    assert done.only["fix"]


def test_unknown_host_key(stock: LabHost, tmp_path: Path) -> None:
    """A host whose key is not pinned is not spoken to; `trust` is the remedy."""
    done = apply(tmp_path, stock, known_hosts=str(tmp_path / "none"))

    assert_unreachable(done, "is not known")
    said = shlex.split(done.only["fix"])
    assert ["keepgate", "trust"] == said[:2]
    assert tmp_path / "bad.yml" == Path(said[2]).resolve()


def test_changed_host_key(stock: LabHost, tmp_path: Path) -> None:
    """A host that shows another key than the pinned one is not spoken to."""
    other = tmp_path / "other"
    quiet = ("-q", "-t", "ed25519", "-N", "", "-f", str(other))
    subprocess.run(["ssh-keygen", *quiet], check=True)
    kind, key = other.with_suffix(".pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"{stock.address4} {kind} {key}\n")

    done = apply(tmp_path, stock, known_hosts=str(tmp_path / "known"))

    assert_unreachable(done, "has CHANGED")
    assert "--replace" in done.only["fix"]


def test_host_that_refuses(stock: LabHost, tmp_path: Path) -> None:
    """A port where nothing listens is told as a refusal."""
    done = apply(tmp_path, stock, port=2)

    assert_unreachable(done, "refuses the connection")


def test_host_that_does_not_answer(stock: LabHost, tmp_path: Path) -> None:
    """A host that stays silent is given up after some seconds."""
    us = ip_network(f"{stock.address4}/24", strict=False)[1]
    with broken(
        stock, f"ip route add blackhole {us}/32", f"ip route del blackhole {us}/32"
    ):
        done = apply(tmp_path, stock)

    assert_unreachable(done, "does not answer")


def test_host_that_does_not_resolve(stock: LabHost, tmp_path: Path) -> None:
    """A name that nobody knows is told as such."""
    path = write_inventory(tmp_path / "bad.yml", [stock])
    path.write_text(path.read_text().replace(stock.address4, "no-such.invalid"))

    done = keepgate("apply", path, "--json")

    assert_unreachable(done, "no-such.invalid does not resolve")


def test_peer_that_is_no_ssh_server(stock: LabHost, tmp_path: Path) -> None:
    """A port that says nothing at all ends in a word, not in a hang."""
    path = write_inventory(tmp_path / "bad.yml", [stock])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        text = path.read_text().replace(stock.address4, "127.0.0.1")
        path.write_text(text.replace("login:", f"port: {port}\n    login:"))

        done = keepgate("trust", path, "--json")

    assert 4 == done.code, done.out
    assert "shows no host key" in done.only["message"]


def test_key_that_the_host_does_not_know(stock: LabHost, tmp_path: Path) -> None:
    """A key that opens no account is told with both accounts that were tried."""
    key = tmp_path / "stranger"
    quiet = ("-q", "-t", "ed25519", "-N", "", "-f", str(key))
    subprocess.run(["ssh-keygen", *quiet], check=True)

    done = apply(tmp_path, stock, key=str(key))

    assert_unreachable(done, "admits neither keeper nor debian")


def test_no_sudo(stock: LabHost, tmp_path: Path) -> None:
    """An account that may not become root gets the line that would let it."""
    with broken(
        stock,
        "mv /etc/sudoers.d/90-cloud-init-users /root/kept",
        "mv /root/kept /etc/sudoers.d/90-cloud-init-users",
    ):
        done = apply(tmp_path, stock)

    assert (1, "refused") == (done.code, done.only["status"]), done.out
    assert "sudoers.d" in done.only["problems"][0]["fix"]


def test_degraded_by_another_unit_is_a_remark(stock: LabHost, tmp_path: Path) -> None:
    """A failed unit that is none of ours is told and does not stop a run."""
    with broken(
        stock,
        "systemd-run -q --unit=odd false; true",
        "systemctl reset-failed odd",
    ):
        eventually(
            lambda: "odd" in lab.execute(stock, "systemctl list-units --failed"),
            "the unit has failed",
        )
        inventory = write_inventory(tmp_path / "bad.yml", [stock])
        done = keepgate("plan", inventory, "--json")

    assert 0 == done.code, done.out
    notes = [note for plan in done.only["plans"] for note in plan["notes"]]
    assert any("odd.service" in note for note in notes), notes


_WRONGS = (
    # A full file system that only /etc is on.
    (
        (
            "mkdir -p /mnt/etc; mount -t tmpfs -o size=20m tmpfs /mnt/etc;"
            " cp -a /etc/. /mnt/etc/; mount --bind /mnt/etc /etc;"
            " head -c 30m /dev/zero > /mnt/etc/fill 2>/dev/null; true"
        ),
        "umount /etc; umount /mnt/etc; rmdir /mnt/etc",
    ),
    (
        "printf 'Package: half\\n' > /var/lib/dpkg/updates/0001",
        "rm /var/lib/dpkg/updates/0001",
    ),
    (
        (
            'systemd-run -q --unit=holder python3 -c "import fcntl, time;'
            " f = open('/var/lib/dpkg/lock-frontend', 'w');"
            ' fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(300)"'
        ),
        "systemctl stop holder",
    ),
    (
        (
            "mkdir -p /run/systemd/system/systemd-logind.service.d;"
            " printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\nRestart=no\\n'"
            " > /run/systemd/system/systemd-logind.service.d/break.conf;"
            " systemctl daemon-reload; systemctl restart systemd-logind; true"
        ),
        (
            "rm -r /run/systemd/system/systemd-logind.service.d;"
            " systemctl daemon-reload; systemctl reset-failed systemd-logind;"
            " systemctl restart systemd-logind"
        ),
    ),
    (
        (
            "sed 's/^ID=.*/ID=gentoo/; s/^PRETTY_NAME=.*/PRETTY_NAME=\"Gentoo\"/'"
            " /usr/lib/os-release > /run/other;"
            " mount --bind /run/other /usr/lib/os-release"
        ),
        "umount /usr/lib/os-release",
    ),
)


@pytest.fixture(scope="module")
def refused(
    stock: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    """All reasons, by code, why a host in a very bad state is not touched."""
    with ExitStack() as stack:
        for breaking, mending in _WRONGS:
            stack.enter_context(broken(stock, breaking, mending))
        eventually(
            lambda: "POSIX" in lab.execute(stock, "cat /proc/locks"), "the lock is held"
        )
        done = apply(
            tmp_path_factory.mktemp("bad"),
            stock,
            drop=False,
            operator={
                "name": "keeper",
                "keys": [f"{stock.key}.pub"],
                "networks": ["192.0.2.0/24"],
            },
            ssh={"kex": ["diffie-hellman-group18-sha512"]},
        )
    assert (1, "refused", 0) == (
        done.code,
        done.only["status"],
        done.only["changes"],
    ), done.out
    return {problem["code"]: problem for problem in done.only["problems"]}


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        ("disk-full", "/etc has 0 MiB free", "make room"),
        ("dpkg", "dpkg was interrupted", "dpkg --configure -a"),
        ("dpkg-locked", "packages are locked by python3", "run again"),
        ("unit-failed", "systemd-logind.service has failed", "systemctl status"),
        ("distribution", "the host runs Gentoo, which is not supported", "Debian"),
        (
            "operator-network",
            "which is in none of operator.networks",
            "add the network",
        ),
        ("accounts-unlisted", "debian can log in today", "accounts.drop"),
        ("ssh-no-usable-algorithm", "no key exchange would be left", "ssh.kex"),
    ],
)
def test_every_reason_is_told_at_once(
    refused: dict[str, dict[str, str]], code: str, words: str, remedy: str
) -> None:
    """Each thing that speaks against touching the host is told with its remedy."""
    assert words in refused[code]["message"]
    assert remedy in refused[code]["fix"]


def test_firewall_without_the_operator(stock: LabHost, tmp_path: Path) -> None:
    """A packet filter that leaves the operator outside is not loaded."""
    done = apply(tmp_path, stock, firewall={"ssh_networks": ["192.0.2.0/24"]})

    assert (1, "refused") == (done.code, done.only["status"]), done.out
    assert ["firewall-ssh-networks"] == [p["code"] for p in done.only["problems"]]


def test_firewall_for_an_operator_elsewhere(stock: LabHost, tmp_path: Path) -> None:
    """Rules that would shut out the address we come from are never loaded."""
    elsewhere = ["192.0.2.0/24"]
    done = apply(
        tmp_path,
        stock,
        operator={
            "name": "keeper",
            "keys": [f"{stock.key}.pub"],
            "networks": elsewhere,
        },
        firewall={"ssh_networks": elsewhere},
    )

    us = str(ip_network(f"{stock.address4}/24", strict=False)[1])
    told = {problem["code"]: problem for problem in done.only["problems"]}
    assert (1, "refused") == (done.code, done.only["status"]), done.out
    assert us in told["operator-network"]["message"]
    assert "" == lab.execute(stock, "nft list tables 2>/dev/null; true").strip()
    assert gets_in(stock, stock.login)
