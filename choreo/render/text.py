"""Untrusted text on its way to a terminal: nothing in it may steer, hide or imitate.

Every string that a model, a sender or a file supplied goes through `safe_text` (or `gutter`, `one_line`,
which call it) before it is written. What does not print, or changes how its neighbours print, is shown
as an escape: `\\x1b`, `\\u202e`, `\\U000e0041`.
"""

from __future__ import annotations

import json
import os
import re
import time
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TextIO

GUTTER = "│ "
ASCII_GUTTER = "| "

_UNUSUAL = re.compile(r"[^\n\t -~]+")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
"""Assigned characters that print as nothing: fillers, joiners, an empty braille cell."""
_EMOJI_STYLE = "\ufe0f"
_MOST_MARKS = 4
"""Combining marks allowed in a row; stacks beyond it draw over the lines above and below."""


def utc(at: float) -> str:
    """A time (UTC seconds since 1970) as people read it."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f} s after 1970"


def ascii_only(stream: TextIO) -> bool:
    """Whether a stream takes nothing but ASCII: by its encoding, or because the locale says so (`LC_ALL=C`)."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in names if name), "")
    try:
        "│┊…→✓⠋".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return locale in ("C", "POSIX")


def safe_text(text: str, *, ascii_only: bool = False) -> str:
    """The text with everything that does not plainly print made visible; newline and tab stay.

    Escaped are C0 and C1 controls, DEL, bidi controls, zero-width and tag characters, variation
    selectors (but one emoji style directly after a symbol), fillers, line and paragraph separators,
    private and unassigned characters, lone surrogates, and long stacks of combining marks.
    `ascii_only` escapes all that is not ASCII, for terminals that would read UTF-8 as control bytes.
    """
    if ascii_only:
        return _UNUSUAL.sub(lambda found: "".join(map(escape, found[0])), text)
    return _UNUSUAL.sub(_shown, text)


def one_line(text: str, *, ascii_only: bool = False) -> str:
    """Like `safe_text`, with newlines and tabs shown as `\\n` and `\\t`."""
    return safe_text(text, ascii_only=ascii_only).replace("\n", "\\n").replace("\t", "\\t")


def nothing_hidden(text: str) -> str:
    """The text with what does not plainly print as JSON escapes: a JSON document stays one, with the same value."""
    return _UNUSUAL.sub(lambda found: "".join(map(json_escaped, found[0])), text)


def only_ascii(text: str) -> str:
    """The text with all that is not ASCII as JSON escapes."""
    return text if text.isascii() else "".join(char if char.isascii() else json.dumps(char)[1:-1] for char in text)


def json_escaped(char: str) -> str:
    """A character as it may stand in a JSON text on a terminal or in an editor."""
    if char.isascii() and char != "\x7f":
        return char
    return json.dumps(char)[1:-1] if is_hidden(char) else char


def gutter(text: str, mark: str = GUTTER, *, width: int = 0, ascii_only: bool = False) -> str:
    """Untrusted text with `mark` before every line, so that it cannot look like a frame or a prompt.

    With a `width` (terminal columns) long lines are wrapped here, mark and all: left to the terminal,
    the rest of a line would begin at the left edge, outside the gutter.
    """
    lines = safe_text(text, ascii_only=ascii_only).expandtabs(4).split("\n")
    room = max(8, width - columns(mark)) if width else 0
    return "\n".join(mark + row for line in lines for row in (wrap(line, room) if room else (line,)))


def escape(char: str) -> str:
    """The visible escape of one character."""
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


@lru_cache(maxsize=4096)
def is_hidden(char: str) -> bool:
    """True where a character prints as nothing, or changes how its neighbours print."""
    if char in "\n\t":
        return False
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or char in _BLANKS or _is_variation(ord(char))


def _is_variation(code: int) -> bool:
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0x180B <= code <= 0x180F


def _shown(found: re.Match[str]) -> str:
    shown: list[str] = []
    before, marks = "", 0
    for char in found[0]:
        marks = marks + 1 if _is_mark(char) else 0
        styled = char == _EMOJI_STYLE and before != "" and unicodedata.category(before) == "So"
        hidden = marks > _MOST_MARKS or (is_hidden(char) and not styled)
        shown.append(escape(char) if hidden else char)
        before = char
    return "".join(shown)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me") and not is_hidden(char)


# -- width ---------------------------------------------------------------------------------------


def columns(text: str) -> int:
    """Terminal columns that one line of safe text takes, counted high rather than low."""
    return len(text) if text.isascii() else sum(map(_char_columns, text))


@lru_cache(maxsize=4096)
def _char_columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me") and char != _EMOJI_STYLE:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(line: str, width: int, rest: int | None = None) -> Iterator[str]:
    """The line in rows of at most `width` columns (later ones at most `rest`), no character lost.

    Breaks after a space where one stands in the last two thirds of the row.
    """
    start, room = 0, width
    while True:
        end = _row_end(line, start, room)
        if end >= len(line):
            yield line[start:]
            return
        space = line.rfind(" ", start + (end - start) // 3, end)
        end = space + 1 if space >= 0 else end
        yield line[start:end]
        start, room = end, width if rest is None else rest


def _row_end(line: str, start: int, room: int) -> int:
    if line.isascii():
        return start + room
    used, at = 0, start
    while at < len(line):
        used += _char_columns(line[at])
        if used > room and at > start:
            return at
        at += 1
    return at
