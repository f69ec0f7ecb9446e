"""`inventories/*.yml` -> hosts with typed settings, or everything that is wrong."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from deploys.edge import Target
from keepgate.inventory import schema
from keepgate.inventory.check import Missing
from keepgate.inventory.document import (
    MAX_BYTES,
    Mapping,
    Node,
    Scalar,
    Sequence,
    parse,
)
from keepgate.inventory.hosts import Draft, Places, check_layer, draft
from keepgate.inventory.merge import layered
from keepgate.inventory.problems import (
    InventoryError,
    Position,
    Problem,
    nearest,
    relative,
    suggestion,
)
from keepgate.inventory.syntax import DocumentError
from keepgate.inventory.vagrant import VagrantError
from keepgate.inventory.vagrant import layer as machine

_TOP: Final = Position(1, 1)


@dataclass(frozen=True)
class Inventory:
    """What an inventory file describes; hosts in the order of the file."""

    path: Path
    hosts: tuple[Target, ...]

    def select(self, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the hosts that are named or in a named group, in file order.

        No names mean all hosts.

        Raises:
            InventoryError: a name is neither a host nor a group of a host.
        """
        wanted = set(names)
        known = {host.name for host in self.hosts}
        known.update(chain.from_iterable(host.groups for host in self.hosts))
        unknown = [
            Problem(f"there is no host or group `{name}`", suggestion(name, known))
            for name in sorted(wanted - known)
        ]
        if unknown:
            raise InventoryError(self.path, unknown)
        return tuple(
            host
            for host in self.hosts
            if not wanted or host.name in wanted or wanted.intersection(host.groups)
        )


def load(path: Path | str) -> Inventory:
    """Return the hosts of the inventory file *path*, ready for use.

    Defaults, groups (in the order a host lists them) and the host's own keys are
    laid over each other; mappings merge deeply, lists are replaced. Key files are
    read, so that settings hold keys and no paths.

    Raises:
        InventoryError: with everything that is wrong, each with its place and fix.
        KeepgateError: the state folder cannot be used.
    """
    path = Path(path)
    try:
        tree, problems = parse(_read(path))
    except DocumentError as error:
        raise InventoryError(path, [error.problem]) from None
    reader = _Reader(path, tree, problems)
    hosts = tuple(reader.hosts())
    if reader.problems:
        raise InventoryError(path, reader.problems)
    return Inventory(path, hosts)


def _read(path: Path) -> bytes:
    name = relative(path)
    if path.suffix == ".py":
        what = "this is the inventory for pyinfra's own command"
        raise DocumentError(Problem(what, _others(path, path.parent)))
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            what, fix = "this is a folder", _others(path, path)
            raise DocumentError(Problem(what, fix))
        if not stat.S_ISREG(mode):
            what, fix = "this is no regular file", "name a .yml file"
            raise DocumentError(Problem(what, fix))
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        what = "there is no such file"
        raise DocumentError(Problem(what, _others(path, path.parent))) from None
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        fix = f"look at `ls -l {name}` and at who you are"
        raise DocumentError(Problem(what, fix)) from None
    if len(data) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES >> 20} MiB"
        raise DocumentError(Problem(what, "split it into several inventories"))
    return data


def _others(path: Path, folder: Path) -> str:
    if path.suffix == ".py" and path.with_suffix(".yml").exists():
        return f"name {relative(path.with_suffix('.yml'))}"
    try:
        names = sorted(other.name for other in folder.glob("*.yml"))
    except OSError:
        names = []
    near = nearest(path.name, names)
    if near is not None:
        return f"did you mean {relative(folder / near)}?"
    if names:
        return f"there are {', '.join(relative(folder / name) for name in names)}"
    return "start from inventories/production.example.yml"


class _Reader:
    """Goes through one document; gathers problems instead of stopping at one."""

    def __init__(self, path: Path, tree: Mapping, problems: list[Problem]) -> None:
        self.path = path
        self.tree = tree
        self.problems = problems
        # What misspelt keys were to be: not missing for that.
        self.meant: set[str | None] = set()
        self.places = Places(path.absolute())

    def hosts(self) -> Iterator[Target]:
        self._unknown(self.tree, schema.TOP_KEYS)
        defaults = self._mapping(self.tree, "defaults")
        groups = self._named(self._mapping(self.tree, "groups"))
        entries = self._named(self._mapping(self.tree, "hosts"))
        vagrant = self._flag("vagrant")
        shared = chain([defaults] if defaults else [], groups.values())
        for layer in shared:
            self._unknown(layer, schema.SHARED_KEYS)
            self.problems += check_layer(layer, self.places)
        if not entries and "hosts" in self.meant:
            return
        if not entries:
            what, fix = "there are no hosts", "add one: `hosts: {name: {address: ...}}`"
            at = self.tree.entries["hosts"].at if "hosts" in self.tree.entries else None
            self.problems.append(Problem(what, fix, "hosts", at or _TOP))
            return
        drafts = [
            self._draft(name, entry, lowest, groups)
            for name, entry in entries.items()
            for lowest in self._lowest(name, entry, defaults, vagrant=vagrant)
        ]
        self._missing(drafts)
        self.problems += chain.from_iterable(d.problems for d in drafts)
        targets = [d.target for d in drafts if d.target is not None]
        self._duplicates(targets, entries)
        yield from targets

    def _draft(
        self,
        name: str,
        entry: Mapping,
        lowest: list[Mapping],
        groups: dict[str, Mapping],
    ) -> Draft:
        self._unknown(entry, schema.HOST_KEYS)
        own = [groups[group] for group in self._groups(entry, groups)]
        return draft(name, layered([*lowest, *own, entry]), self.places)

    def _lowest(
        self, name: str, entry: Mapping, defaults: Mapping | None, *, vagrant: bool
    ) -> Iterator[list[Mapping]]:
        """Yield the layers below a host's groups; none if Vagrant lacks the host."""
        layers = [] if defaults is None else [defaults]
        if vagrant:
            try:
                layers.insert(0, machine(name, entry.at))
            except VagrantError as error:
                problem = Problem(error.what, error.fix, entry.path, entry.at)
                self.problems.append(problem)
                return
        yield layers

    def _groups(self, entry: Mapping, groups: dict[str, Mapping]) -> Iterator[str]:
        listed = entry.entries.get("groups")
        if listed is None or not isinstance(listed.value, Sequence):
            return
        for item in listed.value.items:
            name = item.value if isinstance(item, Scalar) else None
            if name in groups:
                yield str(name)
            elif isinstance(name, str):
                what, fix = f"there is no group `{name}`", suggestion(name, groups)
                self.problems.append(Problem(what, fix, item.path, item.at))

    def _missing(self, drafts: list[Draft]) -> None:
        lacking: dict[Missing, list[Draft]] = {}
        for one in drafts:
            for missing in one.missing:
                if missing.key not in self.meant:
                    lacking.setdefault(missing, []).append(one)
        for missing, ones in lacking.items():
            names = ", ".join(one.name for one in ones)
            what = f"`{missing.key}` is missing for {names}"
            where = "" if len(ones) < len(drafts) else "; put it under `defaults`"
            fix = f"{missing.fix.removesuffix('.')}{where}"
            self.problems.append(Problem(what, fix, ones[0].path, ones[0].at))

    def _duplicates(self, targets: list[Target], entries: dict[str, Mapping]) -> None:
        seen: dict[tuple[str, int], str] = {}
        for target in targets:
            reached = (target.address.removesuffix("."), target.port)
            other = seen.setdefault(reached, target.name)
            if other != target.name:
                what = (
                    f"{target.address} port {target.port} is `{other}` already "
                    f"(line {entries[other].at.line})"
                )
                entry = entries[target.name]
                own = entry.entries.get("address")
                fix = "one host, one name: remove one of the two, or mend the address"
                at = own.at if own else entry.at
                self.problems.append(Problem(what, fix, entry.path, at))

    def _flag(self, name: str) -> bool:
        entry = self.tree.entries.get(name)
        value = entry.value if entry else None
        if isinstance(value, Scalar) and isinstance(value.value, bool):
            return value.value
        if entry is not None:
            problem = Problem(
                "must be true or false", f"`{name}: true`", name, entry.at
            )
            self.problems.append(problem)
        return False

    def _mapping(self, parent: Mapping, name: str) -> Mapping | None:
        entry = parent.entries.get(name)
        if entry is None:
            return None
        return self._as_mapping(entry.value, entry.at)

    def _named(self, parent: Mapping | None) -> dict[str, Mapping]:
        if parent is None:
            return {}
        found = {
            name: self._as_mapping(entry.value, entry.at)
            for name, entry in parent.entries.items()
        }
        return {name: node for name, node in found.items() if node is not None}

    def _as_mapping(self, node: Node, at: Position) -> Mapping | None:
        if isinstance(node, Mapping):
            return node
        if isinstance(node, Scalar) and node.value is None:
            return Mapping({}, at, node.path)
        what = "must be a mapping (`key: value` lines)"
        if isinstance(node, Sequence):
            what += ", not a list"
        fix = "write `name:` instead of `- name`, and its keys indented below"
        self.problems.append(Problem(what, fix, node.path, node.at))
        return None

    def _unknown(self, node: Mapping, known: Iterable[str]) -> None:
        names = tuple(known)
        for name, entry in node.entries.items():
            if name not in names:
                what = "there is no such key"
                if name in schema.SHARED_KEYS:
                    fix = "put it under `defaults`, a group or a host"
                elif name in schema.HOST_KEYS and "hosts" not in names:
                    what = f"`{name}` belongs to a single host"
                    fix = "put it under `hosts`"
                else:
                    self.meant.add(nearest(name, names))
                    fix = suggestion(name, names)
                self.problems.append(Problem(what, fix, entry.value.path, entry.at))
