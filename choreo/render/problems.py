"""Problems as text for a terminal or a log: place, code, sentence, the line with a caret, what to do.

Everything that comes from a file or from its name is made visible before it is shown: no control
character, bidi override or other invisible character reaches the terminal, and no line starts with
what a CI runner would take for a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from choreo.problem import Place, Problem, Severity
from choreo.render.text import columns, one_line

LIMIT = 100
_WIDTH = 110
_COLOURS: Mapping[Severity, str] = {"error": "31", "warning": "33", "advice": "36"}
_TAB = 4
_COMMAND = re.compile(r"##(?=\w*\[)")


def render_problems(
    problems: Sequence[Problem],
    texts: Mapping[str, str],
    *,
    colour: bool = False,
    limit: int = LIMIT,
    total: bool = True,
) -> str:
    """Problems and (with `total`) one summary line, ending in a line end; nothing for no problem.

    `texts` are the files' texts by the path in a problem's place (`Loaded.texts`). At most `limit` problems are
    shown, errors before the rest, in the order of the files; the summary counts them all.
    """
    if not problems:
        return ""
    shown = first(problems, limit)
    lines = [line for problem in shown for line in (*_problem(problem, _Lines(texts), colour), "")]
    hidden = len(problems) - len(shown)
    if hidden:
        lines.append(f"... and {hidden:,} more")
    if total:
        lines.append(summary(problems))
    return "\n".join(map(inert, lines)) + "\n"


def inert(line: str) -> str:
    """A line that no CI runner takes for a command: they read `::name` at its beginning (behind blanks, too), and
    `##[name]` or `##vso[name]` anywhere in it.
    """
    start = len(line) - len(line.lstrip())
    if line.startswith("::", start):
        line = f"{line[:start]}\\x3a{line[start + 1 :]}"
    return _COMMAND.sub(r"#\\x23", line)


def first(problems: Sequence[Problem], limit: int) -> list[Problem]:
    """At most `limit` problems in the order of the files, chosen errors before warnings before advice."""
    if len(problems) <= limit:
        return sorted(problems, key=lambda problem: problem.order)
    weight = {"error": 0, "warning": 1, "advice": 2}
    kept = sorted(problems, key=lambda problem: (weight[problem.severity], problem.order))[:limit]
    return sorted(kept, key=lambda problem: problem.order)


def problem_data(problem: Problem) -> dict[str, object]:
    """A problem as plain JSON data, for `--json`."""
    place = problem.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
        "help": problem.help,
        "also": [{"path": p.path, "line": p.line, "column": p.column, "label": label} for p, label in problem.also],
    }


def summary(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning in 1 file`."""
    every = list(problems)
    counts = []
    for severity, plural in (("error", "errors"), ("warning", "warnings"), ("advice", "pieces of advice")):
        number = sum(problem.severity == severity for problem in every)
        singular = "piece of advice" if severity == "advice" else severity
        if number:
            counts.append(f"{number:,} {singular if number == 1 else plural}")
    files = len({problem.place.path for problem in every})
    return f"{', '.join(counts) or 'no problems'} in {files} {'file' if files == 1 else 'files'}"


class _Lines:
    """The lines of the files, each split once."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.split: dict[str, list[str]] = {}

    def at(self, place: Place) -> str | None:
        lines = self.split.get(place.path)
        if lines is None:
            lines = self.split[place.path] = self.texts.get(place.path, "").split("\n")
        return lines[place.line - 1] if 0 < place.line <= len(lines) and place.path in self.texts else None


def _problem(problem: Problem, lines: _Lines, colour: bool) -> list[str]:
    head = _paint(f"{problem.severity}[{one_line(problem.code)}]", _COLOURS[problem.severity], colour)
    shown = [
        f"{_where(problem.place)}: {head}: {one_line(problem.message)}",
        *_excerpt(problem.place, lines, "^", colour),
    ]
    for place, label in problem.also:
        shown.append(f"  {one_line(label)}: {_where(place)}")
        shown += _excerpt(place, lines, "-", colour)
    if problem.help:
        shown.append(f"{_paint('help', '1', colour)}: {one_line(problem.help)}")
    return shown


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _where(place: Place) -> str:
    """A place; a path that a CI runner would read as a command gets `./` before it."""
    path = one_line(place.path)
    return f"{'' if path[:1].isalnum() or path[:1] in './_' else './'}{path}:{place.line}:{place.column}"


def _excerpt(place: Place, lines: _Lines, mark: str, colour: bool) -> list[str]:
    """The source line and a mark below the column; nothing where the text is not known."""
    line = lines.at(place)
    if line is None or not line.strip():
        return []
    start = max(0, place.column - 1 - _WIDTH // 2) if len(line) > _WIDTH else 0
    part = line[start : start + _WIDTH]
    lead = _laid_out(line[start : place.column - 1])
    before, after = "... " if start else "", " ..." if start + _WIDTH < len(line) else ""
    gutter = f"{place.line:>5} | "
    caret = " " * (len(before) + columns(lead)) + mark
    painted = _paint(caret.lstrip(), "1", colour)
    return [f"{gutter}{before}{_laid_out(part)}{after}".rstrip(), f"      | {' ' * (len(caret) - 1)}{painted}"]


def _laid_out(text: str) -> str:
    """A stretch of a line as it is shown: tabs as blanks, hidden characters visible."""
    return one_line(text.replace("\t", " " * _TAB))
