"""The sites as the network sees them: asked from here, believed by nobody's word."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hostchecks import link, referee, testssl
from hostchecks.results import not_observed
from hostchecks.sites import Probe, ask, strangers
from hostchecks.sockets import listeners
from hostchecks.web import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from hostchecks.batch import Section
    from hostchecks.results import Seen
    from hostchecks.visit import Visit
    from hostchecks.wanted import Site, Wanted
    from testinfra.host import Host

REDIRECTS = {301, 302, 307, 308}
OK = range(200, 300)
REFUSALS = {0, 400, 403, 404, 421}
QUIC_1 = 1


@dataclass(frozen=True)
class Target:
    """Where the sites are asked for, and which have TLS."""

    address: str
    served: list[Site]


@pytest.fixture(scope="module")
def target(wanted: Wanted, host: Host, request: pytest.FixtureRequest) -> Target:
    """Where the sites are; there is nothing to see without any over TLS."""
    served = [site for site in wanted.sites if site.tls != "off"]
    if not served:
        not_observed("there are no sites over TLS")
    way = link.resolve(
        host.backend.get_hostname(), request.config.getoption("--ssh-config")
    )
    return Target((*wanted.addresses, way.address)[0], served)


@pytest.fixture(scope="module")
def judged(target: Target) -> Iterator[Future[dict[str, referee.Verdict]] | None]:
    """What sslyze says, while we ask ourselves; None where it is not installed."""
    command = referee.program()
    if command is None:
        yield None
        return
    names = [site.host for site in target.served]
    with ThreadPoolExecutor(1, thread_name_prefix="referee") as pool:
        yield pool.submit(referee.judge, command, target.address, names)


@pytest.fixture(scope="module")
def probed(
    visit: Visit,
    wanted: Wanted,
    target: Target,
    judged: Future[dict[str, referee.Verdict]] | None,
) -> list[Probe]:
    """How every site that has TLS answers."""
    assert judged is None or not judged.cancelled()  # it is under way meanwhile
    roots = {"internal": parse(visit.answers).root}
    if trust := wanted.get("caddy.acme.trust"):
        roots["acme"] = visit.ask(f"cat {shlex.quote(trust)}").text
    return ask(target.address, target.served, roots)


@pytest.fixture
def probes(probed: list[Probe]) -> list[Probe]:
    """Those that are reached from here at all."""
    reached = [probe for probe in probed if not probe.unreachable]
    if not reached:
        not_observed("port 443 is not reached from here")
    return reached


@pytest.fixture
def answered(probes: list[Probe]) -> list[Probe]:
    """Those that answer over TLS."""
    found = [probe for probe in probes if not probe.trouble]
    if not found:
        pytest.fail("no site answers over TLS")
    return found


@pytest.mark.control(
    id="WEB-10",
    title="Every site answers over TLS with a certificate that holds",
    severity="high",
    refs=("ASVS 12.2.2",),
)
def test_certificates_hold(probes: list[Probe], seen: Seen) -> None:
    """For its name, of an authority that is trusted, at its time."""
    trouble = {probe.site.host: probe.trouble for probe in probes if probe.trouble}
    seen("sites", [probe.site.host for probe in probes])

    assert {} == seen("trouble", trouble)


@pytest.mark.control(
    id="WEB-11",
    title="TLS 1.2 and 1.3 are spoken, and nothing older",
    severity="high",
    refs=("ASVS 12.1.1", "RFC 8996"),
)
def test_versions(answered: list[Probe], seen: Seen) -> None:
    """A client that knows only TLS 1.0 and 1.1 is turned away."""
    if all(probe.old is None for probe in answered):
        not_observed("the library here cannot offer TLS 1.0 and 1.1")
    old = {probe.site.host: probe.old for probe in answered if probe.old}

    assert {} == seen("older", old)
    assert {("TLSv1.2", "TLSv1.3")} == seen("spoken", {p.new for p in answered})


@pytest.mark.control(
    id="WEB-12",
    title="Without TLS there is nothing but the way to TLS",
    severity="medium",
    refs=("ASVS 12.2.1",),
)
def test_plain_http_redirects(probes: list[Probe], seen: Seen) -> None:
    """Port 80 answers with a redirect to the same site, or not at all."""
    wrong = {
        probe.site.host: f"{status} {target}"
        for probe in probes
        for status, target in [probe.plain]
        if status
        and not (
            status in REDIRECTS and target.startswith(f"https://{probe.site.host}/")
        )
    }

    assert {} == seen("otherwise", wrong)


@pytest.mark.control(
    id="WEB-13",
    title="Guarded sites show nothing without a login",
    severity="high",
    refs=("ASVS 8.3.1", "CVE-2026-30851"),
)
def test_guarded_sites_are_closed(answered: list[Probe], seen: Seen) -> None:
    """Not to a plain request, nor to one that claims an identity in its headers."""
    guarded = [probe for probe in answered if probe.site.is_closed]
    if not guarded:
        not_observed("no site is behind login as a whole")
    codes = {probe.site.host: probe.statuses for probe in guarded}
    seen("answers without and with forged headers", codes)
    shown = {host for host, found in codes.items() if set(found) & set(OK)}

    assert set() == shown, f"{', '.join(sorted(shown))} shows something"


@pytest.mark.control(
    id="WEB-14",
    title="Answers carry the security headers",
    severity="medium",
    refs=("ASVS 3.4.1", "ASVS 3.4.4"),
)
def test_headers(answered: list[Probe], seen: Seen) -> None:
    """HSTS for as long as is wanted, `nosniff`, and not the name of the server."""
    wrong = {probe.site.host: _wrong(probe) for probe in answered}

    assert {} == seen("wrong", {host: found for host, found in wrong.items() if found})


def _wrong(probe: Probe) -> list[str]:
    found = []
    hsts = probe.headers.get("strict-transport-security", "nothing")
    if probe.site.hsts and hsts != f"max-age={probe.site.hsts}":
        found.append(f"Strict-Transport-Security: {hsts}")
    if probe.headers.get("x-content-type-options", "").lower() != "nosniff":
        found.append("no X-Content-Type-Options")
    if "server" in probe.headers:
        found.append(f"Server: {probe.headers['server']}")
    return found


@pytest.mark.control(
    id="WEB-15",
    title="A name that is no site of the host gets nothing",
    severity="medium",
    refs=("CIS NGINX 2.4.2", "CWE-601"),
)
def test_other_names_get_nothing(
    answered: list[Probe], target: Target, seen: Seen
) -> None:
    """By TLS or without, by its address, or over the connection of a site.

    Refused, and not led on: a redirect to what was asked for would serve as anybody's.
    """
    ways = {f"at {probe.site.host}": probe.strange for probe in answered}
    answers = seen("answers", {**ways, **strangers(target.address)})

    assert {} == {
        way: answer
        for way, answer in answers.items()
        if answer[0] not in REFUSALS or answer[1]
    }


@pytest.mark.control(
    id="WEB-16",
    title="TLS 1.2 has forward secrecy and authenticated encryption",
    severity="medium",
    refs=("ASVS 12.1.2", "Mozilla Server Side TLS 5.7, intermediate"),
)
def test_suites(answered: list[Probe], seen: Seen) -> None:
    """A client that knows only other suites is turned away."""
    weak = {probe.site.host: probe.weak for probe in answered if probe.weak}

    assert {} == seen("weak", weak)


@pytest.mark.control(
    id="WEB-17",
    title="HTTP/3 is offered where it is wanted, and only there",
    severity="low",
    refs=("RFC 9114", "RFC 9000 6.1"),
)
def test_http3(
    answered: list[Probe], answers: dict[str, Section], wanted: Wanted, seen: Seen
) -> None:
    """A packet of QUIC is answered on UDP port 443, with version 1 among the known."""
    versions = seen("QUIC", {one for probe in answered for one in probe.quic})
    if not wanted.http3:
        assert set() == versions
        return
    listening = any(
        one.protocol == "udp" and one.port == 443
        for one in listeners(answers["listeners"].lines)
    )
    if listening and not versions:
        not_observed(
            "the server listens on UDP port 443, which is not reached from here"
        )
    assert QUIC_1 in versions


@pytest.mark.control(
    id="WEB-18",
    title="sslyze finds TLS as Mozilla's intermediate profile wants it",
    severity="medium",
    refs=("ASVS 12.1.1", "Mozilla Server Side TLS 5.7, intermediate", "sslyze"),
)
def test_the_referee_agrees(
    answered: list[Probe],
    judged: Future[dict[str, referee.Verdict]] | None,
    seen: Seen,
) -> None:
    """Versions, suites, curves and keys, and the known holes of TLS, by its scan."""
    if judged is None:
        not_observed("sslyze is not installed here (`pip install sslyze`)")
    verdicts = judged.result()
    seen("judged", [probe.site.host for probe in answered])
    texts = {probe.site.host: verdicts[probe.site.host].text for probe in answered}

    assert {} == seen(
        "objections", {name: text for name, text in texts.items() if text}
    )


@pytest.mark.control(
    id="WEB-19",
    title="testssl.sh finds no old version of TLS and none of its known holes",
    severity="medium",
    refs=("ASVS 12.1.1", "RFC 9325", "testssl.sh"),
    slow=True,
)
def test_the_second_referee_agrees(
    answered: list[Probe], target: Target, seen: Seen
) -> None:
    """Heartbleed, ROBOT, POODLE, SWEET32, LOGJAM and others, each of them tried."""
    command = testssl.program()
    if command is None:
        not_observed("testssl.sh is not installed here (`apt install testssl.sh`)")
    names = [probe.site.host for probe in answered]
    verdicts = testssl.judge(command, target.address, names)
    seen("judged", names)
    seen("not told", sorted({one for found in verdicts.values() for one in found.open}))

    assert {} == seen(
        "objections",
        {name: found.text for name, found in verdicts.items() if found.text},
    )
