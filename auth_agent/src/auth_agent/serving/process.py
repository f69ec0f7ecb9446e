"""`auth-agent serve`: opens the state, listens, and ends without losing anything."""

from __future__ import annotations

import asyncio
import gc
import hmac
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from auth_agent.accounts.mail import SmtpMailer
from auth_agent.apikeys.text import PREFIX
from auth_agent.authz.policy import build_policy
from auth_agent.callers import Caller
from auth_agent.clock import Clock, SystemClock
from auth_agent.config.check import is_loopback
from auth_agent.config.model import Config
from auth_agent.config.secrets import read_file, read_secret
from auth_agent.errors import AgentError, ConflictError
from auth_agent.owning import become_owner
from auth_agent.services import Services, open_services
from auth_agent.serving.control import Control
from auth_agent.serving.entry import Entry
from auth_agent.serving.journal import announce
from auth_agent.serving.logs import Redactor, configure
from auth_agent.serving.monitor import Monitor
from auth_agent.serving.questions import MAX_LINE
from auth_agent.serving.sockets import (
    GATE_MODE,
    PRIVATE_MODE,
    check_free,
    created_with,
    notify,
    prepare,
)
from auth_agent.serving.watch import Watch
from auth_agent.sessions.assertions import Assertions
from auth_agent.web.actions.base import Runtime
from auth_agent.web.bridge import Channel, PageScope
from auth_agent.web.gate import Gate
from auth_agent.web.site import build
from auth_agent.web.targets import Targets

TICK = 5.0
"""Seconds between two rounds of what is due."""

START_LIMIT = 20.0
"""Seconds until a gate that takes no connection counts as lost."""

_log = logging.getLogger("auth_agent")


def make_runtime(
    services: Services, config: Config, path: Path, secret: bytes, clock: Clock
) -> tuple[Runtime, Targets]:
    """Return what the process works with, and the signer of return targets."""
    key = hmac.digest(secret, b"auth-agent return target", sha256)
    targets = Targets(key, lambda: clock.now().timestamp())
    server, login = config.server, config.login
    scheme = "http" if server.insecure_loopback else "https"
    port = f":{server.listen.rpartition(':')[2]}" if server.insecure_loopback else ""
    base = login.path.rstrip("/")
    gate = Gate(
        services,
        build_policy(config),
        targets=targets,
        clock=clock,
        scheme=scheme,
        login_url=f"{scheme}://{login.host}{port}{base}/login",
        key_prefix=PREFIX,
        assertions=Assertions(
            secret, f"{scheme}://{login.host}{port}", lambda: clock.now().timestamp()
        ),
    )
    return Runtime(services, config, gate, path, secret), targets


@asynccontextmanager
async def opened(config: Config, path: Path) -> AsyncIterator[tuple[Runtime, Targets]]:
    """Open the state under its exclusive lock, and close it in the end.

    From here on the process is the state's owner; see `become_owner`.
    """
    secret, mailer = read_secret(Path(config.server.secret_file)), _mailer(config)
    become_owner(Path(config.server.state))
    clock = SystemClock()
    services = await open_services(
        config,
        secret=secret,
        clock=clock,
        roles=build_policy(config).roles,
        announce=announce,
        mailer=mailer,
    )
    try:
        yield make_runtime(services, config, path, secret, clock)
    finally:
        await services.close()


def _mailer(config: Config) -> SmtpMailer | None:
    if config.mail is None:
        return None
    return SmtpMailer(config.mail, _mail_password(config))


def _mail_password(config: Config) -> str:
    if config.mail is None or not config.mail.password_file:
        return ""
    data = read_file(Path(config.mail.password_file), key="mail.password_file")
    return data.decode("utf-8", "replace").strip()


async def serve(config: Config, path: Path, *, welcome: bool = False) -> None:
    """Serve until SIGTERM or SIGINT.

    With *welcome* the link that makes the first administrator is shown, if there is
    none yet; for a terminal only.

    Raises:
        AgentError: it cannot start, or one of its sockets was taken away.
    """
    _logs(config)
    # Tens of thousands of logins are read now; nothing of them is garbage.
    gc.collect()
    gc.disable()
    async with AsyncExitStack() as stack:
        runtime, targets = await stack.enter_async_context(opened(config, path))
        control, monitor = Control(runtime), Monitor(runtime)
        for name, handler in (
            (config.server.control, control.serve),
            (config.server.metrics, monitor.serve),
        ):
            private = handler == control.serve
            socket_path = Path(name)
            prepare(socket_path)
            with created_with(PRIVATE_MODE if private else GATE_MODE):
                listener = await asyncio.start_unix_server(
                    handler, socket_path, limit=MAX_LINE
                )
            stack.callback(socket_path.unlink, missing_ok=True)
            stack.callback(listener.close)
        entry = Entry(runtime, runtime.gate, build(runtime, targets))
        server = make_server(config.server.listen, entry)
        watching = asyncio.create_task(_watch(runtime, server))
        stack.callback(watching.cancel)

        def stop() -> None:
            # The server takes its own socket away now.
            watching.cancel()
            loop.call_soon(server.stop)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        ticking = asyncio.create_task(_tick(runtime))
        stack.callback(ticking.cancel)
        # What lives as long as the process need not be looked at again and again.
        gc.freeze()
        gc.enable()
        if welcome:
            await _welcome(runtime)
        with created_with(GATE_MODE):
            await server.serve()
        notify("STOPPING=1")
        _log.info("stopping")
        if watching.done() and not watching.cancelled():
            message = f"the socket {watching.result()} was taken away"
            raise AgentError(message, fix="start the agent anew; systemd does")


class App(Protocol):
    """What granian calls for each request."""

    async def __rsgi__(self, scope: PageScope, channel: Channel) -> None:
        """Answer one request."""
        ...


def make_server(listen: str, app: App) -> Server:
    """Return the server of *app* at *listen*, a socket's path or `127.0.0.1:PORT`."""
    host, _, port = listen.rpartition(":")
    uds = None
    if is_loopback(listen):
        check_free(host, int(port))
    else:
        uds = Path(listen)
        prepare(uds)
        host, port = "127.0.0.1", "0"
    return Server(
        app,
        address=host,
        port=int(port),
        uds=uds,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )


async def _welcome(runtime: Runtime) -> None:
    try:
        link = await runtime.services.accounts.first_admin_link(Caller.cli())
    except ConflictError:
        sys.stdout.write(f"Sign in at {runtime.base_url}\n")
        return
    url = f"{runtime.base_url}/link/first-admin/{link.token}"
    sys.stdout.write(f"Make the first administrator within 15 minutes:\n{url}\n")
    sys.stdout.flush()


async def _tell_ready(runtime: Runtime, watch: Watch) -> Path | None:
    """Say that it is ready once it is: when the gate takes a connection.

    The server has no hook for that; it listens some time after it was started.
    Returns a socket that was lost before that, if one was.
    """
    listen = runtime.config.server.listen
    loop = asyncio.get_running_loop()
    until = loop.time() + START_LIMIT
    while not await _answers(listen):
        if lost := watch.look():
            return lost
        if loop.time() > until and not is_loopback(listen):
            return Path(listen)
        await asyncio.sleep(0.01)
    notify("READY=1")
    _log.info("ready", extra={"listen": listen, "login": runtime.base_url})
    return None


async def _watch(runtime: Runtime, server: Server) -> Path:
    """Say when it is ready; end *server* once a socket is lost, and return which."""
    told = runtime.config.server
    gate = () if is_loopback(told.listen) else (told.listen,)
    watch = Watch(map(Path, (*gate, told.control, told.metrics)))
    lost = await _tell_ready(runtime, watch) or await watch.until_lost()
    asyncio.get_running_loop().call_soon(server.stop)
    return lost


async def _answers(listen: str) -> bool:
    host, _, port = listen.rpartition(":")
    try:
        if is_loopback(listen):
            _, writer = await asyncio.open_connection(host, int(port))
        else:
            _, writer = await asyncio.open_unix_connection(listen)
    except OSError:
        return False
    writer.close()
    return True


async def _tick(runtime: Runtime) -> None:
    while True:
        await asyncio.sleep(TICK)
        try:
            await runtime.services.system.tick()
        except AgentError as error:
            _log.error("not all that is due was done: %s", error.message)
        except Exception:  # noqa: BLE001 - the next round may do better
            _log.exception("what is due failed")


def _logs(config: Config) -> None:
    secret = read_secret(Path(config.server.secret_file))
    values = [secret.hex(), secret.decode("latin-1")]
    values.append(_mail_password(config))
    configure(config.server.log_level, Redactor(values))
