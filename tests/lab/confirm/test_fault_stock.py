"""Stock hosts with something of somebody's that must not be overrun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.confirm.conftest import booted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.confirm.conftest import Trial

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("con-stock")]
FOREIGN = "/etc/ssh/sshd_config.d/60-foreign.conf"
STATE = (
    "find /etc -xdev -type f -exec sha256sum {} + | sort; getent passwd; getent group"
)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stock host; the tests of this module leave it as it was, but the last."""
    with booted(tmp_path_factory.mktemp("stock")) as host:
        yield host


@pytest.mark.parametrize(
    "lines",
    ["Match User *\n  PasswordAuthentication yes\n", "AllowGroups sudo games\n"],
    ids=["match", "groups"],
)
def test_foreign_line_that_would_weaken_is_refused(stock: Trial, lines: str) -> None:
    """A foreign line that would weaken the new policy is named with a remedy."""
    stock.sh(f"printf '{lines}' > {FOREIGN}")
    before = stock.sh(STATE)

    told = stock.commit(topics=["ssh"])

    assert told["status"] == "refused"
    assert FOREIGN in told["message"]
    assert told["fix"]
    assert before == stock.sh(STATE)
    stock.sh(f"rm {FOREIGN}")


def test_colleague_with_a_key_at_home_is_refused(stock: Trial) -> None:
    """Whoever logs in today by a key in his home must be adopted or dropped."""
    stock.sh(
        "useradd -m -s /bin/bash colleague; cd ~colleague; mkdir -m 700 .ssh;"
        f" echo '{stock.public_key}' > .ssh/authorized_keys; chown -R colleague: .ssh"
    )
    before = stock.sh(STATE)

    told = stock.commit(topics=["accounts", "ssh"])

    assert told["status"] == "refused"
    assert "colleague" in told["message"]
    assert "accounts.adopt" in told["fix"]
    assert "accounts.drop" in told["fix"]
    assert before == stock.sh(STATE)
    assert stock.gets_in("colleague", "true")


def test_adopted_colleague_still_gets_in(stock: Trial) -> None:
    """An adopted colleague gets in afterwards by the same key, a dropped one not."""
    told = stock.commit(
        topics=["accounts", "ssh"],
        settings={"accounts": {"adopt": ["colleague"], "drop": ["debian"]}},
    )

    assert told == {"status": "confirmed"}
    assert stock.gets_in("colleague", "true")
    assert stock.gets_in()
    assert not stock.gets_in("debian", "true")
