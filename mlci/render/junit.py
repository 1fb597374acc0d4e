"""The report as JUnit XML, which GitLab and most test viewers read."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mlci.domain.finding import Finding
from mlci.domain.report import Report, Section
from mlci.domain.verdict import Verdict
from mlci.render import escape, wording


def junit(report: Report) -> str:
    """One test case per finding.

    JUnit knows no doubt, so each verdict takes the word nearest to what it does to the job:

    - *pass* and *warn* pass; a warning says why in its output;
    - *fail* is a ``failure``;
    - *inconclusive* is an ``error`` (the question could not be answered) where the report is inconclusive or failed,
      and passes with its output where policy let the report through: a red test in a green job would be a lie;
    - a finding that is not counted is ``skipped`` with its reason: it never fails, and it is no pass either.

    A report that did not get through has at least one red case, so that a viewer cannot show it green.
    """
    cases = [_case(report, finding) for finding in report.findings]
    if report.verdict.rank >= Verdict.INCONCLUSIVE.rank and not any(_red(case) for case in cases):
        cases.insert(0, _verdict_case(report))
    suite = Element("testsuite", name=escape.xml(_suite_name(report)))
    for name, tag in (("tests", None), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for case in cases if tag is None or case.find(tag) is not None)))
    properties = SubElement(suite, "properties")
    SubElement(properties, "property", name="verdict", value=report.verdict.value)
    SubElement(properties, "property", name="reason", value=escape.xml(report.reason))
    suite.extend(cases)
    if report.sections:
        SubElement(suite, "system-out").text = "\n".join(_described(section) for section in report.sections)
    suites = Element("testsuites", {**suite.attrib, "name": "mlci"})
    suites.append(suite)
    indent(suites)
    written = tostring(suites, encoding="unicode")
    # The same text to an XML reader, and no command to a log collector.
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'.replace("##[", "#&#35;[")


def _described(section: Section) -> str:
    """A section in one line; its table is for faces that can show one."""
    return escape.xml(f"{section.title}: {' '.join(section.sentences) or f'{len(section.rows)} rows'}")


def _suite_name(report: Report) -> str:
    return f"{report.step} {report.model}" if report.model else report.step


def _case(report: Report, finding: Finding) -> Element:
    case = Element(
        "testcase",
        classname=escape.xml(f"mlci.{report.step}"),
        name=escape.xml(finding.id),
        time="0" if finding.seconds is None else f"{finding.seconds:.3f}",
    )
    if finding.file is not None:
        case.set("file", escape.xml(finding.file))
    message, body = escape.xml(finding.message), escape.xml(wording.why(finding))
    if finding.advisory:
        SubElement(case, "skipped", message=f"{wording.state(finding)}: {message}").text = body
    elif finding.verdict is Verdict.FAIL:
        SubElement(case, "failure", type=_type(finding), message=message).text = body
    elif finding.verdict is Verdict.INCONCLUSIVE and report.verdict.rank >= Verdict.INCONCLUSIVE.rank:
        SubElement(case, "error", type=_type(finding), message=message).text = body
    elif finding.verdict is not Verdict.PASS:
        SubElement(case, "system-out").text = f"{finding.verdict.value}: {message} {body}"
    else:
        SubElement(case, "system-out").text = message
    return case


def _type(finding: Finding) -> str:
    return finding.reason or finding.verdict.value


def _red(case: Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _verdict_case(report: Report) -> Element:
    case = Element("testcase", classname=escape.xml(f"mlci.{report.step}"), name="verdict", time="0")
    tag = "failure" if report.verdict is Verdict.FAIL else "error"
    SubElement(case, tag, type=report.verdict.value, message=escape.xml(report.reason))
    return case
