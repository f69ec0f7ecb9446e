"""The web server of a host: its unit, its running configuration, its files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hostchecks.batch import Section

ADMIN = "/run/caddy/admin.sock"
ROOT = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"

# Nothing is looked for on a host that has no web server of this kind.
_THERE = "command -v caddy >/dev/null || exit 1; "
_RUNNING = f"""\
python3 -I - <<'EOF'
import socket
server = socket.socket(socket.AF_UNIX)
server.settimeout(10)
server.connect("{ADMIN}")
server.sendall(b"GET /config/ HTTP/1.0\\r\\n\\r\\n")
print(server.makefile().read().partition("\\n\\n")[2])
EOF
"""

SECTIONS = {
    "web-unit": _THERE + "systemctl is-active caddy.service",
    "web-enabled": _THERE + "systemctl is-enabled caddy.service",
    "web-score": _THERE + "systemd-analyze security --no-pager caddy.service",
    "web-running": _THERE + _RUNNING,
    "web-files": "stat -L -c '%a|%U|%G|%F|%n' -- /run/caddy /var/lib/caddy"
    " /var/log/caddy /var/log/caddy/access.json /etc/caddy/Caddyfile",
    "web-root": f"cat {ROOT}",
}


@dataclass(frozen=True)
class Web:
    """The web server as it runs; *score* is systemd's, 10 where there is none."""

    active: bool
    enabled: bool
    score: float
    admin: str
    hosts: frozenset[str]
    root: str


def parse(answers: Mapping[str, Section]) -> Web:
    """Return the web server that *answers* tell of."""
    try:
        running: dict[str, Any] = json.loads(answers["web-running"].text or "{}")
    except ValueError:
        running = {}
    return Web(
        active=answers["web-unit"].lines == ["active"],
        enabled=answers["web-enabled"].lines == ["enabled"],
        score=_score(answers["web-score"].text),
        admin=str((running.get("admin") or {}).get("listen", "")),
        hosts=frozenset(_hosts(running)),
        root=answers["web-root"].text,
    )


def _score(text: str) -> float:
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", text)
    return float(found[1]) if found else 10.0


def _hosts(running: dict[str, Any]) -> Iterator[str]:
    servers = running.get("apps", {}).get("http", {}).get("servers", {})
    for server in servers.values():
        for route in server.get("routes", ()):
            for match in route.get("match", ()):
                yield from match.get("host", ())
