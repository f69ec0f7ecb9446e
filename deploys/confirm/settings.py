"""Settings of commit-confirmed changes."""

from __future__ import annotations

from pydantic import Field

from deploys.common.model import Model


class ConfirmSettings(Model):
    """How long a host waits for the proof before it rolls back by itself."""

    timeout: int = Field(
        default=180,
        ge=10,
        le=3600,
        description="Seconds between arming and the host's own rollback.",
    )
