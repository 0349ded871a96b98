"""Problems as JUnit XML: a suite for each spec, a failed case for each problem that fails the check.

Every text is made visible first, so that only characters which XML 1.0 allows are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from choreo.problem import Problem
from choreo.render.problems import first, inert
from choreo.render.text import one_line, safe_text

LIMIT = 5_000
"""Cases in one suite."""


def render_junit(
    checked: Sequence[tuple[str, Sequence[Problem]]], fails: Callable[[Problem], bool], limit: int = LIMIT
) -> str:
    """An XML document. `checked` are the specs with what was found in each; `fails` says what fails the check."""
    suites = [_suite(name, list(problems), fails, limit) for name, problems in checked]
    failed = sum(sum(map(fails, problems)) for _, problems in checked)
    cases = sum(max(1, sum(map(fails, problems))) for _, problems in checked)
    head = f'<testsuites name="choreo" tests="{cases}" failures="{failed}" errors="0">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>"]) + "\n"


def _suite(name: str, problems: list[Problem], fails: Callable[[Problem], bool], limit: int) -> str:
    failed = [problem for problem in problems if fails(problem)]
    told = [problem for problem in problems if not fails(problem)]
    shown = first(failed, limit)
    cases = [_case(name, problem) for problem in shown] or [f'    <testcase classname={_quoted(name)} name="valid"/>']
    lines = [
        f'  <testsuite name={_quoted(name)} tests="{max(1, len(failed))}" failures="{len(failed)}" errors="0">',
        *cases,
    ]
    more = [f"... and {len(failed) - len(shown):,} more failures"] if len(failed) > len(shown) else []
    if told or more:
        text = "\n".join([*more, *(line for problem in first(told, limit) for line in _lines(problem))])
        lines.append(f"    <system-out>{_text(text)}</system-out>")
    return "\n".join([*lines, "  </testsuite>"])


def _case(suite: str, problem: Problem) -> str:
    place = problem.place
    name = f"{problem.code} {place}"
    where = f'file={_quoted(place.path)} line="{place.line}"'
    head = f"    <testcase classname={_quoted(suite)} name={_quoted(name)} {where}>"
    failure = f"      <failure type={_quoted(problem.code)} message={_quoted(problem.message)}>"
    return "\n".join([head, f"{failure}{_text(chr(10).join(_lines(problem)))}</failure>", "    </testcase>"])


def _lines(problem: Problem) -> Iterable[str]:
    yield f"{problem.place}: {problem.severity}[{problem.code}]: {problem.message}"
    yield from (f"  {label}: {place}" for place, label in problem.also)
    if problem.help:
        yield f"help: {problem.help}"


def _text(text: str) -> str:
    return "\n".join(inert(escape(line, quote=False)) for line in safe_text(text).split("\n"))


def _quoted(text: str) -> str:
    return f'"{inert(escape(one_line(text)))}"'
