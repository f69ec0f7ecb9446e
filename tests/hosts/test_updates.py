"""Updates: fetched, installed, watched over, without surprises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hostchecks import apt as apt_module
from hostchecks import origin
from hostchecks.results import not_observed

if TYPE_CHECKING:
    from hostchecks.apt import Apt
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.wanted import Wanted

DAY = 24 * 3600
UNATTENDED = "Unattended-Upgrade::"


def _origins(apt: Apt) -> tuple[str, ...]:
    return (
        *apt.items(f"{UNATTENDED}Origins-Pattern"),
        *apt.items(f"{UNATTENDED}Allowed-Origins"),
    )


@pytest.mark.control(
    id="UPD-01",
    title="Updates are installed by themselves",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1", "Lynis PKGS-7420"),
)
def test_installed(answers: dict[str, Section], seen: Seen) -> None:
    """unattended-upgrades is installed and configured."""
    state = answers["unattended-installed"].text.strip()

    assert "installed" == seen("unattended-upgrades", state or "not installed")


@pytest.mark.control(
    id="UPD-02",
    title="Package lists are fetched every day",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1", "Lynis PKGS-7420"),
)
def test_lists_are_fetched(apt: Apt, seen: Seen) -> None:
    """Apt's daily job looks for updates at least once a day (days)."""
    value = seen("interval", apt.value("APT::Periodic::Update-Package-Lists"))

    assert value in {"1", "always"}


@pytest.mark.control(
    id="UPD-03",
    title="Updates are installed every day",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1", "Lynis PKGS-7420"),
)
def test_upgrades_are_installed(apt: Apt, seen: Seen) -> None:
    """Apt's daily job runs unattended-upgrades at least once a day (days)."""
    value = seen("interval", apt.value("APT::Periodic::Unattended-Upgrade"))

    assert value in {"1", "always"}


@pytest.mark.control(
    id="UPD-04",
    title="The daily jobs are scheduled",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1",),
)
def test_timers(units: dict[str, dict[str, str]], seen: Seen) -> None:
    """Both timers of apt are enabled and waiting."""
    states = {
        name: f"{units[name]['UnitFileState']}, {units[name]['ActiveState']}"
        for name in ("apt-daily.timer", "apt-daily-upgrade.timer")
    }

    assert {"enabled, active"} == set(seen("", states).values())


@pytest.mark.control(
    id="UPD-05",
    title="Security updates are among them",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1", "Lynis PKGS-7420"),
)
def test_security_origin(apt: Apt, seen: Seen) -> None:
    """The release's security archive is an allowed origin."""
    found = [origin for origin in _origins(apt) if "security" in origin.lower()]

    assert seen("origins", found), "no security archive is allowed"


@pytest.mark.control(
    id="UPD-06",
    title="Point releases are among them",
    severity="medium",
    refs=("Lynis PKGS-7420",),
)
def test_point_releases(apt: Apt, seen: Seen) -> None:
    """The stable archive's own corrections come in too, not only security's."""
    found = [
        origin
        for origin in _origins(apt)
        if re.search(
            r"label=Debian(,|$)|^\$\{distro_id\}:\$\{distro_codename\}$", origin
        )
    ]

    assert seen("origins", found), "the stable archive is not allowed"


@pytest.mark.control(
    id="UPD-07",
    title="An update never waits for an answer",
    severity="medium",
    refs=("Keepgate: conffile prompts",),
)
def test_no_questions(apt: Apt, seen: Seen) -> None:
    """A changed configuration file is kept, so that the run does not stall."""
    options = apt.items("Dpkg::Options")

    assert {"--force-confdef", "--force-confold"} <= set(seen("dpkg", options))


@pytest.mark.control(
    id="UPD-08",
    title="Updates are installed in small steps",
    severity="low",
    refs=("unattended-upgrades MinimalSteps",),
)
def test_minimal_steps(apt: Apt, seen: Seen) -> None:
    """A shutdown in the middle leaves the package system whole."""
    value = apt.value(f"{UNATTENDED}MinimalSteps")
    seen("MinimalSteps", value)

    # It is on unless it is switched off.
    assert value is None or apt.is_true(f"{UNATTENDED}MinimalSteps")


@pytest.mark.control(
    id="UPD-09",
    title="A failed update is told",
    severity="medium",
    refs=("Keepgate: failure notice",),
)
def test_failure_notice(apt: Apt, units: dict[str, dict[str, str]], seen: Seen) -> None:
    """Somebody hears of it: by mail, or by a unit that starts when the job fails."""
    mail = seen("mail", apt.value(f"{UNATTENDED}Mail") or "none")
    unit = seen("OnFailure", units["apt-daily-upgrade.service"]["OnFailure"] or "none")

    assert {mail, unit} != {"none"}, "nobody hears of it"


@pytest.mark.control(
    id="UPD-10",
    title="The host restarts only when it was told when",
    severity="medium",
    refs=("unattended-upgrades Automatic-Reboot",),
)
def test_reboots(apt: Apt, wanted: Wanted, seen: Seen) -> None:
    """No reboot by itself, unless the settings name a time for it."""
    window = wanted.get("updates.reboot")
    reboots = apt.is_true(f"{UNATTENDED}Automatic-Reboot")
    seen("automatic reboot", reboots)
    if reboots:
        seen("at", apt.value(f"{UNATTENDED}Automatic-Reboot-Time"))

    assert bool(window) == reboots


@pytest.mark.control(
    id="UPD-11",
    title="Two package jobs wait for each other",
    severity="low",
    refs=("DPkg::Lock::Timeout",),
)
def test_lock_timeout(apt: Apt, seen: Seen) -> None:
    """A job that finds the lock taken waits instead of failing (seconds)."""
    value = seen("DPkg::Lock::Timeout", apt.value("DPkg::Lock::Timeout"))

    assert value is not None, "a job that finds the lock taken fails"
    assert int(value) == -1 or int(value) >= 60


@pytest.mark.control(
    id="UPD-12",
    title="Only signed packages are installed",
    severity="high",
    refs=("CIS Debian 12 1.2.1.1", "Lynis PKGS-7388"),
)
def test_signatures(apt: Apt, answers: dict[str, Section], seen: Seen) -> None:
    """No source is trusted without a signature and no option switches the test off."""
    switched_off = [
        key
        for key in (
            "APT::Get::AllowUnauthenticated",
            "Acquire::AllowInsecureRepositories",
            "Acquire::AllowDowngradeToInsecureRepositories",
        )
        if apt.is_true(key)
    ]

    assert [] == seen("switched off by", switched_off)
    assert [] == seen("trusted sources", answers["trusted-sources"].lines)


@pytest.mark.control(
    id="UPD-13",
    title="No security update is pending",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1", "Lynis PKGS-7392"),
    remedy="`apt-get update && apt-get dist-upgrade` on the host, or wait for the "
    "next daily run",
)
def test_nothing_pending(answers: dict[str, Section], seen: Seen) -> None:
    """Every security update that the host knows of is installed."""
    seen("other updates", len(apt_module.every(answers)))

    assert [] == seen("security updates", apt_module.security(answers["pending"]))


@pytest.mark.control(
    id="UPD-14",
    title="The host knows the current packages",
    severity="medium",
    refs=("Lynis PKGS-7392",),
    remedy="`apt-get update` on the host; if that fails, its sources or its network",
)
def test_lists_are_fresh(answers: dict[str, Section], seen: Seen) -> None:
    """The package lists are less than three days old."""
    text = answers["lists-age"].text.strip()
    if not text:
        pytest.fail("the host has no package lists at all")
    days = int(text) / DAY
    seen("age", f"{days:.1f} days")

    assert days < 3


@pytest.mark.control(
    id="UPD-15",
    title="The package system is healthy",
    severity="high",
    refs=("Lynis PKGS-7345",),
    remedy="`dpkg --configure -a` on the host",
)
def test_dpkg_is_healthy(answers: dict[str, Section], seen: Seen) -> None:
    """No package is half installed: dpkg --audit has nothing to say."""
    assert "" == seen("dpkg --audit", answers["dpkg-audit"].text.strip())


@pytest.mark.control(
    id="UPD-16",
    title="No package is held back",
    severity="low",
    refs=("CIS Debian 12 1.2.2.1",),
    remedy="`apt-mark unhold PACKAGE` on the host",
)
def test_nothing_held(answers: dict[str, Section], seen: Seen) -> None:
    """No package is exempt from updates."""
    assert [] == seen("held", answers["held"].lines)


@pytest.mark.control(
    id="UPD-17",
    title="No reboot is pending",
    severity="medium",
    refs=("Lynis KRNL-5830",),
    remedy="restart the host at a time that suits",
)
def test_no_reboot_pending(answers: dict[str, Section], seen: Seen) -> None:
    """No package has asked for a restart since the last one."""
    assert [] == seen("because of", answers["reboot-required"].lines)


@pytest.mark.control(
    id="UPD-18",
    title="The web server is among what is updated",
    severity="high",
    refs=("CIS Debian 12 1.2.2.1",),
)
def test_the_web_server(
    apt: Apt, answers: dict[str, Section], wanted: Wanted, seen: Seen
) -> None:
    """The archive that its package comes from is an allowed origin, too."""
    if not wanted.sites:
        not_observed("there are no sites")
    sites = {f"site={one.site}" for one in origin.parse(answers).strangers}

    assert set() == sites - set(seen("origins", _origins(apt)))
