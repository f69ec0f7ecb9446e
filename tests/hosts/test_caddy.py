"""The web server before the sites, as it runs on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostchecks import origin
from hostchecks.results import not_observed
from hostchecks.sockets import listeners
from hostchecks.system import stats
from hostchecks.web import ADMIN, Web, parse

if TYPE_CHECKING:
    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.wanted import Wanted

LIMIT = 2.0


@pytest.fixture
def web(answers: dict[str, Section], wanted: Wanted) -> Web:
    """The web server; there is nothing to see of one without sites."""
    if not wanted.sites:
        not_observed("there are no sites")
    return parse(answers)


@pytest.mark.control(
    id="WEB-01",
    title="The web server runs, and starts at boot",
    severity="high",
    refs=("ASVS 12.2.1",),
)
def test_it_runs(web: Web, seen: Seen) -> None:
    """Sites that are wanted are served, after a restart of the host, too."""
    assert seen("runs", web.active), "it does not run"
    assert seen("starts at boot", web.enabled), "it does not start at boot"


@pytest.mark.control(
    id="WEB-02",
    title="Exactly the named sites are served",
    severity="high",
    refs=("CIS NGINX 2.4.2",),
)
def test_only_named_sites(web: Web, wanted: Wanted, seen: Seen) -> None:
    """By the configuration that the server runs, not by that of its file."""
    assert wanted.names == seen("serves", set(web.hosts))


@pytest.mark.control(
    id="WEB-03",
    title="Nobody but root and the server itself reaches its API",
    severity="high",
    refs=("CIS NGINX 2.4.1", "CVE-2026-27589"),
)
def test_the_api_is_closed(
    web: Web, answers: dict[str, Section], wanted: Wanted, seen: Seen
) -> None:
    """It is a socket in a closed folder; no port answers but those of the sites."""
    folder = stats(answers["web-files"].lines).get("/run/caddy")
    open_ports = {
        one.port
        for one in listeners(answers["listeners"].lines)
        if one.program == "caddy" and one.protocol == "tcp"
    }

    assert f"unix/{ADMIN}" == seen("API", web.admin)
    assert folder is not None, "its folder is not there"
    seen("folder", str(folder))
    assert not folder.mode & 0o077, f"others may enter {folder}"
    assert seen("ports", open_ports) <= wanted.site_ports


@pytest.mark.control(
    id="WEB-04",
    title="The web server is confined",
    severity="medium",
    refs=("systemd-analyze security",),
)
def test_it_is_confined(web: Web, seen: Seen) -> None:
    """Its exposure, as systemd counts it, is 2.0 or less of 10."""
    assert seen("exposure", web.score) <= LIMIT


@pytest.mark.control(
    id="WEB-05",
    title="Keys and logs of the web server are closed to others",
    severity="high",
    refs=("CIS NGINX 2.3.2", "CIS NGINX 4.1.3"),
)
def test_files_are_closed(web: Web, answers: dict[str, Section], seen: Seen) -> None:
    """Private keys of certificates, and who asked for what."""
    assert web
    found = stats(answers["web-files"].lines)
    open_to_all = {
        str(found[path])
        for path in ("/var/lib/caddy", "/var/log/caddy", "/var/log/caddy/access.json")
        if path in found and found[path].mode & 0o007
    }
    configuration = found.get("/etc/caddy/Caddyfile")

    assert set() == seen("open to all", open_to_all)
    assert configuration is not None, "there is no configuration"
    assert not configuration.others_may_write, f"{configuration} is not root's alone"


@pytest.mark.control(
    id="WEB-06",
    title="The web server has an archive, which may change nothing else",
    severity="medium",
    refs=("CIS Debian 12 1.2.1.1", "apt_preferences(5)"),
)
def test_its_package(web: Web, answers: dict[str, Section], seen: Seen) -> None:
    """Some archive that apt knows offers it; one that is not Debian's offers only it.

    Whoever holds such an archive's key, which is valid for it alone, could replace the
    web server, and no other program.
    """
    assert web
    found = origin.parse(answers)

    assert seen("installed", found.installed), "it was not installed as a package"
    assert seen("offered by", found.makers), "no archive offers its package"
    assert all(one.priority < 0 for one in found.strangers), (
        "another archive offers more"
    )
    assert all(one.keyed for one in found.strangers), "its key is not named"
