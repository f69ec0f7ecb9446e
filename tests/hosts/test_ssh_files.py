"""The SSH server's files and unit: who may change them, what is in force."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hostchecks.results import not_observed
from hostchecks.system import Stat, started, stats

if TYPE_CHECKING:
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.sshd import Sshd


@pytest.fixture
def files(answers: dict[str, Section]) -> dict[str, Stat]:
    """Owner and mode of the files in /etc/ssh."""
    return stats(answers["sshd-files"].lines)


@pytest.mark.control(
    id="SSH-50",
    title="Only root may change the SSH server's configuration",
    severity="high",
    refs=("CIS Debian 12 5.1.1", "Lynis FILE-7524", "dev-sec sshd-04"),
)
def test_only_root_changes_the_configuration(
    files: dict[str, Stat], seen: Seen
) -> None:
    """Folder, main file and every drop-in belong to root and nobody else writes."""
    config = [stat for path, stat in files.items() if "ssh_host_" not in path]
    loose = [
        str(stat) for stat in config if stat.user != "root" or stat.others_may_write
    ]
    seen("files", len(config))

    assert [] == seen("writable by others", loose)


@pytest.mark.control(
    id="SSH-52",
    title="Private host keys are readable by root only",
    severity="high",
    refs=("CIS Debian 12 5.1.2",),
)
def test_private_host_keys(files: dict[str, Stat], seen: Seen) -> None:
    """Nobody else can impersonate the host."""
    keys = [stat for path, stat in files.items() if path.endswith("_key")]
    loose = [str(stat) for stat in keys if stat.user != "root" or stat.mode & 0o177]
    seen("private keys", len(keys))

    assert keys
    assert [] == seen("too open", loose)


@pytest.mark.control(
    id="SSH-53",
    title="Public host keys are changed by root only",
    severity="low",
    refs=("CIS Debian 12 5.1.3",),
)
def test_public_host_keys(files: dict[str, Stat], seen: Seen) -> None:
    """Nobody else can make the host present another key."""
    keys = [stat for path, stat in files.items() if path.endswith("_key.pub")]
    loose = [str(stat) for stat in keys if stat.user != "root" or stat.mode & 0o133]

    assert keys
    assert [] == seen("too open", loose)


@pytest.mark.control(
    id="SSH-54",
    title="sshd accepts its configuration",
    severity="high",
    refs=("dev-sec sshd-05",),
)
def test_configuration_is_valid(answers: dict[str, Section], seen: Seen) -> None:
    """The next restart, or reboot, brings the SSH server up again."""
    found = answers["sshd-valid"]
    seen("sshd -t", found.text.strip() or "silent")

    assert 0 == found.status


@pytest.mark.control(
    id="SSH-55",
    title="The running server has read its current configuration",
    severity="high",
    refs=("Keepgate: observed state",),
)
def test_running_server_is_current(
    answers: dict[str, Section], units: dict[str, dict[str, str]], seen: Seen
) -> None:
    """No file was changed after the server last read them (seconds of that clock)."""
    if units["ssh.service"]["ActiveState"] != "active":
        not_observed("sshd is started per connection: it reads its files each time")
    changed = max(int(line.split()[0]) for line in answers["sshd-changed"].lines)
    told = answers["sshd-read"].text.partition(".")[0]
    read = max(started(units["ssh.service"]), int(told or 0))
    seen("last read", f"{read - changed} s after the last change")

    assert read >= changed, f"files changed {changed - read} s after it read them"


@pytest.mark.control(
    id="SSH-56",
    title="The SSH server starts at boot",
    severity="high",
    refs=("Keepgate: never locked out",),
)
def test_starts_at_boot(units: dict[str, dict[str, str]], seen: Seen) -> None:
    """After a reboot the operator gets in again."""
    states = {
        name: units[name]["UnitFileState"] for name in ("ssh.service", "ssh.socket")
    }

    assert "enabled" in seen("", states).values()


@pytest.mark.control(
    id="SSH-57",
    title="No Match block weakens the rest",
    severity="medium",
    refs=("Keepgate: effective configuration",),
)
def test_match_blocks_do_not_weaken(
    answers: dict[str, Section], sshd: Sshd, seen: Seen
) -> None:
    """Each address, port and host a Match line names is part of every check above."""
    lines = answers["sshd-match"].lines
    exotic = [
        line
        for line in lines
        if re.search(r"(?i)\b(exec|rdomain|version|sessiontype|command)\b", line)
    ]
    seen("Match lines", len(lines))
    seen("connections asked about", len(sshd.answers))

    assert [] == seen("with criteria that cannot be evaluated", exotic)
