"""Scalars by the YAML 1.2 core rules, and where each of their characters stands in the file."""

from __future__ import annotations

import math
import re
from typing import Any

from choreo.loading.node import Kind, Node
from choreo.problem import Spots

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, tuple[Kind, Any]] = {
    "true": ("bool", True),
    "false": ("bool", False),
    "null": ("null", None),
    "~": ("null", None),
    "": ("null", None),
}
_AMBIGUOUS = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "Null": "null",
    "NULL": "null",
}
_NUMERIC = frozenset("+-.0123456789")


class BadScalar(Exception):
    """A plain scalar that no two readers agree about, or that is no JSON: (message, help)."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def resolve(text: str) -> tuple[Kind, Any]:
    """Kind and value of a plain (unquoted) scalar. Raises BadScalar."""
    word = _WORDS.get(text)
    if word is not None:
        return word
    if text in _AMBIGUOUS:
        plain = _AMBIGUOUS[text]
        raise BadScalar(
            f"`{text}` is {plain} to some YAML readers and text to others",
            f'write {plain}, or "{text}" in quotes for the text',
        )
    if text[0] in _NUMERIC:
        return _number(text)
    return "text", text


def _number(text: str) -> tuple[Kind, Any]:
    if _INT.fullmatch(text):
        return "int", _bounded(int(text) if len(text) < 30 else 2**64, text)
    if _HEX.fullmatch(text):
        return "int", _bounded(int(text, 16), text)
    if _NOT_FINITE.fullmatch(text):
        raise BadScalar(f"`{text}` is not a number that JSON can carry", "leave the key out, or write a number")
    if not _FLOAT.fullmatch(text):
        return "text", text
    value = float(text)
    if not math.isfinite(value):
        raise BadScalar(f"`{text}` is too large for a number", "write it in quotes")
    return "float", value


def _bounded(value: int, text: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise BadScalar(f"`{text[:40]}` does not fit into 64 bits", "write it in quotes")
    return value


def spots_of(text: str, node: Node) -> Spots:
    """Where the characters of a scalar stand. `text` is the document's text."""
    raw = text[node.start : node.end]
    if node.style in "|>" and node.style:
        return _block(raw, node)
    if node.style in ("'", '"'):
        if raw[1:-1] == node.value:
            return ((0, node.line, node.column + 1),)
        return _flow(raw[:-1], node, 1)
    if raw == node.value:
        return ((0, node.line, node.column),)
    return _flow(raw, node, 0)


_FOLD = re.compile(r"[ \t]*\n[ \t\n]*")
_ESCAPED_BREAK = re.compile(r"\\\n[ \t]*")
_ESCAPE = re.compile(r"\\(?:x..|u....|U.{8}|.)|''", re.DOTALL)


def _flow(raw: str, node: Node, start: int) -> Spots:
    """Walk a quoted or plain scalar: folds and escapes are the only places where columns jump."""
    spots: list[tuple[int, int, int]] = []
    offset, line, line_start, index, jumped = 0, node.line, 1 - node.column, start, True

    def spot() -> None:
        spots.append((offset, line, index - line_start + 1))

    while index < len(raw):
        escaped = _ESCAPED_BREAK.match(raw, index) if node.style == '"' else None
        fold = escaped or _FOLD.match(raw, index)
        if fold is not None:
            spot()
            breaks = fold.group().count("\n")
            offset += 0 if escaped else max(1, breaks - 1)
            line += breaks
            index = fold.end()
            line_start = raw.rfind("\n", 0, index) + 1
            jumped = True
            continue
        if jumped:
            spot()
        escape = _ESCAPE.match(raw, index) if _may_escape(raw[index], node.style) else None
        jumped = escape is not None
        index = escape.end() if escape else index + 1
        offset += 1
    return tuple(spots) or ((0, node.line, node.column + start),)


def _may_escape(character: str, style: str) -> bool:
    return (character == "\\" and style == '"') or (character == "'" and style == "'")


def _block(raw: str, node: Node) -> Spots:
    """Find each line of a `|` or `>` scalar again in its value: what lies between lines is line ends only."""
    lines = raw.split("\n")
    indent = _indent(lines)
    spots: list[tuple[int, int, int]] = []
    offset = 0
    for number, line in enumerate(lines[1:], 1):
        content = line[indent:]
        if not content.strip():
            continue
        found = node.value.find(content, offset)
        if found < 0:
            break
        spots.append((found, node.line + number, indent + 1))
        offset = found + len(content)
    return tuple(spots) or ((0, node.line, node.column),)


def _indent(lines: list[str]) -> int:
    """The indentation of a block scalar's text: that of its first line with text on it.

    With an explicit indicator (`|2`) the first line may be indented deeper than the block.
    """
    depths = [len(line) - len(line.lstrip(" ")) for line in lines[1:] if line.strip()]
    if not depths:
        return 0
    return min(depths) if re.match(r"[|>][-+]?[1-9]", lines[0]) else depths[0]
