"""Apt's and systemd's configuration for automatic updates, as Keepgate wants it.

One description is the source of the files and of what `apt-config dump` must say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploys.caddy.archive.settings import Package
from deploys.common.changes import Directory, FileState
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.settings import Settings

APT: Final = "/etc/apt/apt.conf.d/zz-keepgate-updates"
"""Letters sort after digits: this file is read last."""

PROGRAM: Final = "/usr/local/sbin/keepgate-updates"
TIMERS: Final = ("apt-daily.timer", "apt-daily-upgrade.timer")
_UNITS: Final = "/etc/systemd/system"
_DROPIN: Final = f"{_UNITS}/apt-daily-upgrade.service.d"
_FAILED: Final = f"{_UNITS}/keepgate-updates-failed.service"
_STALE: Final = 3 * 24 * 3600
"""Seconds after which package lists count as a failure."""

MANAGED: Final = (APT, PROGRAM, _FAILED, _DROPIN, f"{_DROPIN}/keepgate.conf")

_UU: Final = "Unattended-Upgrade"
_PATTERNS: Final = f"{_UU}::Origins-Pattern"
_OPTIONS: Final = "DPkg::Options"
_DEBIAN: Final = (
    "origin=Debian,codename=${distro_codename},label=Debian",
    "origin=Debian,codename=${distro_codename}-updates,label=Debian",
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
    # As it was called before Debian 11.
    "origin=Debian,codename=${distro_codename},label=Debian-Security",
)
_UBUNTU: Final = (
    "${distro_id}:${distro_codename}",
    "${distro_id}:${distro_codename}-security",
    "${distro_id}:${distro_codename}-updates",
    "${distro_id}ESMApps:${distro_codename}-apps-security",
    "${distro_id}ESM:${distro_codename}-infra-security",
)


def lists(settings: Settings, system: str) -> dict[str, tuple[str, ...]]:
    """Return apt's lists by key; *system* is ID of os-release(5)."""
    further = (*settings.updates.origins, *_caddy(settings))
    found: dict[str, tuple[str, ...]] = {}
    if system == "ubuntu":
        found[f"{_UU}::Allowed-Origins"] = _UBUNTU
        if further:
            found[_PATTERNS] = further
    else:
        found[_PATTERNS] = (*_DEBIAN, *further)
    # Not cleared before: options of others stay, and twice does no harm.
    found[_OPTIONS] = ("--force-confdef", "--force-confold")
    return found


def _caddy(settings: Settings) -> tuple[str, ...]:
    """Return the pattern of Caddy's own archive, if Caddy may come from there."""
    if not settings.sites or settings.caddy.package is Package.DEBIAN:
        return ()
    return (f"site={settings.caddy.archive.site}",)


def scalars(settings: Settings) -> dict[str, str]:
    """Return apt's plain options by key."""
    updates = settings.updates
    found = {
        "APT::Periodic::Enable": "1",
        "APT::Periodic::Update-Package-Lists": "1",
        "APT::Periodic::Download-Upgradeable-Packages": "1",
        "APT::Periodic::Unattended-Upgrade": "1",
        "APT::Periodic::AutocleanInterval": "7",
        "DPkg::Lock::Timeout": str(updates.lock_timeout),
        f"{_UU}::AutoFixInterruptedDpkg": "true",
        f"{_UU}::MinimalSteps": "true",
        f"{_UU}::InstallOnShutdown": "false",
        f"{_UU}::SyslogEnable": "true",
        f"{_UU}::Remove-Unused-Kernel-Packages": _bool(updates.remove_kernels),
        f"{_UU}::Remove-New-Unused-Dependencies": _bool(updates.remove_dependencies),
        f"{_UU}::Remove-Unused-Dependencies": _bool(updates.remove_dependencies),
        f"{_UU}::Automatic-Reboot": _bool(updates.reboot),
    }
    if updates.reboot:
        found[f"{_UU}::Automatic-Reboot-Time"] = updates.reboot
        # A forgotten session would put it off for ever.
        found[f"{_UU}::Automatic-Reboot-WithUsers"] = "true"
    if updates.mail:
        found[f"{_UU}::Mail"] = updates.mail
        found[f"{_UU}::MailReport"] = "only-on-error"
    return found


def _bool(value: object) -> str:
    return "true" if value else "false"


def apt_conf(settings: Settings, system: str) -> bytes:
    """Return apt's configuration."""
    return render(
        "updates/apt.conf.j2",
        lists=lists(settings, system),
        scalars=scalars(settings),
    )


def files(settings: Settings, system: str) -> dict[str, FileState | Directory | None]:
    """Return every managed path, a folder before what is in it."""
    program = render(
        "updates/notice.sh.j2", stale=_STALE, mail=settings.updates.mail or ""
    )
    return {
        APT: FileState(apt_conf(settings, system)),
        PROGRAM: FileState(program, mode=0o755),
        _FAILED: FileState(render("updates/failed.service.j2", program=PROGRAM)),
        _DROPIN: Directory(),
        f"{_DROPIN}/keepgate.conf": FileState(
            render("updates/unit.conf.j2", program=PROGRAM)
        ),
    }
