"""Patterns as other readers take them: ECMA 262, which JSON Schema names, and Python's `re`.

What `\\d`, `\\w`, `\\s`, `\\b` and `.` stand for differs among them, and from the validator. A reading is the same
schema with these spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from choreo.compat.document import DATA, NAMED

Rewrite = Callable[[str], str]

_PART = re.compile(r"\\[pP]\{[^}]*\}|\\.|\[\^?\]?|.", re.DOTALL)
_KINDS = frozenset("dws")
_ECMA = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
    ".": r"[^\n\r\u2028\u2029]",
    r"\b": r"(?-u:\b)",
    r"\B": r"(?-u:\B)",
}
_PYTHON = {
    "d": r"\p{Nd}",
    "w": r"\p{L}\p{N}_",
    "s": r"\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    ".": r"[^\n]",
}


def _spelled(pattern: str, table: Mapping[str, str]) -> str:
    """The pattern with each kind of character as the table has it. What is no kind of something stays inside a set."""
    found: list[str] = []
    in_set = False
    for part in _PART.findall(pattern):
        kind = part[1:].lower() if part[0] == "\\" else ""
        if in_set:
            in_set = part != "]"
            found.append(table[kind] if kind in _KINDS and part[1].islower() else part)
        elif kind in _KINDS:
            found.append(f"[{'^' if part[1].isupper() else ''}{table[kind]}]")
        else:
            in_set = part[0] == "["
            found.append(table.get(part, part))
    return "".join(found)


def before_line_end(pattern: str) -> str:
    """The pattern, its last `$` also before a line end."""
    return pattern[:-1] + r"(?:\n?$)" if re.search(r"(?<!\\)(\\\\)*\$$", pattern) else pattern


def as_specified(pattern: str) -> str:
    """As ECMA 262 has it, which is what the specification asks for."""
    return _spelled(pattern, _ECMA)


def in_python(pattern: str) -> str:
    return _spelled(pattern, _PYTHON)


AT_ODDS: dict[str, Rewrite] = {
    "as Python's `re` takes patterns": in_python,
    "where `$` also stands before a last line end, as in Python": before_line_end,
}
"""Readings that are common and not those of the specification."""


def rewritten(part: Any, rewrite: Rewrite) -> Any:
    """The schema with its patterns rewritten."""
    if isinstance(part, list):
        return [rewritten(value, rewrite) for value in part]
    return dict(_words(part, rewrite)) if isinstance(part, Mapping) else part


def _words(part: Mapping[str, Any], rewrite: Rewrite) -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        if key in DATA:
            yield key, value
        elif key == "pattern" and isinstance(value, str):
            yield key, rewrite(value)
        elif key == "patternProperties" and isinstance(value, Mapping):
            yield key, _named(value, rewrite)
        elif key in NAMED and isinstance(value, Mapping):
            yield key, {name: rewritten(inside, rewrite) for name, inside in value.items()}
        else:
            yield key, rewritten(value, rewrite)


def _named(parts: Mapping[str, Any], rewrite: Rewrite) -> dict[str, Any]:
    """Two patterns that become one keep both of their schemas."""
    found: dict[str, Any] = {}
    for pattern, inside in parts.items():
        name, schema = rewrite(pattern), rewritten(inside, rewrite)
        found[name] = {"allOf": [found[name], schema]} if name in found else schema
    return found
