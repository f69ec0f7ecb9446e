"""Names and paths of the agent on the host."""

from __future__ import annotations

from typing import Final

UNIT: Final = "auth-agent.service"
USER: Final = "auth-agent"
"""Account and group; Caddy is in the group, so that it reaches the gate's socket."""

OPT: Final = "/opt/auth-agent"
"""Holds an environment per release, root's own, and the link to the one in use."""

CURRENT: Final = f"{OPT}/current"
COMPLETE: Final = "keepgate-complete"
"""A file in an environment, written last: without it the environment is half made."""

ETC: Final = "/etc/auth-agent"
CONFIG: Final = f"{ETC}/auth-agent.toml"
SECRET: Final = f"{ETC}/secret"
"""Made on the host, never leaves it; systemd hands it to the agent."""

CREDENTIAL: Final = "mail-password"
PASSWORD: Final = f"{ETC}/{CREDENTIAL}"
"""The mail server's, pushed from the controller; systemd hands it to the agent."""

COMMAND: Final = "/usr/local/sbin/auth-agent"
UNIT_FILE: Final = f"/etc/systemd/system/{UNIT}"

MAIL: Final = "/run/auth-agent-mail.sock"
"""Leads to the mail server, and nowhere else; the agent has no other way out."""

MAIL_SOCKET: Final = "auth-agent-mail.socket"
MAIL_UNITS: Final = tuple(
    f"/etc/systemd/system/{name}" for name in (MAIL_SOCKET, "auth-agent-mail.service")
)

SEAL: Final = "/usr/local/sbin/auth-agent-seal"
"""Has the segments of the audit log append-only, which the agent itself cannot undo."""

SEAL_WATCH: Final = ("auth-agent-seal.path", "auth-agent-seal.timer")
SEAL_UNITS: Final = tuple(
    f"/etc/systemd/system/{name}" for name in ("auth-agent-seal.service", *SEAL_WATCH)
)

GOING_BACK: Final = (CONFIG, UNIT_FILE, PASSWORD, *MAIL_UNITS)
"""Files that are kept while a new agent is tried."""

STATE: Final = "/var/lib/auth-agent"
DATABASE: Final = f"{STATE}/agent.db"
BEFORE: Final = f"{STATE}/before-upgrade.db"
"""The database as it was before the last upgrade."""

RUN: Final = "/run/auth-agent"
GATE: Final = f"{RUN}/gate/agent.sock"
METRICS: Final = f"{RUN}/metrics.sock"

KEPT: Final = "/var/lib/keepgate/agent"
"""Files of the agent as they were before the last change."""

SETTLE: Final = "keepgate-agent"
"""Unit and timer that end a change which was cut off."""

SETTLE_UNIT: Final = f"/etc/systemd/system/{SETTLE}.service"
SETTLE_LINK: Final = f"/etc/systemd/system/multi-user.target.wants/{SETTLE}.service"
SETTLE_AFTER: Final = 60
"""Seconds after which the host looks whether a change was cut off."""

LOCK: Final = "/run/keepgate/agent.lock"
"""Held by whoever switches from one agent to the other, or back."""

CADDY: Final = "caddy"
"""Account, group and unit of the web server."""
