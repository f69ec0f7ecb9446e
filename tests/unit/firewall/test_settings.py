"""What the firewall's settings take, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from deploys.firewall.settings import FirewallSettings


def test_settings_survive_the_way_to_the_host() -> None:
    """Ports, ranges and rules are the same after JSON, read strictly."""
    before = FirewallSettings.model_validate(
        {
            "tcp": (443, "8000-8010"),
            "udp": ("51820",),
            "rules": ({"port": 5432, "networks": ("10.0.0.0/8", "fd00::/8")},),
        }
    )

    after = FirewallSettings.model_validate_json(before.model_dump_json(), strict=True)

    assert before == after


@pytest.mark.parametrize(
    ("given", "place", "complaint"),
    [
        ({"tcp": [0]}, ("tcp", 0), "out of range"),
        ({"tcp": [70000]}, ("tcp", 0), "out of range"),
        ({"udp": ["9-1"]}, ("udp", 0), "write 1-9"),
        ({"tcp": [True]}, ("tcp", 0), "valid integer"),
        ({"tcp": ["http"]}, ("tcp", 0), "is no port"),
        ({"rules": [{"port": 22}]}, ("rules", 0, "networks"), "required"),
        (
            {"rules": [{"port": 22, "networks": []}]},
            ("rules", 0, "networks"),
            "at least 1",
        ),
        (
            {"rules": [{"port": 22, "networks": ["10.0.0.1/8"]}]},
            ("rules", 0, "networks", 0),
            "host bits",
        ),
        (
            {"rules": [{"port": 1, "networks": ["::/0"], "protocol": "icmp"}]},
            ("rules", 0, "protocol"),
            "tcp",
        ),
        ({"forwards": True}, ("forwards",), "not permitted"),
    ],
)
def test_bad_settings_are_refused(
    given: dict[str, Any], place: tuple[object, ...], complaint: str
) -> None:
    """The complaint names the place and the reason."""
    with pytest.raises(ValidationError) as caught:
        FirewallSettings.model_validate(given)

    (error, *_) = caught.value.errors()
    assert place == error["loc"][: len(place)]
    assert complaint in error["msg"]
