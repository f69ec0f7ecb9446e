"""What would change on a host's packet filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploys.common.changes import Directory, FileState, Plan
from deploys.firewall.facts import FirewallHost
from deploys.firewall.places import FOLDER, RULES, UNIT, UNIT_FILE
from deploys.firewall.plan import plan
from deploys.settings import Settings

MakeSettings = Callable[..., Settings]
Apply = Callable[[FirewallHost, Plan], FirewallHost]


@pytest.fixture
def done(stock: FirewallHost, settings: MakeSettings, applied: Apply) -> FirewallHost:
    """A host with the firewall of the default settings."""
    return applied(stock, plan(settings(), stock))


def _steps(found: Plan) -> list[str]:
    return [action.summary for action in found.after]


def test_first_firewall(stock: FirewallHost, settings: MakeSettings) -> None:
    """A file of our own, and a unit of our own that loads it."""
    found = plan(settings(), stock)

    assert () == found.refusals
    assert [FOLDER, RULES, UNIT_FILE] == [change.path for change in found.files]
    assert [f"enable {UNIT}"] == _steps(found)
    assert found.commit is not None
    assert (UNIT,) == found.commit.units


def test_rules_are_for_root_alone(stock: FirewallHost, settings: MakeSettings) -> None:
    """They name the networks that the operator comes from."""
    (rules,) = (c for c in plan(settings(), stock).files if c.path == RULES)

    assert isinstance(rules.after, FileState)
    assert ("root", "root", 0o600) == (
        rules.after.user,
        rules.after.group,
        rules.after.mode,
    )


def test_second_run_changes_nothing(done: FirewallHost, settings: MakeSettings) -> None:
    """The host as the first plan left it asks for no second one."""
    found = plan(settings(), done)

    assert not found
    assert () == found.notes


def test_new_settings_are_one_change(
    done: FirewallHost, settings: MakeSettings
) -> None:
    """Another port is another file, and nothing else."""
    found = plan(settings(tcp=(443,)), done)

    assert [RULES] == [change.path for change in found.files]
    assert [] == _steps(found)
    assert "+\t\ttcp dport { 443 } accept" in found.files[0].diff()


@pytest.mark.parametrize(
    ("live", "told"),
    [
        ("", '- comment "Keepgate"'),
        (
            'table inet keepgate {\n\tcomment "Keepgate"\n\ttcp dport 1 accept\n}\n',
            "+ tcp dport 1 accept",
        ),
    ],
)
def test_another_table_in_the_kernel_is_told_and_mended(
    done: FirewallHost, settings: MakeSettings, live: str, told: str
) -> None:
    """What counts is what the kernel holds, with the file as it should be."""
    found = plan(settings(), replace(done, live=live))

    assert () == found.files
    assert ["load the rules into the kernel"] == _steps(found)
    assert told in found.notes[0]


def test_file_that_does_not_load_is_no_firewall(
    done: FirewallHost, settings: MakeSettings
) -> None:
    """Nothing in the kernel and nothing to compare with is not `as it should be`."""
    found = plan(settings(), replace(done, live="", expected=""))

    assert ["load the rules into the kernel"] == _steps(found)


def test_unit_that_is_not_enabled_is_enabled(
    done: FirewallHost, settings: MakeSettings
) -> None:
    """The next boot counts, too."""
    found = plan(settings(), replace(done, enabled=False))

    assert () == found.files
    assert [f"enable {UNIT}"] == _steps(found)


def test_unit_that_failed_is_started(
    done: FirewallHost, settings: MakeSettings
) -> None:
    """A unit that is not active has not loaded the rules, whoever did."""
    found = plan(settings(), replace(done, active=False))

    assert ["load the rules into the kernel"] == _steps(found)


def test_lost_file_is_written_again(done: FirewallHost, settings: MakeSettings) -> None:
    """The kernel's table alone would not survive a restart."""
    lost = replace(done, files={**done.files, RULES: None}, expected="")

    found = plan(settings(), lost)

    assert [RULES] == [change.path for change in found.files]
    assert () == found.refusals


def test_every_change_can_be_taken_back(
    stock: FirewallHost, settings: MakeSettings
) -> None:
    """The table as it was is kept before anything changes, and put back."""
    found = plan(settings(), stock)

    assert ["keep the present rules for a rollback"] == [
        action.summary for action in found.before
    ]
    assert all(action.undo for action in (*found.before, *found.after))


def test_folder_of_others_is_left_as_it_is(
    done: FirewallHost, settings: MakeSettings
) -> None:
    """A folder that stands already is no change."""
    assert done.files[FOLDER] == Directory()
    assert not plan(settings(), done).files


@pytest.mark.parametrize(
    ("ports", "told"),
    [((), "leave closed"), ((8080,), "open"), (("8000-9000",), "open")],
)
def test_published_ports_are_told(
    stock: FirewallHost,
    settings: MakeSettings,
    ports: tuple[int | str, ...],
    told: str,
) -> None:
    """The operator learns of each what becomes of it."""
    host = replace(stock, engines=("docker",), published=("8080/tcp",))

    found = plan(settings(tcp=ports), host)

    assert f"a container publishes 8080/tcp, which the settings {told}" in found.notes


def test_router_is_told_that_it_is_none(
    stock: FirewallHost, settings: MakeSettings
) -> None:
    """A VPN that would stop working is worth a remark, with the remedy."""
    host = replace(stock, forwards=True)

    assert "firewall.forward" in plan(settings(), host).notes[0]
    assert () == plan(settings(forward=True), host).notes
