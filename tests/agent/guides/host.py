"""A host as the guides have it: `auth-agent` installed, configured and running."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.agent.web.browser import PASSWORD, Agent, Member, make_admin

_AGENT = """#!/bin/sh
# Has every command use the configuration of this host.
case " $* " in *" --local "*) exec {python} -m auth_agent "$@" ;; esac
exec {python} -m auth_agent "$@" --config {folder}/agent.toml
"""

_SYSTEMCTL = """#!/bin/sh
# Starts and stops the real agent, as the service manager of a host does.
case "$1" in
stop) kill -TERM "$(cat {folder}/pid)" && flock {folder}/state/lock true ;;
start)
    setsid {python} -m auth_agent serve --config {folder}/agent.toml \\
        >>{folder}/log 2>&1 </dev/null &
    echo $! >{folder}/pid
    until [ -S {folder}/run/control.sock ]; do sleep 0.1; done ;;
*) exit 2 ;;
esac
"""

LIMIT = 120.0


@dataclass
class Host:
    """A running agent with an administrator, ada, and a viewer, bob."""

    agent: Agent
    admin: Member
    home: Path

    @classmethod
    def start(cls, home: Path) -> Host:
        """Start one."""
        agent = Agent.start()
        folder = agent.folder
        (folder / "pid").write_text(str(agent.process.pid))
        places = {"python": sys.executable, "folder": folder}
        for name, text in (("auth-agent", _AGENT), ("systemctl", _SYSTEMCTL)):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text.format(**places))
            program.chmod(0o755)
        admin = make_admin(agent)
        path = agent.link("users", "add", "bob", "Bob", "bob@example.com")
        agent.browser().submit(path, path, password=PASSWORD, again=PASSWORD)
        return cls(agent, admin, home)

    def remove(self) -> None:
        """Stop it and remove what it made."""
        pid = int((self.agent.folder / "pid").read_text())
        if pid != self.agent.process.pid:
            os.kill(pid, 9)
        self.agent.remove()

    def run(self, script: str) -> tuple[int, str]:
        """Run *script* in a shell on a terminal; return its status and output."""
        main, other = pty.openpty()
        path = f"{self.agent.folder / 'bin'}:{os.environ['PATH']}"
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=self.home,
            env={**os.environ, "PATH": path, "HOME": str(self.home)},
        )
        os.close(other)
        shown = b""
        limit = time.monotonic() + LIMIT
        try:
            while time.monotonic() < limit:
                if select.select([main], [], [], 0.2)[0]:
                    shown += os.read(main, 4096)
                elif process.poll() is not None:
                    break
        except OSError:  # Linux' way to say that the terminal was closed
            pass
        finally:
            os.close(main)
            if time.monotonic() >= limit:
                process.kill()
        return process.wait(30), shown.decode()
