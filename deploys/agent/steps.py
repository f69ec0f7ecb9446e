"""POSIX sh that installs the agent, tries its configuration and switches to it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from deploys.agent import config, places, wheelhouse
from deploys.common.changes import Action
from deploys.common.remote import PATH
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.agent.wheel import Wheel
    from deploys.agent.wheelhouse import Machine
    from deploys.settings import Settings

ASK: Final = render(
    "agent/ask.py.j2", metrics=places.METRICS, gate=places.GATE
).decode()
"""Python that defines `healthy()`: whether the agent is at work."""


def _text(template: str, **values: object) -> str:
    return render(f"agent/{template}.j2", places=places, path=PATH, **values).decode()


def account() -> Action:
    """Have the agent's own account and group, that nobody logs in to."""
    return Action(f"make the account {places.USER}", _text("account.sh"))


def secret() -> Action:
    """Have the agent's secret, made on the host, for root alone."""
    return Action(f"make {places.SECRET}, for root alone", _text("secret.sh"))


def install(wheel: Wheel, machine: Machine, *, pushed: bool) -> Action:
    """Have an environment with *wheel*; *pushed* from here, or fetched by the host."""
    release = wheel.release(machine.python)
    text = _text(
        "install.sh",
        release=release,
        version=wheel.version,
        pushed=pushed,
    )
    how = "pushed from here" if pushed else "from PyPI"
    return Action(
        f"install the agent {release} beside what there is ({how})",
        text,
        supply=lambda: _unpack(wheel, machine, pushed=pushed),
    )


def _unpack(wheel: Wheel, machine: Machine, *, pushed: bool) -> str:
    found = wheelhouse.fetch(machine) if pushed else {}
    return f"unpack() {{\n{wheelhouse.shipped(wheel, found)}}}\n"


def trial(settings: Settings, release: str) -> Action:
    """Let the release judge the new configuration before it is placed."""
    encoded = base64.encodebytes(config.text(settings)).decode().rstrip("\n")
    text = _text("trial.sh", release=release, config=encoded)
    return Action("try the new configuration of the agent", text)


def keep(release: str) -> Action:
    """Remember the agent's files, and have the host go back if *release* is cut off."""
    settle = _text("settle.sh", shared=_shared(release))
    text = _text(
        "keep.sh",
        settle=base64.encodebytes(settle.encode()).decode().rstrip("\n"),
        unit=_text("settle.service").rstrip("\n"),
    )
    return Action("keep the agent's files for going back", text)


def enable() -> Action:
    """Have the agent started at every boot."""
    return Action(
        f"enable {places.UNIT}",
        f"systemctl --quiet daemon-reload\nsystemctl --quiet enable {places.UNIT}\n",
    )


def switch(release: str, why: str) -> Action:
    """Start *release*; go back to the former one if it does not come up."""
    reason = f" ({why})" if why else ""
    text = _text("switch.sh", shared=_shared(release))
    return Action(f"start the agent anew{reason}", text)


def _shared(release: str) -> str:
    return _text("upgrade.sh", release=release, ask=ASK)


def end() -> Action:
    """Stop the agent and what is part of it; its data, secret and settings stay."""
    return Action(
        f"stop {places.UNIT} and disable it (no site is behind login)",
        f"systemctl --quiet disable --now {places.UNIT}\n",
    )


def admit_caddy() -> Action:
    """Let the web server reach the gate: one restart of it, if it runs without."""
    return Action(
        f"let {places.CADDY} into the agent's group",
        f"usermod --append --groups {places.USER} {places.CADDY}\n"
        f"systemctl try-restart {places.CADDY}.service\n",
    )
