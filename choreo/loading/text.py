"""Bytes to text: UTF-8 only, one kind of line end, no character that readers disagree about."""

from __future__ import annotations

import re

from choreo.problem import Place, Problem, Spots

MAX_BYTES = 20_000_000
"""A spec, prompt or contract beyond this is refused unread."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
"""Line ends to some YAML readers and plain characters to others."""


def decode(data: bytes, path: str, problems: list[Problem], *, strict_breaks: bool = False) -> str | None:
    """The text with `\\n` line ends and without a byte order mark, or None with a Problem added."""
    text = _utf8(data, path, problems)
    if text is None:
        return None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    odd = _CONTROL.search(text) or (_BREAKS.search(text) if strict_breaks else None)
    if odd is None:
        return text
    problems.append(
        Problem(
            place_at(text, odd.start(), path),
            "bad-character",
            f"the character U+{ord(odd.group()):04X} may not stand in this file as it is",
            "remove it"
            if odd.group() == "\0"
            else f'remove it, or write it as "\\u{ord(odd.group()):04x}" inside double quotes',
        )
    )
    return None


def _utf8(data: bytes, path: str, problems: list[Problem]) -> str | None:
    found = _other_encoding(data)
    if found is None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
            before = before.replace("\r\n", "\n").replace("\r", "\n")
            place = place_at(before, len(before), path)
            found = f"the byte 0x{data[error.start]:02x} here is not UTF-8 (Latin-1, perhaps?)"
    else:
        place = Place(path)
    problems.append(Problem(place, "not-utf8", found, "save the file as UTF-8"))
    return None


def _other_encoding(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "the file is UTF-32"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the file is UTF-16"
    head = data[:4]
    if len(head) >= 2 and head.count(0) and (head[0] == 0) != (head[1] == 0):
        return "the file looks like UTF-16 without a byte order mark"
    return None


def place_at(text: str, index: int, path: str) -> Place:
    """The place of the character at `index` of a text with `\\n` line ends."""
    last = text.rfind("\n", 0, index)
    return Place(path, text.count("\n", 0, index) + 1, index - last)


def line_spots(text: str) -> Spots:
    """The spots of a whole file."""
    starts = [0] + [found.end() for found in re.finditer("\n", text)]
    return tuple((start, number, 1) for number, start in enumerate(starts, 1))
