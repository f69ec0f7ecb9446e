"""An agent's state with many accounts, sessions and keys, written as rows.

The rows are those that the agent itself would write; tens of thousands of logins
by password would take an hour.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from auth_agent.apikeys import text as key_text
from auth_agent.authz.policy import build_policy
from auth_agent.config.check import load
from auth_agent.config.secrets import read_secret
from auth_agent.ids import random_id, random_token, token_hash
from auth_agent.services import open_services

if TYPE_CHECKING:
    from auth_agent.storage.store import Transaction

SITE: Final = "app.example.com"
LOGIN_HOST: Final = "auth.example.com"
PASSWORD: Final = "velvet tramp owl sock"  # noqa: S105 - of accounts made here
ROLES: Final = ("viewer", "viewer", "viewer", "editor", "editor")
KEYS: Final = 1_000
GIVEN: Final = 1_000
"""How many cookies and keys the load is given; spread over all of them."""

CONFIG: Final = """\
[login]
host = "{login}"
idle = 43200
[server]
listen = "{listen}"
control = "{folder}/run/control.sock"
metrics = "{folder}/run/metrics.sock"
state = "{folder}/state"
audit = "{folder}/state/audit"
secret_file = "{folder}/secret"
log_level = "{level}"
[[sites]]
host = "{site}"
public = ["/static", "/assets", "/favicon.ico"]
rules = {{ "app.admin" = [["*", "/manage"], ["*", "/settings/billing"]] }}
[[sites]]
host = "wiki.example.com"
[[sites]]
host = "dash.example.com"
preset = "dango"
[[sites]]
host = "files.example.com"
public = ["/shared"]
[[sites]]
host = "api.example.com"
"""


@dataclass(frozen=True)
class Size:
    """How much there is; each session is of another account."""

    users: int
    sessions: int


@dataclass(frozen=True)
class Filled:
    """What opens the doors: cookies of sessions at `SITE`, keys, names."""

    cookies: tuple[str, ...]
    keys: tuple[str, ...]
    names: tuple[str, ...]


def prepare(folder: Path, listen: str, *, level: str = "warning") -> Path:
    """Write the configuration and the secret; return the configuration's path."""
    (folder / "run").mkdir(mode=0o750)
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_hex(32), encoding="ascii")
    path = folder / "agent.toml"
    text = CONFIG.format(
        login=LOGIN_HOST, site=SITE, listen=listen, folder=folder, level=level
    )
    path.write_text(text, encoding="utf-8")
    return path


def fill(path: Path, size: Size) -> Filled:
    """Write the state that *path* configures."""
    return asyncio.run(_fill(path, size))


async def _fill(path: Path, size: Size) -> Filled:
    config = load(path)
    services = await open_services(
        config,
        secret=read_secret(Path(config.server.secret_file)),
        roles=build_policy(config).roles,
    )
    password = PasswordHasher(
        time_cost=config.passwords.iterations,
        memory_cost=config.passwords.memory_kib,
        parallelism=1,
    ).hash(PASSWORD)
    now = services.core.micros()
    users = [random_id() for _ in range(size.users)]
    cookies = [random_token() for _ in range(size.sessions)]
    keys = [key_text.new_key() for _ in range(min(KEYS, size.users))]

    def work(tx: Transaction) -> None:
        for number, user in enumerate(users):
            tx.execute(
                "INSERT INTO users (id, name, display_name, email, role, active,"
                " password, password_changed, created) VALUES (?,?,?,?,?,1,?,?,?)",
                (
                    user,
                    f"user{number}",
                    f"User Number {number}",
                    f"user{number}@example.com",
                    ROLES[number % len(ROLES)],
                    password,
                    now,
                    now,
                ),
            )
        for cookie, user in zip(cookies, users, strict=False):
            login = random_id()
            tx.execute(
                "INSERT INTO logins (id, hash, user_id, created, expires, seen,"
                " stepped_up, methods, ip, user_agent) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    login,
                    token_hash(random_token()),
                    user,
                    now,
                    now + config.login.absolute * 1_000_000,
                    now,
                    now,
                    "password",
                    "192.0.2.1",
                    "Browser/1",
                ),
            )
            tx.execute(
                "INSERT INTO site_sessions (hash, login_id, host, created)"
                " VALUES (?,?,?,?)",
                (token_hash(cookie), login, SITE, now),
            )
        for key, user in zip(keys, users, strict=False):
            tx.execute(
                "INSERT INTO api_keys (id, hash, user_id, name, prefix, scopes,"
                " networks, paths, created, expires) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    random_id(),
                    token_hash(key),
                    user,
                    "load",
                    key_text.shown(key),
                    "app.view files.view",
                    "",
                    "",
                    now,
                    now + 86_400_000_000,
                ),
            )

    await services.core.store.write(work)
    await services.close()
    return Filled(
        tuple(cookies[:: max(1, len(cookies) // GIVEN)][:GIVEN]),
        tuple(keys[:GIVEN]),
        tuple(f"user{number}" for number in range(size.users)),
    )
