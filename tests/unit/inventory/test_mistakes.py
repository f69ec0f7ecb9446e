"""Every mistake is told with its place, its key and how to mend it."""

from __future__ import annotations

import base64
import os

import pytest

from keepgate.inventory import InventoryError, load
from tests.unit.inventory.mistakes import GOOD, Write, mistakes
from tests.unit.inventory.single import SINGLE


@pytest.mark.parametrize(("old", "new", "place", "key", "what", "fix"), SINGLE)
def test_one_mistake(
    write: Write,
    old: str,
    new: str,
    place: tuple[int, int],
    key: str,
    what: str,
    fix: str,
) -> None:
    """One mistake is one problem: at its place, about its key, with its remedy."""
    assert GOOD.count(old) == 1

    (problem,) = mistakes(write(GOOD.replace(old, new)))

    assert problem.at is not None
    assert (place, key) == ((problem.at.line, problem.at.column), problem.key)
    assert what in problem.what
    assert fix in problem.fix
    assert problem.fix


def test_the_text_that_the_mistakes_are_made_in_is_right(write: Write) -> None:
    """Without a mistake, nothing is refused."""
    assert ["one", "two"] == [host.name for host in load(write(GOOD)).hosts]


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    """Nobody mends an inventory one run at a time."""
    text = GOOD.replace("login", "logn").replace("30", "3").replace("[web]", "[wbe]")

    found = mistakes(write(text))

    assert [2, 9, 13] == [problem.at.line for problem in found if problem.at]


def test_a_mistake_in_defaults_is_told_once(write: Write) -> None:
    """Ten hosts below a wrong default do not make ten complaints."""
    text = GOOD.replace("login: debian", "login: debian\n  port: 0")

    assert ["defaults.port"] == [problem.key for problem in mistakes(write(text))]


def test_a_group_that_nobody_uses_is_read_too(write: Write) -> None:
    """A mistake does not wait for the day its group is used."""
    text = GOOD.replace("groups: [web]", "").replace("30", "3")

    assert ["groups.web.confirm.timeout"] == [
        problem.key for problem in mistakes(write(text))
    ]


def test_the_message_can_be_read(write: Write) -> None:
    """Place, key, mistake and remedy stand where an eye or an editor finds them."""
    path = write(GOOD.replace("hosts:", "host:").replace("30", "3"))

    with pytest.raises(InventoryError) as caught:
        load(path)

    assert str(caught.value) == (
        "The inventory inventories/x.yml has 2 problems; nothing was done.\n"
        "\n"
        "inventories/x.yml:9:24\n"
        "  groups.web.confirm.timeout: must be at least 10, not 3\n"
        "  -> Seconds between arming and the host's own rollback.\n"
        "\n"
        "inventories/x.yml:10:1\n"
        "  host: there is no such key\n"
        "  -> did you mean `hosts`?"
    )


def test_the_message_as_data(write: Write) -> None:
    """`--json` gets the same, piece by piece."""
    path = write(GOOD.replace("30", "3"))

    with pytest.raises(InventoryError) as caught:
        load(path)

    assert caught.value.as_dict() == {
        "inventory": str(path),
        "problems": [
            {
                "line": 9,
                "column": 24,
                "key": "groups.web.confirm.timeout",
                "message": "must be at least 10, not 3",
                "fix": "Seconds between arming and the host's own rollback.",
            }
        ],
    }


def test_long_values_are_not_told(write: Write) -> None:
    """What stands at the wrong place may be a secret."""
    secret = base64.b64encode(os.urandom(60)).decode()

    with pytest.raises(InventoryError) as caught:
        load(write(GOOD.replace("timeout: 30", f"timeout: '{secret}'")))

    assert secret[:12] not in str(caught.value)
