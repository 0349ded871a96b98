"""The comments of a YAML text: what stands behind a `#` that is no part of a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml
from msgspec import Struct

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_COMMENT = re.compile(r"#[^\n]*")


class Comment(Struct, frozen=True):
    """`text` begins with its `#`; `line` and `column` count from 1.

    `lines` are the lines it stands for: its own, and those of a text of several lines that begins (or, in quotes,
    ends) on its own.
    """

    text: str
    line: int
    column: int
    lines: frozenset[int]


def comments(text: str) -> tuple[Comment, ...]:
    """The comments of a text with `\\n` line ends, in its order; none where it is no YAML."""
    try:
        tokens = [token for token in yaml.scan(text, Loader=_LOADER) if token.end_mark.index > token.start_mark.index]
    except yaml.YAMLError:
        return ()
    spans = list(_long(text, tokens))
    found = []
    for offset, written in _between(text, tokens):
        line = text.count("\n", 0, offset) + 1
        lines = frozenset({line}.union(*(range(first, last + 1) for first, last in spans if line in (first, last))))
        found.append(Comment(written, line, offset - text.rfind("\n", 0, offset), lines))
    return tuple(found)


def _between(text: str, tokens: list[yaml.Token]) -> Iterator[tuple[int, str]]:
    """(offset, text) of what begins with `#` outside of all tokens. The first line of a block text is outside, too."""
    end = 0
    for token in tokens:
        start = token.start_mark.index
        if _is_block(token):
            line_end = text.find("\n", start)
            start = len(text) if line_end < 0 else line_end
        yield from _in_gap(text, end, start)
        end = max(end, token.end_mark.index)
    yield from _in_gap(text, end, len(text))


def _in_gap(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    yield from ((found.start(), found.group()) for found in _COMMENT.finditer(text, start, max(start, end)))


def _long(text: str, tokens: list[yaml.Token]) -> Iterator[tuple[int, int]]:
    """The first and last line of each text of several lines. A block text ends where its last line does."""
    for token in tokens:
        if isinstance(token, yaml.ScalarToken) and token.end_mark.line > token.start_mark.line:
            first = token.start_mark.line + 1
            written = text[token.start_mark.index : token.end_mark.index].rstrip()
            last = first + written.count("\n")
            yield (first, last)


def _is_block(token: yaml.Token) -> bool:
    return isinstance(token, yaml.ScalarToken) and token.style in ("|", ">")
