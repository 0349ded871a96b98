"""Problems as SARIF 2.1.0, for code scanning and editors. Nothing in it links, formats or points outside.

A comment that ignores a finding is told as its suppression, with the reason as justification.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from choreo.manual import Manual
from choreo.problem import Place, Problem, Severity
from choreo.render.problems import first
from choreo.render.text import safe_text

LIMIT = 5_000
"""Code scanning shows no more of one run."""
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "advice": "note"}
_LONGEST = 1_000
"""Characters that viewers show of a rule's description."""
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


def sarif_data(
    problems: Sequence[Problem],
    ignored: Sequence[tuple[Problem, str]],
    manuals: Mapping[str, Manual],
    version: str,
    limit: int = LIMIT,
) -> dict[str, Any]:
    """A SARIF log as JSON data. `ignored` are findings with the reason why they do not count.

    At most `limit` problems are in it, errors before the rest; a notification says how many are not.
    """
    shown = first(problems, limit)
    reasons = list(ignored)[: limit - len(shown)]
    codes = sorted({problem.code for problem in (*shown, *(problem for problem, _ in reasons))})
    results = [_result(problem, codes) for problem in shown]
    results += [{**_result(problem, codes), "suppressions": [_suppression(reason)]} for problem, reason in reasons]
    driver = {"name": "choreo", "semanticVersion": version, "rules": [_rule(code, manuals) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(len(problems) + len(ignored) - len(results))],
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(hidden: int) -> dict[str, Any]:
    told = [] if hidden <= 0 else [{"level": "warning", "message": {"text": f"{hidden:,} more results are not listed"}}]
    return {"executionSuccessful": True, **({"toolExecutionNotifications": told} if told else {})}


def _rule(code: str, manuals: Mapping[str, Manual]) -> dict[str, Any]:
    manual = manuals.get(code)
    if manual is None:
        return {"id": code}
    paragraphs = [" ".join(part.split()) for part in manual.text.split("\n\n")]
    return {
        "id": code,
        "shortDescription": {"text": _cut(manual.summary)},
        "fullDescription": {"text": _cut(next(part for part in paragraphs if f"`{code}`" in part))},
        "help": {"text": "\n\n".join(paragraphs)},
        "defaultConfiguration": {"level": _LEVELS[_gravest(manual.severity)]},
    }


def _gravest(severity: str) -> Severity:
    return "error" if "error" in severity else "warning" if "warning" in severity else "advice"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _result(problem: Problem, codes: Sequence[str]) -> dict[str, Any]:
    told = problem.message if not problem.help else f"{problem.message}\nhelp: {problem.help}"
    found: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": _LEVELS[problem.severity],
        "message": {"text": _plain(told)},
        "locations": [_location(problem.place)],
    }
    if problem.also:
        found["relatedLocations"] = list(_related(problem.also))
    return found


def _related(also: Iterable[tuple[Place, str]]) -> Iterable[dict[str, Any]]:
    for number, (place, label) in enumerate(also, 1):
        yield {"id": number, **_location(place), "message": {"text": _plain(label)}}


def _suppression(reason: str) -> dict[str, Any]:
    return {"kind": "inSource", "justification": safe_text(reason)}


def _location(place: Place) -> dict[str, Any]:
    where = {"uri": uri(place.path), "uriBaseId": "%SRCROOT%"}
    return {
        "physicalLocation": {
            "artifactLocation": where,
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }


def uri(path: str) -> str:
    """A relative path as a relative URI: everything but letters, digits, `_.-~` and `/` is %-encoded."""
    return quote(os.fsencode(path), safe="/")


def _plain(text: str) -> str:
    """A text in which a viewer finds no link (`[a](b)`) and no placeholder (`{0}`), and which hides nothing."""
    return _PLACEHOLDER.sub(r"{{\1}}", safe_text(text).replace("](", "]\\("))
