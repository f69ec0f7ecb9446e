"""`auth-agent`: the command line on the host."""

from __future__ import annotations

from auth_agent.cli.main import main

__all__ = ["main"]
