"""What is planned for a host's updates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError

from deploys.common.changes import Plan
from deploys.settings import Settings
from deploys.updates import wanted
from deploys.updates.facts import Apt, UpdatesHost
from deploys.updates.plan import FRESH, plan

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., UpdatesHost]


def steps(made: Plan) -> list[str]:
    """Return what the plan does beside writing files."""
    return [action.summary for action in (*made.before, *made.after)]


def test_a_host_as_wanted_is_left_alone(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Nothing to do means an empty plan without remarks."""
    settings = make_settings()

    assert Plan("updates") == plan(settings, make_host(settings))


def test_what_was_planned_is_what_is_wanted(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """A fresh host gets every file, tried before it is put in place."""
    settings = make_settings()
    fresh = dict.fromkeys(wanted.MANAGED)

    made = plan(settings, make_host(settings, files=fresh))

    assert set(wanted.MANAGED) == {change.path for change in made.files}
    assert ["try the new configuration of apt", "make systemd read units"] == (
        steps(made)
    )


@pytest.mark.parametrize("age", [None, FRESH, -1], ids=["none", "old", "future"])
def test_stale_lists_are_fetched(
    make_settings: MakeSettings, make_host: MakeHost, age: int | None
) -> None:
    """Lists that are missing, old or from the future do not tell what is pending."""
    settings = make_settings()

    assert ["fetch package lists and install security updates"] == steps(
        plan(settings, make_host(settings, age=age))
    )


def test_pending_security_updates_are_installed(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """One step installs what is pending."""
    settings = make_settings()
    host = make_host(settings, pending=("apt", "openssl"))

    assert ["install 2 security updates"] == steps(plan(settings, host))


def test_updates_can_wait_for_the_daily_job(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """With `now: false` neither lists nor packages are touched."""
    settings = make_settings(now=False)
    host = make_host(settings, age=None, pending=("apt",))

    assert [] == steps(plan(settings, host))


def test_sleeping_timers_are_started(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """A timer that does not wait, or would not after a boot, is mended."""
    settings = make_settings()
    host = make_host(settings, sleeping=("apt-daily.timer",))

    assert ["start apt-daily.timer"] == steps(plan(settings, host))


def test_an_override_is_refused(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """What a later file overrides is told, not written again and again."""
    settings = make_settings()
    host = make_host(settings)
    other = {**host.apt.scalars, "apt::periodic::unattended-upgrade": "0"}

    made = plan(settings, replace(host, apt=Apt(other, host.apt.lists)))

    assert ["updates-not-effective"] == [refusal.code for refusal in made.refusals]
    assert 'Unattended-Upgrade "1"' in made.refusals[0].message


def test_mail_without_a_mailer_is_told(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """Nobody waits for mail that cannot be sent."""
    settings = make_settings(mail="ops@example.org")

    assert "no sendmail" in plan(settings, make_host(settings)).notes[0]
    assert () == plan(settings, make_host(settings, mailer=True)).notes


def test_no_restart_unless_a_time_is_set(make_settings: MakeSettings) -> None:
    """A host restarts by itself only in its window."""
    never = wanted.scalars(make_settings())
    window = wanted.scalars(make_settings(reboot="04:30"))

    assert "false" == never["Unattended-Upgrade::Automatic-Reboot"]
    assert "Unattended-Upgrade::Automatic-Reboot-Time" not in never
    assert "true" == window["Unattended-Upgrade::Automatic-Reboot"]
    assert "04:30" == window["Unattended-Upgrade::Automatic-Reboot-Time"]


def test_foreign_lists_are_cleared_first(make_settings: MakeSettings) -> None:
    """Apt's lists grow from file to file: without #clear the stock ones stay."""
    lines = wanted.apt_conf(make_settings(), "debian").decode().splitlines()

    assert lines.index("#clear Unattended-Upgrade::Origins-Pattern;") < lines.index(
        "Unattended-Upgrade::Origins-Pattern {"
    )


def test_ubuntu_has_origins_of_its_own(make_settings: MakeSettings) -> None:
    """Ubuntu's archives bear other names, further ones come beside them."""
    lists = wanted.lists(make_settings(origins=["origin=Caddy"]), "ubuntu")

    assert (
        "${distro_id}:${distro_codename}-security"
        in (lists["Unattended-Upgrade::Allowed-Origins"])
    )
    assert ("origin=Caddy",) == lists["Unattended-Upgrade::Origins-Pattern"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reboot", "4:30"),
        ("reboot", "24:00"),
        ("reboot", "now"),
        ("mail", "ops@example.org; reboot"),
        ("mail", "-bd"),
        ("origins", ['origin=x"; Other "1']),
        ("origins", ["Caddy"]),
        ("lock_timeout", 5),
    ],
)
def test_bad_values_are_refused(
    make_settings: MakeSettings, key: str, value: object
) -> None:
    """What could not be meant, or would break out of apt's file, is no setting."""
    with pytest.raises(ValidationError, match=key):
        make_settings(**{key: value})
