"""What `lab up` refuses before it touches anything, without root."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepgate.cli.lab import numbered
from keepgate.lab import LabHost, LabUsageError
from keepgate.lab.site import Site
from keepgate.lab.wanted import LAST_SUFFIX, Wanted

SITE = Site(Path("/lab"), 77)


def known(name: str, suffix: int, *, release: str = "trixie") -> LabHost:
    """Return a host as the lab remembers it."""
    return LabHost(
        name=name,
        suffix=suffix,
        address4=SITE.address4(suffix),
        address6=SITE.address6(suffix),
        release=release,
        backend="nspawn",
        variant="cloud",
        login="debian",
        key=SITE.key,
        folder=Path("/lab/hosts") / name,
    )


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted(("Web",)), "'Web' is no host name"),
        (Wanted(("-a",)), "'-a' is no host name"),
        (Wanted(("a/../b",)), "'a/../b' is no host name"),
        (Wanted(("a-",)), "'a-' is no host name"),
        (Wanted(("",)), "'' is no host name"),
        (Wanted(("a\n",)), r"'a\\n' is no host name"),
        (Wanted(("a" * 41,)), "is no host name"),
        (Wanted(("a", "b", "a")), "a name is given twice"),
        (Wanted(("a",), release="sid"), "there is no release sid"),
        (Wanted(("a",), variant="cheap"), "there is no variant cheap"),
        (Wanted(("a",), backend="docker"), "there is no backend docker"),
        (Wanted(("a",), backend="vagrant"), "the lab has no backend vagrant yet"),
        (Wanted(("a",), disk="big"), "'big' is no size"),
        (Wanted(("a",), disk="0M"), "'0M' is no size"),
        (Wanted(("a",), disk="64M", backend="qemu"), "is not limited"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_sense_is_refused(wanted: Wanted, told: str) -> None:
    """Each mistake is named, and nothing is looked at or made."""
    with pytest.raises(LabUsageError, match=told):
        wanted.check()


def test_vagrant_users_are_told_what_works_today() -> None:
    """The refusal names the inventory for one's own Vagrant."""
    with pytest.raises(LabUsageError) as caught:
        Wanted(("a",), backend="vagrant").check()

    assert "inventories/vagrant.yml" in caught.value.fix


def test_new_hosts_get_the_lowest_free_addresses() -> None:
    """An address that is taken is passed over."""
    placed = Wanted(("b", "c")).place(SITE, {"a": known("a", 20)})

    assert ["198.18.77.21", "198.18.77.22"] == [host.address4 for host in placed]


def test_the_demo_host_has_the_address_of_its_inventory() -> None:
    """`inventories/demo.yml` names it."""
    (host,) = Wanted(("demo",)).place(SITE, {})

    assert host.address4 == "198.18.77.10"
    assert host.address4 in Path("inventories/demo.yml").read_text()


def test_a_known_host_is_taken_as_it_is() -> None:
    """Asking for nothing particular accepts any kind."""
    host = known("a", 20, release="bookworm")

    assert [host] == Wanted(("a",)).place(SITE, {"a": host})


def test_a_name_taken_by_another_kind_is_refused() -> None:
    """The remedy is in the message; the host stays."""
    wanted = Wanted(("a",), release="bookworm")

    with pytest.raises(LabUsageError, match="a has release trixie, not bookworm"):
        wanted.place(SITE, {"a": known("a", 20)})


def test_an_unknown_source_is_refused() -> None:
    """A clone needs something to begin as."""
    with pytest.raises(LabUsageError, match="there is no host gone to begin as"):
        Wanted(("a",), source="gone").place(SITE, {})


def test_a_clone_is_of_its_sources_kind() -> None:
    """Release and variant are those of what it begins as."""
    source = known("old", 20, release="bookworm")
    (host,) = Wanted(("a",), source="old").place(SITE, {"old": source})

    assert host.release == "bookworm"


def test_a_full_network_is_told() -> None:
    """Addresses run out before two hosts share one."""
    full = {f"h{n}": known(f"h{n}", n) for n in range(20, LAST_SUFFIX + 1)}

    with pytest.raises(LabUsageError, match="the lab's network is full"):
        Wanted(("a",)).place(SITE, full)


@pytest.mark.parametrize(
    ("names", "count", "expected"),
    [
        (["a", "b"], None, ["a", "b"]),
        (["web"], 3, ["web-1", "web-2", "web-3"]),
        ([], 2, ["host-1", "host-2"]),
    ],
    ids=["named", "numbered", "unnamed"],
)
def test_counted_hosts_are_numbered(
    names: list[str], count: int | None, expected: list[str]
) -> None:
    """`--count` numbers one name; without it names are taken as they are."""
    assert expected == numbered(names, count)


@pytest.mark.parametrize(
    ("names", "count"),
    [([], None), (["a"], 0), (["a"], -1), (["a", "b"], 2)],
    ids=["nothing", "zero", "negative", "two names"],
)
def test_a_senseless_count_is_refused(names: list[str], count: int | None) -> None:
    """There is no host, or it is not clear which."""
    with pytest.raises(LabUsageError):
        numbered(names, count)
