"""JUnit XML, read by two parsers: what fails fails, what is clean passes, and every character is one of XML 1.0."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from junitparser import JUnitXml

from choreo.problem import Place, Problem
from choreo.render.junit import render_junit


def problem(**more):
    return Problem(Place(more.pop("path", "a.yaml"), 3, 7), more.pop("code", "gap"), **{"message": "m", **more})


def fails(found):
    return found.severity == "error"


def parsed(*checked, **more):
    text = render_junit(checked, fails, **more)
    return ElementTree.fromstring(text.encode()), JUnitXml.fromstring(text.encode())


def test_each_spec_is_a_suite_and_each_error_a_failed_case():
    also = ((Place("b.json", 1, 2), "declared here"),)
    tree, read = parsed(
        ("a.yaml", [problem(message="<b> & \"c\" 'd'", help="do this", also=also), problem(code="tab")])
    )
    assert (read.tests, read.failures, read.errors) == (2, 2, 0)
    (suite,) = read
    assert (suite.name, suite.tests, suite.failures) == ("a.yaml", 2, 2)
    case = next(iter(suite))
    assert (case.name, case.classname) == ("gap a.yaml:3:7", "a.yaml")
    (failure,) = case.result
    assert (failure.type, failure.message) == ("gap", "<b> & \"c\" 'd'")
    assert failure.text == ("a.yaml:3:7: error[gap]: <b> & \"c\" 'd'\n  declared here: b.json:1:2\nhelp: do this")
    assert tree.find("testsuite/testcase").attrib["line"] == "3"


def test_a_clean_spec_is_a_case_that_passes():
    _, read = parsed(("a.yaml", []), ("b.yaml", [problem()]))
    clean, broken = read
    assert [case.is_passed for case in clean] == [True]
    assert [case.is_passed for case in broken] == [False]
    assert (read.tests, read.failures) == (2, 1)


def test_what_does_not_fail_is_told_beside_a_case_that_passes():
    tree, read = parsed(("a.yaml", [problem(severity="warning"), problem(severity="advice")]))
    assert (read.tests, read.failures) == (1, 0)
    told = tree.find("testsuite/system-out").text
    assert told == "a.yaml:3:7: warning[gap]: m\na.yaml:3:7: advice[gap]: m"


def test_only_characters_of_xml_1_0_and_no_command_of_a_ci_runner():
    bad = (
        "".join(map(chr, [*range(0x20), 0x7F, 0x85, 0xD800, 0xFFFE, 0xFFFF, 0x1FFFF])) + "]]>&#0;<x>\n::error::y ##[z]"
    )
    text = render_junit([(bad, [problem(path=bad, code=bad, message=bad, help=bad)])], fails)
    ElementTree.fromstring(text.encode())
    assert not [
        char for char in text if (char < " " and char not in "\n\t") or char in "\x7f\x85\ud800\ufffe\uffff\U0001ffff"
    ]
    assert "##[" not in text
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]


def test_of_many_failures_the_first_are_cases_and_all_are_counted():
    tree, read = parsed(("a.yaml", [problem(message=f"{number}") for number in range(30)]), limit=10)
    assert read.failures == 30
    assert len(tree.findall("testsuite/testcase")) == 10
    assert tree.find("testsuite/system-out").text == "... and 20 more failures"


def test_nothing_checked_is_an_empty_document():
    tree, read = parsed()
    assert read.tests == 0
    assert list(tree) == []
