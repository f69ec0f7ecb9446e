"""What Keepgate has to know of a host's SSH server, asked in one command."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from deploys.accounts.places import BRIDGE, DROPIN, DROPPED, FALLBACK
from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.ssh import host
from deploys.ssh.algorithms import Suite
from deploys.ssh.effective import Effective
from deploys.ssh.wanted import HOST_KEY, ISSUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

MANAGED: Final = (DROPIN, BRIDGE, FALLBACK, ISSUE, DROPPED)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Units:
    """Which of systemd's units serve SSH, and how sshd is called."""

    service: bool
    socket: bool
    command: str


@dataclass(frozen=True)
class SshHost:
    """The SSH server of one host as observed.

    *texts* holds the main configuration and all that it includes; *effective*
    what `sshd -T` says for the operator, empty if it fails, and *complaint* why.
    *groups* holds the groups of every account asked for that exists. *stale* says
    that the running sshd has not read the files as they are. *roots* are those of the
    accounts to be dropped that are root under another name.
    """

    release: str
    known: Suite
    texts: dict[str, str]
    effective: Effective
    complaint: str
    groups: dict[str, tuple[str, ...]]
    units: Units
    has_host_key: bool
    stale: bool
    files: dict[str, files.Observed]
    roots: frozenset[str] = frozenset()


class SshFact(BatchFact[SshHost]):
    """Observes the SSH server for *operator* and the other *accounts* admitted.

    Of the *dropped* it is asked whether one of them is root.
    """

    _operator: str
    _accounts: tuple[str, ...]
    _dropped: tuple[str, ...]

    @override
    def command(
        self,
        operator: str = "root",
        accounts: tuple[str, ...] = (),
        dropped: tuple[str, ...] = (),
    ) -> str:
        self._operator = operator
        self._accounts = accounts
        self._dropped = dropped
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        spec = shlex.quote(f"user={self._operator},{host.CONNECTION}")
        collect = f"{host.PATH}\n{host.COLLECT}"
        return {
            "release": '. /etc/os-release; echo "$ID ${VERSION_ID:-}"',
            "kex": "ssh -Q kex",
            "ciphers": "ssh -Q cipher",
            "macs": "ssh -Q mac",
            "texts": f"{collect}configuration",
            "effective": f"{host.PATH}\n{host.EFFECTIVE}effective {spec} 2>&1",
            **{
                f"groups:{name}": f"id -Gn -- {shlex.quote(name)}"
                for name in (self._operator, *self._accounts)
            },
            **{
                f"user:{name}": f"id -u -- {shlex.quote(name)}"
                for name in self._dropped
            },
            "units": "systemctl show -p Id -p ActiveState ssh.service ssh.socket",
            "command": "systemctl show -P ExecStart ssh.service; "
            '. /etc/default/ssh; echo; echo "OPTIONS ${SSHD_OPTS:-}"',
            "key": f"test -f {HOST_KEY}",
            "changed": "systemctl show --timestamp=us+utc -P StateChangeTimestamp "
            "ssh.service",
            "listener": f"{collect}listener",
            "digest": f"{collect}digest",
            "loaded": f"cat {host.LOADED}",
            **files.sections(MANAGED),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> SshHost:
        texts, newest = _texts(answers["texts"].lines)
        effective = answers["effective"]
        units = _units(answers["units"].lines)
        return SshHost(
            release=answers["release"].text.strip(),
            known=Suite(
                tuple(answers["kex"].lines),
                tuple(answers["ciphers"].lines),
                tuple(answers["macs"].lines),
            ),
            texts=texts,
            effective=Effective.parse(effective.text if effective.ok else ""),
            complaint="" if effective.ok else effective.text.strip(),
            groups={
                name.removeprefix("groups:"): tuple(output.text.split())
                for name, output in answers.items()
                if name.startswith("groups:") and output.ok
            },
            units=Units(
                service=units.get("ssh.service") in ("active", "reloading"),
                socket=units.get("ssh.socket") == "active",
                command=answers["command"].text.strip(),
            ),
            has_host_key=answers["key"].ok,
            stale=_stale(answers, newest),
            files=files.observed(answers),
            roots=frozenset(
                name.removeprefix("user:")
                for name, output in answers.items()
                if name.startswith("user:") and output.text.strip() == "0"
            ),
        )


def _texts(lines: list[str]) -> tuple[dict[str, str], datetime]:
    """Return text by path, and when a file was last changed."""
    texts: dict[str, str] = {}
    newest = _NEVER
    for line in lines:
        try:
            name, changed, content = (*line.split(" "), "")[:3]
            path = base64.b64decode(name).decode()
            text = base64.b64decode(content).decode("utf-8", "backslashreplace")
            when = datetime.fromtimestamp(int(changed), UTC)
        except ValueError as error:
            message = f"the host described a file of sshd's as {line[:80]!r}"
            raise FactProcessError(message) from error
        texts[path] = text
        newest = max(newest, when)
    return texts, newest


def _units(lines: list[str]) -> dict[str, str]:
    states: dict[str, str] = {}
    unit = ""
    for line in lines:
        name, _, value = line.partition("=")
        if name == "Id":
            unit = value
        elif name == "ActiveState":
            states[unit] = value
    return states


def _stale(answers: Mapping[str, Output], newest: datetime) -> bool:
    """Whether the running sshd has older files in mind than those that are there.

    Who knows best is our own record of the last reload, if it was made for the
    process that runs now. Otherwise the process read its files when its unit last
    changed state.
    """
    if not answers["listener"].ok:
        return False  # nothing runs: whatever starts next reads the files
    process = answers["listener"].text.strip()
    loaded, _, digest = answers["loaded"].text.strip().rpartition(" ")
    if loaded == process:
        return digest != answers["digest"].text.strip()
    text = answers["changed"].text.strip().removesuffix("UTC") + "+0000"
    try:
        since = datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f %z")
    except ValueError:
        return True  # no known time: reading once too often does no harm
    return newest > since
