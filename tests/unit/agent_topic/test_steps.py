"""What the topic runs on a host, as far as it can be judged without one."""

from __future__ import annotations

import base64
import re
import subprocess

import pytest

from deploys.agent import places, steps
from deploys.agent.wheel import build
from tests.unit.agent_topic.conftest import TRIXIE


def _settle() -> str:
    """Return what is left on the host while a change is on its way."""
    found = re.search(r"KEEPGATE_SETTLE'\n(.*?)KEEPGATE_SETTLE", KEEP, re.DOTALL)
    assert found is not None
    return base64.b64decode(found[1]).decode()


KEEP = steps.keep("one").do
TEXTS = {
    "account": steps.account().do,
    "secret": steps.secret().do,
    "install": steps.install(build(), TRIXIE, pushed=True).do,
    "keep": KEEP,
    "settle": _settle(),
    "switch": steps.switch("one", "").do,
}


@pytest.mark.parametrize("name", TEXTS)
def test_it_is_sh(name: str) -> None:
    """Dash, Debian's, reads it to its end."""
    done = subprocess.run(["dash", "-n"], input=TEXTS[name], text=True, check=False)

    assert 0 == done.returncode


def test_who_ends_a_change_knows_both_agents() -> None:
    """The new one by its name, the former one by what was kept."""
    assert f"new={places.OPT}/one" in TEXTS["settle"]
    assert "former=$(readlink" in TEXTS["settle"]
    assert f"After={places.UNIT}" in KEEP


def test_nothing_is_taken_back_while_it_is_made() -> None:
    """Whoever ends a change waits for the lock of whoever makes it."""
    settle = TEXTS["settle"]

    assert settle.index("flock 9") < settle.index("flock 8")
    assert settle.index("flock 8") < settle.rindex("go_back")
    assert "flock 8" in TEXTS["switch"]
