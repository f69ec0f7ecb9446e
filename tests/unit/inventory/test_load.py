"""What an inventory that is right turns into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from keepgate.inventory import InventoryError, load

Write = Callable[[str], Path]

SMALL = """
    defaults:
      login: debian
      operator: {name: keeper, keys: [operator.pub]}
    hosts:
      demo: {address: 198.18.77.10}
"""


def test_defaults_reach_the_host(write: Write) -> None:
    """What stands under defaults holds for every host."""
    (host,) = load(write(SMALL)).hosts

    assert ("demo", "198.18.77.10", 22, "debian") == (
        host.name,
        host.address,
        host.port,
        host.login,
    )
    assert host.settings.operator.name == "keeper"


def test_the_address_is_the_name_by_default(write: Write) -> None:
    """A host that says nothing of itself is reached by its name."""
    path = write(SMALL.replace("demo: {address: 198.18.77.10}", "web.example.com:"))

    assert load(path).hosts[0].address == "web.example.com"


def test_key_files_are_read(write: Write, folder: Path) -> None:
    """Settings hold the key itself, so that hosts need no file of this machine."""
    (host,) = load(write(SMALL)).hosts

    assert (folder / "operator.pub").read_text().split() == host.settings.operator.keys[
        0
    ].split()


def test_relative_paths_start_at_the_inventory(
    write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working directory does not matter."""
    path = write(SMALL.replace("login: debian", "login: debian\n      key: operator"))
    monkeypatch.chdir("/")

    assert load(path).hosts[0].key == folder / "operator"


@pytest.mark.parametrize("key", ["~/.ssh/id_ed25519", "../home/.ssh/id_ed25519"])
def test_home_expands(write: Write, tmp_path: Path, key: str) -> None:
    """`~` is the home folder of whoever runs this."""
    path = write(SMALL.replace("login: debian", f"login: debian\n      key: {key}"))

    assert load(path).hosts[0].key == tmp_path / "home" / ".ssh" / "id_ed25519"


def test_the_state_folder_expands(write: Write, tmp_path: Path) -> None:
    """`$KEEPGATE_HOME` stands for the state folder, set or not."""
    path = write(f"{SMALL}      lab: {{known_hosts: $KEEPGATE_HOME/lab/known_hosts}}\n")

    hosts = load(path).hosts

    assert [
        tmp_path / "state" / "known_hosts",
        tmp_path / "state" / "lab" / "known_hosts",
    ] == [host.known_hosts for host in hosts]


def test_every_host_has_a_state_folder_of_its_own(write: Write, tmp_path: Path) -> None:
    """What is remembered is kept by inventory and host."""
    (host,) = load(write(SMALL)).hosts

    assert tmp_path / "state" / "state" / "x" / "demo" == host.state


LAYERS = """
    defaults:
      login: debian
      port: 2201
      operator: {name: keeper, keys: [operator.pub], networks: [10.0.0.0/8]}
      confirm: {timeout: 20}
      ssh: {max_sessions: 5, login_grace_time: 40}
    groups:
      one: {port: 2202, confirm: {timeout: 30}, ssh: {max_sessions: 6}}
      two: {confirm: {timeout: 40}, operator: {networks: [192.0.2.0/24]}}
    hosts:
      plain:
      first: {groups: [one]}
      both: {groups: [one, two]}
      swapped: {groups: [two, one]}
      own: {groups: [one, two], port: 2203, confirm: {timeout: 50}}
"""


@pytest.mark.parametrize(
    ("name", "port", "timeout", "sessions", "network"),
    [
        ("plain", 2201, 20, 5, "10.0.0.0/8"),
        ("first", 2202, 30, 6, "10.0.0.0/8"),
        ("both", 2202, 40, 6, "192.0.2.0/24"),
        ("swapped", 2202, 30, 6, "192.0.2.0/24"),
        ("own", 2203, 50, 6, "192.0.2.0/24"),
    ],
)
def test_host_beats_groups_beats_defaults(
    write: Write, name: str, port: int, timeout: int, sessions: int, network: str
) -> None:
    """The later layer wins, a later group too; lists are replaced as a whole."""
    (host,) = load(write(LAYERS)).select([name])
    settings = host.settings

    assert (port, timeout, sessions, 40, (network,)) == (
        host.port,
        settings.confirm.timeout,
        settings.ssh.max_sessions,
        settings.ssh.login_grace_time,
        settings.operator.networks,
    )


@pytest.mark.parametrize("empty", ["ssh:", "ssh: {}", "ssh: ~", "ssh: null"])
def test_an_empty_section_says_nothing(write: Write, empty: str) -> None:
    """A section whose keys are all commented out changes nothing."""
    path = write(LAYERS.replace("plain:", f"plain: {{{empty}}}"))

    assert load(path).hosts[0].settings.ssh.max_sessions == 5


def test_an_empty_section_alone_is_the_default(write: Write) -> None:
    """It does not take away the section's own defaults either."""
    path = write(f"{SMALL}        ssh:\n".replace("demo: {address:", "demo:\n       #"))

    assert load(path).hosts[0].settings.ssh.max_sessions == 4


def test_anchors_and_aliases_are_yaml(write: Write) -> None:
    """Plain YAML means of repetition work."""
    path = write(
        LAYERS.replace("{timeout: 30}", "&wait {timeout: 30}").replace(
            "{timeout: 50}", "*wait"
        )
    )

    assert load(path).hosts[-1].settings.confirm.timeout == 30


def test_words_of_yaml_1_1_are_text(write: Write) -> None:
    """`no`, `on` and `12:30` are no booleans and no numbers of seconds."""
    path = write(SMALL.replace("demo:", "no: {groups: [on]}\n      12-30.example:"))
    path.write_text(f"groups: {{on: }}\n{path.read_text()}")

    assert ["no", "12-30.example"] == [host.name for host in load(path).hosts]


def test_select_by_host_and_group(write: Write) -> None:
    """Hosts come in the order of the file, whatever the order they are named in."""
    inventory = load(write(LAYERS))

    assert ["plain", "both", "swapped", "own"] == [
        host.name for host in inventory.select(["two", "plain"])
    ]
    assert inventory.hosts == inventory.select([])


def test_select_refuses_unknown_names(write: Write) -> None:
    """A misspelt `--limit` never means all hosts, or none."""
    with pytest.raises(InventoryError, match="did you mean `swapped`"):
        load(write(LAYERS)).select(["swaped"])
