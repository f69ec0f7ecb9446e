"""Names and paths of the web server on the host."""

from __future__ import annotations

from typing import Final

UNIT: Final = "caddy.service"
USER: Final = "caddy"
HOME: Final = "/var/lib/caddy"
"""Certificates and keys; kept, since authorities count what they issue."""

ROOT: Final = f"{HOME}/.local/share/caddy/pki/authorities/local/root.crt"
"""Certificate of Caddy's own authority, for `tls: internal`."""

CADDYFILE: Final = "/etc/caddy/Caddyfile"
DROPIN: Final = "/etc/systemd/system/caddy.service.d/keepgate.conf"
SYSCTL: Final = "/etc/sysctl.d/60-keepgate-caddy.conf"

KEYRINGS: Final = "/etc/apt/keyrings"
ARCHIVE_KEY: Final = f"{KEYRINGS}/keepgate-caddy.asc"
ARCHIVE_PINS: Final = "/etc/apt/preferences.d/keepgate-caddy"
ARCHIVE: Final = "/etc/apt/sources.list.d/keepgate-caddy.sources"
"""What has apt know of Caddy's archive, in the order in which it is written."""

ADMIN: Final = "/run/caddy/admin.sock"
"""Caddy's API; its folder is closed to all but Caddy and root."""

LOGS: Final = "/var/log/caddy"
ACCESS_LOG: Final = f"{LOGS}/access.json"

AGENT: Final = "/run/auth-agent/gate/agent.sock"
"""The agent's socket, made by the topic `agent`.

Until it is there, every request to a guarded site is refused: Caddy finds nobody to
ask.
"""

STATE: Final = "/run/keepgate/caddy.before"
"""Whether Caddy ran before a commit; gone after a restart."""

BUFFER: Final = 7_500_000
"""Bytes of a UDP socket's buffers that QUIC wants."""
