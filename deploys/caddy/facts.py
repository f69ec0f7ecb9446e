"""What Keepgate has to know of a host's web server, asked in one command.

Of a host without sites nothing is asked but whether we have served some there.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from deploys.caddy import places
from deploys.caddy.fields import Kind
from deploys.caddy.ports import HTTP, HTTPS
from deploys.caddy.settings import Tls
from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.common.templates import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.caddy.fields import Place
    from deploys.common.batch import Output
    from deploys.common.networks import IPAddress
    from deploys.settings import Settings

MANAGED: Final = (
    places.CADDYFILE,
    places.DROPIN.rpartition("/")[0],
    places.DROPIN,
    places.SYSCTL,
)

_ASK: Final = render(
    "caddy/ask.py.j2", admin=places.ADMIN, caddyfile=places.CADDYFILE
).decode()
_CONFIGURATIONS: Final = (
    f"command -v caddy >/dev/null && python3 -I - <<'EOF'\n{_ASK}\n"
    "pid = subprocess.check_output("
    f'["systemctl", "show", "-P", "MainPID", "{places.UNIT}"], text=True).strip()\n'
    "print(json.dumps(look(pid)))\nEOF"
)
# A file that the administrator wrote is his; the package's own is nobody's.
_STOCK: Final = (
    f"listed=$(dpkg-query -W -f='${{Conffiles}}\\n' caddy"
    f" | sed -n 's|^ {places.CADDYFILE} \\([0-9a-f]*\\).*|\\1|p'); "
    f'test "$listed" = "$(md5sum <{places.CADDYFILE} | cut -c1-32)"'
)
# A container's host decides for it; what cannot be written is not ours to want.
_BUFFERS: Final = (
    "test -w /proc/sys/net/core/rmem_max"
    " && cat /proc/sys/net/core/rmem_max /proc/sys/net/core/wmem_max"
)
_CERTIFICATES: Final = f"{places.HOME}/.local/share/caddy/certificates"
# By the disk: what `show` remembers of it may be older (systemd 252).
_ENABLED: Final = f"systemctl is-enabled --quiet {places.UNIT}"
_ACTIVE: Final = f"systemctl is-active --quiet {places.UNIT}"
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Listener:
    """Who holds a port: the program's name, or that it is not told."""

    protocol: str
    port: int
    program: str


@dataclass(frozen=True)
class CaddyHost:
    """The web server of one host as observed.

    *running* is a digest of the configuration that the server has, *written* of the
    one that its file means; *unit* tells with which of our unit files it was started.
    *outdated* says that its program was replaced since. *names* holds the addresses of
    every name that still needs a public certificate. *buffers* are the largest UDP
    buffers in bytes; None where they cannot be set.
    """

    version: tuple[int, ...] = ()
    enabled: bool = False
    active: bool = False
    reload: bool = False
    running: str = ""
    written: str = ""
    unit: str = ""
    outdated: bool = False
    is_stock: bool = False
    agent: bool = False
    in_step: bool = True
    buffers: int | None = None
    listeners: tuple[Listener, ...] = ()
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: tuple[IPAddress, ...] = ()
    answering: frozenset[Place] = frozenset()
    files: dict[str, files.Observed] = field(default_factory=dict)


def acme_names(settings: Settings) -> tuple[str, ...]:
    """Return the names for which a public authority is asked."""
    names = {site.host: site.tls for site in settings.sites}
    if settings.sites and settings.caddy.login is not None:
        names[settings.caddy.login.host] = settings.caddy.login.tls
    return tuple(name for name, tls in names.items() if tls is Tls.ACME)


def ports(settings: Settings) -> tuple[int, ...]:
    """Return the TCP ports that the sites listen on."""
    own = {site.port for site in settings.sites if site.port is not None}
    served = any(site.tls is not Tls.OFF for site in settings.sites)
    return tuple(sorted(own | ({HTTP, HTTPS} if served else set())))


class CaddyFact(BatchFact[CaddyHost]):
    """Observes the server, who else wants its ports, and what stands behind it."""

    _settings: Settings | None = None

    @override
    def command(self, settings: Settings | None = None) -> str:
        self._settings = settings
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        settings = self._settings
        if settings is None:
            return {}
        if not settings.sites:
            return {"enabled": _ENABLED, "active": _ACTIVE, **files.sections(MANAGED)}
        wanted = " or ".join(f"sport = :{port}" for port in ports(settings))
        resolved = {
            f"name:{name}": f"if ls -d {_CERTIFICATES}/*/{name} >/dev/null;"
            f" then echo held; else timeout 10 getent ahosts {name}"
            " | cut -d' ' -f1 | sort -u; fi"
            for name in acme_names(settings)
        }
        behind = {
            f"upstream:{number}": _alive(site.place)
            for number, site in enumerate(settings.sites)
        }
        return {
            "version": "caddy version",
            "unit": f"systemctl show -p ActiveState -p NeedDaemonReload {places.UNIT}",
            "enabled": _ENABLED,
            "configurations": _CONFIGURATIONS,
            "stock": _STOCK,
            "agent": f"test -S {places.AGENT}",
            "clock": "systemctl list-unit-files --state=enabled --no-legend"
            " 'systemd-timesyncd.service' 'chrony*.service' 'ntp*.service' | grep -q ."
            ' && test "$(timedatectl show -P NTPSynchronized)" = no',
            "buffers": _BUFFERS,
            "listeners": f"ss -Hltnp '( {wanted} )' | sed 's/^/tcp /'"
            f"; ss -Hlunp '( sport = :{HTTPS} )' | sed 's/^/udp /'",
            "addresses": "ip -j addr",
            **resolved,
            **behind,
            **files.sections(MANAGED),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> CaddyHost:
        settings = self._settings
        if settings is None:
            return CaddyHost()
        if not settings.sites:
            return CaddyHost(
                enabled=answers["enabled"].ok,
                active=answers["active"].ok,
                files=files.observed(answers),
            )
        unit = dict(line.split("=", 1) for line in answers["unit"].lines)
        told = _configurations(answers["configurations"])
        return CaddyHost(
            version=_version(answers["version"].text),
            enabled=answers["enabled"].ok,
            active=unit.get("ActiveState") == "active",
            reload=unit.get("NeedDaemonReload") == "yes",
            running=told.get("running", ""),
            written=told.get("written", ""),
            unit=told.get("unit", ""),
            outdated=bool(told.get("gone")),
            is_stock=answers["stock"].ok,
            agent=answers["agent"].ok,
            in_step=not answers["clock"].ok,
            buffers=_buffers(answers["buffers"].lines),
            listeners=tuple(_listeners(answers["listeners"].lines)),
            names={
                name: tuple(answers[f"name:{name}"].lines)
                for name in acme_names(settings)
            },
            addresses=_addresses(answers["addresses"]),
            answering=frozenset(
                site.place
                for number, site in enumerate(settings.sites)
                if answers[f"upstream:{number}"].ok
            ),
            files=files.observed(answers),
        )


def _alive(place: Place) -> str:
    where = shlex.quote(place.where)
    return {
        Kind.PORT: f"ss -Hltn 'sport = :{place.where}' | grep -q .",
        Kind.SOCKET: f"test -S {where}",
        Kind.FOLDER: f"test -d {where}",
    }[place.kind]


def _version(text: str) -> tuple[int, ...]:
    found = _VERSION.match(text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _configurations(output: Output) -> dict[str, Any]:
    if not output.ok:
        return {}
    try:
        told: dict[str, Any] = json.loads(output.text)
    except ValueError as error:
        message = f"caddy's configurations: {output.text[:80]!r}"
        raise FactProcessError(message) from error
    return told


def _buffers(lines: list[str]) -> int | None:
    return min(int(line) for line in lines) if lines else None


def _listeners(lines: list[str]) -> list[Listener]:
    found = []
    for line in lines:
        words = line.split()
        # PROTOCOL STATE RECV-Q SEND-Q LOCAL PEER [PROCESS]
        local = words[4].rpartition(":")[2]
        program = re.search(r"\(\(\"([^\"]*)\"", line)
        found.append(Listener(words[0], int(local), program[1] if program else ""))
    return found


def _addresses(output: Output) -> tuple[IPAddress, ...]:
    try:
        entries = json.loads(output.text or "[]")
    except ValueError as error:
        message = f"ip answered {output.text[:80]!r}"
        raise FactProcessError(message) from error
    return tuple(
        ipaddress.ip_address(info["local"])
        for entry in entries
        for info in entry.get("addr_info", ())
        if "local" in info
    )
