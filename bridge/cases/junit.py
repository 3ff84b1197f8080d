"""Verdicts as JUnit's XML, which CI services show beside a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from bridge.cases.judging import Verdict
from bridge.cases.telling import lines
from bridge.errors import Problem

# https://www.w3.org/TR/xml/#charsets: what XML cannot hold at all.
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(verdicts: Mapping[str, Sequence[Verdict]], problems: Sequence[Problem] = ()) -> bytes:
    """The report over all tests files, by file; `problems` are of files that could not be tried."""
    root = ET.Element("testsuites", name="bridge mapping test")
    for file, judged in verdicts.items():
        failed = sum(bool(one.differences) for one in judged)
        suite = ET.SubElement(root, "testsuite", name=file, tests=str(len(judged)), failures=str(failed), errors="0")
        for one in judged:
            _case(suite, file, one)
    for file, found in _by_file(problems):
        suite = ET.SubElement(root, "testsuite", name=file, tests="1", failures="0", errors="1")
        case = ET.SubElement(suite, "testcase", classname=file, name="the file can be read")
        ET.SubElement(case, "error", message=_clean(found[0].message)).text = _clean("\n".join(map(str, found)))
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _case(suite: ET.Element, file: str, verdict: Verdict) -> None:
    name = _clean(verdict.case.name)
    case = ET.SubElement(suite, "testcase", classname=file, name=name, file=file, line=str(verdict.case.line))
    if verdict.differences:
        where = ", ".join(one.where for one in verdict.differences)
        failure = ET.SubElement(case, "failure", message=_clean(f"not as expected: {where}"))
        failure.text = _clean("\n".join(lines(verdict)))


def _by_file(problems: Sequence[Problem]) -> Iterator[tuple[str, list[Problem]]]:
    for file in dict.fromkeys(problem.file for problem in problems):
        yield file or "settings", [problem for problem in problems if problem.file == file]


def _clean(text: str) -> str:
    return _NO_XML.sub("�", text)
