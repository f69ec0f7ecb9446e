"""What a well-formed configuration may still have wrong: names, rules, roles, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from auth_agent.accounts.names import canonical_email
from auth_agent.authz.permissions import Role
from auth_agent.authz.policy import build_policy
from auth_agent.config.model import Config
from auth_agent.config.parse import parse
from auth_agent.config.problems import ConfigProblems, Problem, nearest
from auth_agent.config.sites import host_problems, site_problems
from auth_agent.errors import AgentError

RESERVED = "/_auth"
"""Below this path of every site the agent itself answers."""


def load(path: Path) -> Config:
    """Return the checked configuration in the file *path*.

    Raises:
        ConfigProblems: the file cannot be read or used; it names every reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), *_unread(error))
        raise ConfigProblems([problem]) from error
    config = parse(text)
    problems = list(problems_of(config))
    if problems:
        raise ConfigProblems(problems)
    return config


def _unread(error: OSError | UnicodeDecodeError) -> tuple[str, str]:
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8", "name another file"
    why = f"cannot be read: {error.strerror}"
    if isinstance(error, PermissionError):
        return why, "run this as root"
    return why, "name the file with --config; `auth-agent example-config` shows one"


def problems_of(config: Config) -> Iterator[Problem]:
    """Give everything in *config* that cannot work; touches no file."""
    yield from _login(config)
    yield from _server(config)
    if not (bad := list(_sites(config))):
        yield from _roles(config)
    yield from bad
    yield from _between(config)
    if config.mail and config.mail.socket and not config.mail.socket.startswith("/"):
        fix = "give a path that begins with /"
        yield Problem("mail.socket", "it is no absolute path", fix)
    if config.mail and bool(config.mail.user) != bool(config.mail.password_file):
        fix = "give both, or neither"
        yield Problem(
            "mail.password_file",
            "a user needs a password, and the other way round",
            fix,
        )


def _sites(config: Config) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, site in enumerate(config.sites):
        if site.host in seen:
            yield Problem(f"sites[{number}].host", "it is there twice", "join the two")
        seen.add(site.host)
        yield from site_problems(f"sites[{number}]", site)


def _between(config: Config) -> Iterator[Problem]:
    """Give keys that are well-formed, and do not go together."""
    keys, passwords, mail = config.api_keys, config.passwords, config.mail
    if keys.default_days > keys.maximum_days:
        fix = f"give at most api_keys.maximum_days ({keys.maximum_days})"
        yield Problem("api_keys.default_days", "no key may live that long", fix)
    if passwords.minimum_with_second_factor > passwords.minimum:
        fix = f"give at most passwords.minimum ({passwords.minimum})"
        key = "passwords.minimum_with_second_factor"
        yield Problem(key, "it is more than without a second factor", fix)
    if mail is None:
        return
    try:
        canonical_email(mail.sender)
    except AgentError as error:
        yield Problem("mail.sender", error.message, "write one like auth@example.com")
    if mail.password_file and not mail.password_file.startswith("/"):
        fix = "give a path that begins with /"
        yield Problem("mail.password_file", "it is no absolute path", fix)


_SOCKETS = ("listen", "control", "metrics")
MAX_SOCKET = 107
"""Bytes of a unix socket's path (unix(7): 108 with the NUL at its end)."""

_LOOPBACK = re.compile(r"127\.0\.0\.1:([1-9][0-9]{0,4})")
_PORTS = range(1, 65_536)


def is_loopback(listen: str) -> bool:
    """Whether *listen* is `127.0.0.1:PORT` and not the name of a socket."""
    found = _LOOPBACK.fullmatch(listen)
    return found is not None and int(found[1]) in _PORTS


def _login(config: Config) -> Iterator[Problem]:
    yield from host_problems("login.host", config.login.host)
    if config.login.idle > config.login.absolute:
        fix = f"give at most login.absolute ({config.login.absolute})"
        yield Problem("login.idle", "it is longer than a login lives", fix)
    shared = any(site.host == config.login.host for site in config.sites)
    if shared and config.login.path != RESERVED:
        fix = f'set login.path = "{RESERVED}", or use a host of its own'
        yield Problem("login.path", "the pages would hide the site's own", fix)
    if not shared and config.login.path not in {"/", RESERVED}:
        yield Problem("login.path", "it is not reserved", f'use "/" or "{RESERVED}"')


def _server(config: Config) -> Iterator[Problem]:
    server = config.server
    for name in ("listen", "control", "metrics", "state", "audit", "secret_file"):
        value: str = getattr(server, name)
        if name == "listen" and is_loopback(value):
            continue
        if not value.startswith("/"):
            fix = "give a path that begins with /"
            if name == "listen":
                fix += ", or 127.0.0.1:PORT"
            yield Problem(f"server.{name}", "it is no absolute path", fix)
        if name in _SOCKETS and len(value.encode()) > MAX_SOCKET:
            fix = f"name one of at most {MAX_SOCKET} bytes"
            yield Problem(f"server.{name}", "it is too long for a socket's path", fix)
    names = [server.listen, server.control, server.metrics]
    if len(set(names)) < len(names):
        yield Problem("server.control", "two sockets share one path", "separate them")
    if server.insecure_loopback and not (
        is_loopback(server.listen) and config.login.host == "localhost"
    ):
        fix = 'use listen = "127.0.0.1:PORT" and login.host = "localhost"'
        yield Problem("server.insecure_loopback", "it is for one's own machine", fix)
    if config.login.host == "localhost" and not server.insecure_loopback:
        fix = "set server.insecure_loopback = true, or name the real host"
        yield Problem("login.host", "localhost has no HTTPS", fix)


def _roles(config: Config) -> Iterator[Problem]:
    policy = build_policy(config)
    # Administrators have every permission that there is, of the agent and the sites.
    known = policy.roles[Role.ADMIN.value]
    for name, granted in config.roles.items():
        if name in set(Role):
            fix = "choose another name"
            yield Problem(f"roles.{name}", "built-in roles cannot be changed", fix)
        for permission in sorted(set(granted) - known):
            message = f"no permission is called {permission}"
            yield Problem(f"roles.{name}", message, nearest(permission, known))
    for name in config.second_factor.required_for:
        if name not in policy.roles:
            key = "second_factor.required_for"
            yield Problem(key, f"no role is called {name}", nearest(name, policy.roles))
    if Role.ADMIN.value not in config.second_factor.required_for:
        key = "second_factor.required_for"
        fix = 'add "admin"'
        yield Problem(key, "administrators always need a second factor", fix)
