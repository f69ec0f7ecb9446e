"""fail2ban on real hosts: who is shut out, who never is, and what mends itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.bans.conftest import FAR, PATIENT

if TYPE_CHECKING:
    from tests.lab.bans.conftest import Keeper

pytestmark = pytest.mark.lab

BOTH = pytest.mark.parametrize(
    "keeper",
    [
        pytest.param("trixie", marks=pytest.mark.xdist_group("bans-trixie")),
        pytest.param("bookworm", marks=pytest.mark.xdist_group("bans-bookworm")),
    ],
    indirect=True,
)
ONE = pytest.mark.parametrize(
    "keeper",
    [pytest.param("trixie", marks=pytest.mark.xdist_group("bans-trixie"))],
    indirect=True,
)
OPERATOR = "debian"
JAIL = "/etc/fail2ban/jail.d"


@BOTH
def test_a_second_run_changes_nothing(keeper: Keeper) -> None:
    """What the first run did is what is wanted, on both releases."""
    assert "" == keeper.first["error"], keeper.first["output"]
    again = keeper.apply()

    assert ("", []) == (again["error"], again["steps"])


@BOTH
def test_a_misbehaving_address_is_shut_out(keeper: Keeper) -> None:
    """Five failures, and the address gets no answer any more, on any port."""
    keeper.attack(keeper.attacker.address4)

    assert not keeper.reached()
    keeper.forgive()
    assert keeper.reached()


@BOTH
def test_who_names_an_account_and_goes_away_is_shut_out(keeper: Keeper) -> None:
    """As hydra does where no password is asked for: an account that there is."""
    keeper.attack(keeper.attacker.address4, user=OPERATOR)


@BOTH
def test_ipv6_is_shut_out_by_its_prefix(keeper: Keeper) -> None:
    """The whole /64 stands in the packet filter."""
    six = keeper.host.address6

    keeper.attack(f"{FAR}::/64", address=six, source=f"{FAR}::66")


@BOTH
def test_who_is_forgiven_is_let_in_again(keeper: Keeper) -> None:
    """Lifting every ban empties both sets, whichever family was banned before."""
    for address, element in (
        ("203.0.113.8", "203.0.113.8"),
        ("2001:db8:1::66", "2001:db8:1::/64"),
        ("203.0.113.9", "203.0.113.9"),
    ):
        keeper.ban(address, element)
        keeper.forgive()

        assert keeper.let_in(element)


@ONE
def test_who_comes_back_is_banned_for_long(keeper: Keeper) -> None:
    """Three bans by another jail within a day, and `recidive` bans for a week."""
    address = "203.0.113.77"
    keeper.sh("fail2ban-client set recidive maxretry 3")
    try:
        for number in range(3):
            assert not keeper.banned(address, "recidive"), f"after {number} bans"
            keeper.ban(address, address)
            keeper.sh(f"fail2ban-client set sshd unbanip {address}")

        keeper.eventually(
            lambda: keeper.banned(address, "recidive"), "the long ban is in force"
        )
        until = keeper.sh("fail2ban-client get recidive banip --with-time")
        assert "+ 604800 =" in until
    finally:
        keeper.sh(f"fail2ban-client set recidive maxretry {PATIENT['recidive_retry']}")


@ONE
def test_an_operator_who_has_logged_in_is_never_banned(keeper: Keeper) -> None:
    """Failures from an address with a successful login are ignored; no networks set."""
    assert 0 == keeper.login(OPERATOR)
    address = keeper.sh("journalctl -u ssh -o cat -g '^Accepted publickey' -n 1").split(
        " from "
    )[1]
    address = address.split()[0]
    for number in range(7):
        keeper.login(f"typo{number}")
    keeper.eventually(
        lambda: (
            keeper.sh(
                "journalctl -u fail2ban -o cat --since -1min"
                f" | grep -cF 'Ignore {address}'",
                check=False,
            ).strip()
            not in ("", "0")
        ),
        "fail2ban ignores the operator",
    )

    assert not keeper.banned(address)
    assert 0 == keeper.login(OPERATOR)


@ONE
def test_what_is_told_the_running_server_is_mended(keeper: Keeper) -> None:
    """A value changed behind our back is put right, the bans stay."""
    keeper.attack(keeper.attacker.address4)
    keeper.sh("fail2ban-client set sshd maxretry 99")

    told = keeper.apply()

    assert ["start fail2ban anew (sshd: maxretry is 99)"] == told["steps"]
    assert "5" == keeper.sh("fail2ban-client get sshd maxretry").strip()
    assert keeper.banned(keeper.attacker.address4)


@ONE
def test_bans_missing_from_the_packet_filter_are_mended(keeper: Keeper) -> None:
    """The server believes in its bans; nft knows better."""
    keeper.attack(keeper.attacker.address4)
    keeper.sh("nft delete table inet keepgate_bans")

    told = keeper.apply()

    assert "nft" in told["steps"][0]
    assert keeper.banned(keeper.attacker.address4)


@ONE
def test_bans_outlive_nftables_service(keeper: Keeper) -> None:
    """It empties the whole packet filter; the bans come back by themselves."""
    keeper.sh("systemctl start nftables")
    keeper.attack(keeper.attacker.address4)
    keeper.sh("systemctl stop nftables")

    keeper.eventually(
        lambda: keeper.banned(keeper.attacker.address4), "the ban is back"
    )


@ONE
def test_the_server_comes_back_when_it_is_killed(keeper: Keeper) -> None:
    """It starts again by itself and takes its bans with it."""
    keeper.attack(keeper.attacker.address4)
    before = keeper.sh("systemctl show -P MainPID fail2ban").strip()
    keeper.sh("systemctl kill -s KILL fail2ban")

    keeper.eventually(
        lambda: (
            keeper.sh("systemctl show -P MainPID fail2ban").strip() not in ("0", before)
            and keeper.sh("fail2ban-client ping", check=False)
            and keeper.banned(keeper.attacker.address4)
        ),
        "another server with the same ban",
        seconds=60,
    )


@ONE
def test_other_peoples_jails_survive(keeper: Keeper) -> None:
    """A foreign jail keeps its own values and goes on."""
    keeper.sh(
        "touch /var/log/foreign.log; printf '[foreign]\\nenabled = true\\n"
        "filter = sshd\\nbackend = polling\\nlogpath = /var/log/foreign.log\\n"
        f"maxretry = 17\\n' >{JAIL}/foreign.conf"
    )
    told = keeper.apply(fail2ban={"max_retry": 4})
    try:
        assert "" == told["error"]
        assert "17" == keeper.sh("fail2ban-client get foreign maxretry").strip()
        assert "4" == keeper.sh("fail2ban-client get sshd maxretry").strip()
        assert [] == keeper.apply(fail2ban={"max_retry": 4})["steps"]
    finally:
        keeper.sh(f"rm {JAIL}/foreign.conf /var/log/foreign.log")
        keeper.apply()


@ONE
def test_an_invalid_configuration_leaves_the_working_one(keeper: Keeper) -> None:
    """What fail2ban would refuse is never put in place; the server goes on."""
    keeper.sh(
        f"printf '[broken]\\nenabled = true\\nbackend = 7\\n' >{JAIL}/broken.conf"
    )
    ours = f"cat {JAIL}/zz-keepgate.local; systemctl show -P MainPID fail2ban"
    before = keeper.sh(ours)
    try:
        told = keeper.apply(fail2ban={"max_retry": 3})

        assert "fail2ban refuses its configuration" in told["error"]
        assert before == keeper.sh(ours)
    finally:
        keeper.sh(f"rm {JAIL}/broken.conf")


@ONE
def test_a_local_user_cannot_have_others_banned(keeper: Keeper) -> None:
    """What sshd is said to have said by somebody else does not count."""
    victim = "203.0.113.5"
    line = f"Failed password for root from {victim} port 4711 ssh2"
    keeper.sh(
        f"for i in 1 2 3 4 5 6 7; do setpriv --reuid=1000 logger -t sshd '{line}'; done"
    )
    # Whoever comes later has been judged after all of these.
    keeper.attack(keeper.attacker.address4)

    assert not keeper.banned(victim)
    assert "" == keeper.sh(
        f"journalctl -u fail2ban -o cat | grep -F {victim}", check=False
    )
