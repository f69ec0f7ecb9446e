"""The rendered rules before the real kernel, in a network namespace of their own."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from deploys.accounts.settings import OperatorSettings
from deploys.firewall import rules
from deploys.firewall.settings import FirewallSettings
from deploys.settings import Settings

pytestmark = pytest.mark.lab
RULE = {"port": "5000-5010", "networks": ("10.0.0.0/8", "10.1.0.0/16", "fd00::/8")}
WISHES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "services": {"tcp": (443, "8000-8010", 8005), "udp": (51820,), "rules": (RULE,)},
    "router": {"forward": True, "tcp": (80,)},
    "silent": {"ping": False, "log": False},
}


@pytest.mark.parametrize("engines", [(), ("docker", "podman", "libvirt")], ids=len)
@pytest.mark.parametrize("networks", [(), ("192.0.2.0/24", "2001:db8::1")], ids=len)
@pytest.mark.parametrize("wish", list(WISHES))
def test_kernel_takes_the_rules_twice(
    wish: str, networks: tuple[str, ...], engines: tuple[str, ...]
) -> None:
    """They load where no table was, and in place of the one that is there."""
    settings = Settings.model_construct(
        operator=OperatorSettings.model_construct(
            name="keeper", keys=(), networks=networks
        ),
        firewall=FirewallSettings.model_validate(WISHES[wish]),
    )
    text = rules.text(settings, ssh_ports=(22, 2222), engines=engines)
    twice = 'rules=$(cat); for _ in 1 2; do echo "$rules" | nft -f - || exit 1; done'

    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", twice],
        input=text,
        capture_output=True,
        check=False,
    )

    assert (0, b"") == (done.returncode, done.stderr)
