"""The slip behind a parser's error: a parser complains where it noticed, which may be many lines below."""

from __future__ import annotations

import re

from choreo.loading.text import place_at
from choreo.problem import Place, Problem

Extent = tuple[int, int]
"""Where something begins in the text, and where it ends."""

_STARTS_A_LINE = re.compile(r"- |#|\{|[\w\"'./@-]+[ \t]*:(?=\s|$)")
_DASHES = re.compile(r" *(?:- +)*")
_NO_BLANK = re.compile(r"([A-Za-z_][\w-]*):(\S.*)")
_NO_COLON = re.compile(r"([A-Za-z_][\w-]*)(?: +(\S.*))?")


def unclosed_quote(text: str, start: int, end: int, path: str) -> Problem | None:
    """The Problem of a quoted text that swallowed lines which were meant as YAML, and was closed by a later quote.

    `start` is the quote that opens it, `end` where it ended or where something in it was refused. YAML wants what
    goes on in quotes indented deeper than the block around it: a key further left was never meant to be in them.
    """
    quote = text[start]
    first, *later = text[_line_start(text, start) : _line_end(text, end)].split("\n")
    margin = _margin(first, start - _line_start(text, start))
    if not any(_indent(line) <= margin and _STARTS_A_LINE.match(line.lstrip(" ")) for line in later):
        return None
    closing = text[end - 1] == quote
    also = ((place_at(text, end - 1, path), "the text in quotes goes on to here"),) if closing else ()
    message, help = f"this {quote} is never closed", f"add the closing {quote}"
    return Problem(place_at(text, start, path), "unclosed-quote", message, help, also=also)


def _margin(line: str, column: int) -> int:
    """The indentation that a line must exceed to belong to the text which opens in `line` at `column`."""
    found = _DASHES.match(line)
    block = found.end() if found else 0
    if block != column:
        return block
    return line.rfind("-", 0, column) if "-" in line[:column] else max(0, column - 1)


def missing_mark(text: str, index: int, path: str) -> Problem | None:
    """The Problem of the line at `index`, of which the next line shows that it lacks its dash, colon or blank."""
    start, line = _line_start(text, index), text[index : _line_end(text, index)].rstrip()
    before = text[start:index]
    here = place_at(text, index, path)
    if not before.strip() and _beside_a_list(text, start, len(before)):
        return _dash(here)
    if before.strip(" -"):
        first = start + _indent(before)
        return _dash(place_at(text, first, path)) if _above_a_list(text, start, first - start) else None
    glued, bare = _NO_BLANK.fullmatch(line), _NO_COLON.fullmatch(line)
    if glued is not None:
        help = f"write `{glued[1]}: {glued[2]}`"
        return Problem(here, "yaml-syntax", "there is no blank behind the colon of this line", help)
    if bare is None:
        return None
    help = f"write `{bare[1]}: {bare[2] or ''}".rstrip() + "`"
    if " " in (bare[2] or ""):
        help += "; what goes on with the text above must be indented deeper than its key"
    return Problem(here, "yaml-syntax", "this line has no colon", help)


def missing_dash(text: str, here: Place, index: int, opened: int) -> Problem | None:
    """The Problem of a line that stands in the column of a list's dashes and has none."""
    line = text[index : _line_end(text, index)]
    if re.match(r"-[^\s-]", line):
        return Problem(here, "yaml-syntax", "there is no blank behind this dash", f"write `- {line[1:].strip()}`")
    if not line.startswith("-") and index - _line_start(text, index) == opened - _line_start(text, opened):
        return _dash(here)
    if line.startswith("- "):
        return _first_dash(text, index, here.path)
    return None


def _first_dash(text: str, index: int, path: str) -> Problem | None:
    """The same where the item above the first dash lacks its own."""
    start = _line_start(text, index)
    column, above = index - start, _line_above(text, start)
    line = text[above : _line_end(text, above)] if above is not None else ""
    if above is None or _indent(line) != column or line[column] not in "{[":
        return None
    return _dash(place_at(text, above + column, path))


def _dash(here: Place) -> Problem:
    help = "write a `- ` before it; what belongs to the item above is lined up with that item's first key"
    return Problem(here, "yaml-syntax", "this item of a list has no dash", help)


def _beside_a_list(text: str, start: int, indent: int) -> bool:
    """Whether what stands above a line, at its indentation, are a list's items."""
    above = _line_above(text, start)
    while above is not None:
        line = text[above : _line_end(text, above)]
        if _indent(line) <= indent:
            return _indent(line) == indent and line.lstrip(" ").startswith("- ")
        above = _line_above(text, above)
    return False


def _above_a_list(text: str, start: int, indent: int) -> bool:
    """Whether what stands below a line, at its indentation, are a list's items."""
    lines = text[_line_end(text, start) + 1 :].split("\n")
    below = next((line for line in lines if _indent(line) <= indent), "")
    return _indent(below) == indent and below.startswith("- ", indent)


def _line_above(text: str, start: int) -> int | None:
    """Where the nearest line above begins that is neither empty nor a comment."""
    while start > 0:
        start = _line_start(text, start - 1)
        line = text[start : _line_end(text, start)].strip()
        if line and not line.startswith("#"):
            return start
    return None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" ")) if line.strip() else len(line) + 1_000


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found
