"""Problems as annotations of GitHub Actions: one workflow command a line, whatever a spec holds.

Escaped is what the runner reads back: `%`, CR and LF in the message; `:` and `,` as well in the properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from choreo.problem import Problem, Severity
from choreo.render.problems import first, inert
from choreo.render.text import one_line, safe_text

LIMIT = 100
"""GitHub shows ten of each kind a step; the rest is in the log only."""
_COMMANDS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "advice": "notice"}


def render_github(problems: Sequence[Problem], limit: int = LIMIT) -> str:
    """A line for each problem, each ending in a line end. Paths must be relative to the repository's root."""
    lines = [_annotation(problem) for problem in first(problems, limit)]
    hidden = len(problems) - len(lines)
    if hidden > 0:
        lines.append(f"::notice::... and {hidden:,} more")
    return "".join(f"{line}\n" for line in lines)


def _annotation(problem: Problem) -> str:
    place = problem.place
    found = {"file": place.path, "line": place.line, "col": place.column, "title": problem.code}
    properties = ",".join(f"{name}={_property(inert(one_line(str(value))))}" for name, value in found.items())
    told = [problem.message, *([f"help: {problem.help}"] if problem.help else [])]
    told += [f"{label}: {where}" for where, label in problem.also]
    message = "\n".join(inert(safe_text(part)) for part in told)
    return f"::{_COMMANDS[problem.severity]} {properties}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
