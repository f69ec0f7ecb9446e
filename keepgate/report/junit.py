"""The report as JUnit XML: a test suite per host and topic, a case per control.

The dialect is the one that CI systems share: `testsuites/testsuite/testcase` with
`failure`, `error`, `skipped` and `system-out`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from keepgate.report.model import TOPICS, Tally

if TYPE_CHECKING:
    from keepgate.report.model import Finding, HostReport, Report
    from keepgate.report.story import Story

# What XML 1.0 (section 2.2) does not admit even as a character reference.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> bytes:
    """Return *report* as an XML document in UTF-8."""
    root = ET.Element(
        "testsuites", name="keepgate verify", time=f"{report.seconds:.2f}"
    )
    for host in report.hosts:
        _host(root, host)
    if report.story is not None:
        _story(root, report.story)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _host(root: ET.Element, host: HostReport) -> None:
    if host.after is None:
        suite = _suite(root, host.name, host, Tally(0, 0, 0), errors=1)
        case = ET.SubElement(suite, "testcase", classname=host.name, name="reached")
        error = ET.SubElement(case, "error", message=_clean(host.error))
        error.text = _clean(host.fix)
        return
    for topic in TOPICS:
        findings = host.after.of_topic(topic)
        if findings:
            name = f"{host.name}.{topic}"
            suite = _suite(root, name, host, Tally.of(findings), errors=0)
            seconds = sum(finding.seconds for finding in findings)
            suite.set("time", f"{seconds:.3f}")
            for finding in findings:
                _case(suite, name, finding)


def _story(root: ET.Element, story: Story) -> None:
    failed = sum(not scene.holds for scene in story.scenes)
    counts = {"tests": len(story.scenes), "failures": failed, "errors": 0, "skipped": 0}
    suite = ET.SubElement(root, "testsuite", name="story")
    for key, count in counts.items():
        suite.set(key, str(count))
    for scene in story.scenes:
        name = f"{scene.id} {_clean(scene.title)}"
        case = ET.SubElement(suite, "testcase", classname="story", name=name)
        if not scene.holds:
            failure = ET.SubElement(case, "failure", message=_clean(scene.seen))
            failure.text = _clean(f"expected: {scene.expected}")
        ET.SubElement(case, "system-out").text = _clean(scene.seen)


def _suite(
    root: ET.Element, name: str, host: HostReport, tally: Tally, *, errors: int
) -> ET.Element:
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        hostname=host.address,
        tests=str(tally.observed + tally.not_observed + errors),
        failures=str(tally.failed),
        errors=str(errors),
        skipped=str(tally.not_observed),
    )
    if host.after:
        suite.set("timestamp", host.after.taken.isoformat())
    return suite


def _case(suite: ET.Element, classname: str, finding: Finding) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=classname,
        name=f"{finding.id} {_clean(finding.title)}",
        time=f"{finding.seconds:.3f}",
    )
    if finding.outcome == "failed":
        failure = ET.SubElement(
            case, "failure", message=_clean(finding.reason), type=finding.severity
        )
        failure.text = _clean(f"{finding.reason}\nremedy: {finding.remedy}")
    elif finding.outcome == "not_observed":
        ET.SubElement(case, "skipped", message=_clean(finding.reason))
    seen = [*finding.observed, f"answers: {', '.join(finding.refs)}"]
    ET.SubElement(case, "system-out").text = _clean("\n".join(seen))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
