"""Every key of the configuration, with its type, bounds and default.

Durations are in seconds. Secrets are never here: only names of files that hold
them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(min_length=1, max_length=253)]


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the process listens and keeps its state."""

    listen: str = "/run/auth-agent/gate/agent.sock"
    control: str = "/run/auth-agent/control.sock"
    metrics: str = "/run/auth-agent/metrics.sock"
    state: str = "/var/lib/auth-agent"
    audit: str = "/var/lib/auth-agent/audit"
    secret_file: str = "/etc/auth-agent/secret"  # noqa: S105 - a file's name
    log_level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"
    insecure_loopback: bool = False


class Site(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One host name behind the gate."""

    host: Name
    preset: str = "app"
    public: tuple[str, ...] = ()
    rules: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    assertion: bool = False


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the pages live, and how long a login lasts."""

    host: Name
    path: Annotated[str, Meta(pattern="^/([A-Za-z0-9_-]+)?$")] = "/"
    title: Annotated[str, Meta(min_length=1, max_length=60)] = "Sign in"
    idle: Annotated[int, Meta(ge=60, le=86_400)] = 3_600
    absolute: Annotated[int, Meta(ge=300, le=86_400)] = 43_200
    step_up: Annotated[int, Meta(ge=30, le=900)] = 300
    per_account: Annotated[int, Meta(ge=1, le=100)] = 20


class Passwords(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a password must be, and what hashing it costs."""

    minimum: Annotated[int, Meta(ge=15, le=64)] = 15
    minimum_with_second_factor: Annotated[int, Meta(ge=8, le=64)] = 8
    memory_kib: Annotated[int, Meta(ge=19_456, le=1_048_576)] = 19_456
    iterations: Annotated[int, Meta(ge=2, le=16)] = 2
    workers: Annotated[int, Meta(ge=1, le=16)] = 2
    queue: Annotated[int, Meta(ge=1, le=256)] = 32


class SecondFactor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which roles a second factor is required; always for admins."""

    required_for: tuple[str, ...] = ("admin",)


class Regulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When failures lock an account, for devices that never logged in to it."""

    lockout_after: Annotated[int, Meta(ge=3, le=20)] = 5
    lockout_for: Annotated[int, Meta(ge=60, le=86_400)] = 900


class ApiKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long keys live."""

    default_days: Annotated[int, Meta(ge=1, le=365)] = 90
    maximum_days: Annotated[int, Meta(ge=1, le=365)] = 365


class Audit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long records are kept."""

    keep_days: Annotated[int, Meta(ge=30, le=3_650)] = 400


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SMTP server for links and notices; without one an admin hands links over.

    With *socket* it is reached through that unix socket, by an agent that has no
    network of its own; *host* is still what its certificate must name.
    """

    host: Name
    port: Port = 587
    socket: str = ""
    sender: str
    user: str = ""
    password_file: str = ""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    login: Login
    server: Server = Server()
    sites: tuple[Site, ...] = ()
    passwords: Passwords = Passwords()
    second_factor: SecondFactor = SecondFactor()
    regulation: Regulation = Regulation()
    api_keys: ApiKeys = ApiKeys()
    audit: Audit = Audit()
    mail: Mail | None = None
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
