"""JSON laid out for reading: rows of safe text that fit the terminal, and open cuts of long ones.

A text with line breaks is shown as lines, each behind its own mark, so that no text can look like
another field. The exact bytes are shown elsewhere: this is the view for reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from choreo.render.text import columns, one_line, safe_text, wrap

MOST_ROWS = 20_000
"""Rows laid out to count what is hidden; beyond it the count is `more than`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row on the screen. `field` is the top-level key it belongs to."""

    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is shown of a payload. `total` counts rows; `more` is True where counting was given up."""

    rows: tuple[Row, ...]
    total: int
    hidden: int
    more: bool = False
    fields: tuple[str, ...] = ()
    """Top-level keys of which something, or everything, is hidden."""


@dataclass(frozen=True, slots=True)
class Page:
    """How wide rows may be (columns), and whether only ASCII may be written."""

    width: int
    ascii_only: bool = False

    @property
    def text_mark(self) -> str:
        return ": " if self.ascii_only else "┊ "

    @property
    def dots(self) -> str:
        return "..." if self.ascii_only else "…"

    def safe(self, text: str) -> str:
        return safe_text(text, ascii_only=self.ascii_only)

    def one_line(self, text: str) -> str:
        return one_line(text, ascii_only=self.ascii_only)


def reading_rows(value: Any, page: Page) -> Iterator[Row]:
    """The rows of a JSON value."""
    if not isinstance(value, dict) or not value:
        yield from (Row(text) for text in _value(value, page, 0, "", ""))
        return
    yield Row("{")
    last = len(value) - 1
    for place, (key, part) in enumerate(value.items()):
        for text in _value(part, page, 1, _key(key, page), "," if place < last else ""):
            yield Row(text, key)
    yield Row("}")


def exact_rows(data: bytes, page: Page) -> Iterator[Row]:
    """The rows of the exact bytes: one line of JSON, wrapped."""
    yield from (Row(text) for text in wrap(page.one_line(data.decode("utf-8", "backslashreplace")), page.width))


def cut(rows: Iterable[Row], limit: int, page: Page) -> Cut:
    """At most about `limit` rows, shared among the top-level fields so that a long one hides no short one."""
    counted = list(islice(rows, MOST_ROWS + 1))
    more = len(counted) > MOST_ROWS
    if len(counted) <= limit:
        return Cut(tuple(counted), len(counted), 0)
    groups = [(field, list(group)) for field, group in groupby(counted, key=lambda row: row.field)]
    share = max(3, _share([len(group) for _, group in groups], limit))
    shown: list[Row] = []
    fields: list[str] = []
    kept = skipped = 0
    for field, group in groups:
        rows_left = limit - len(shown)
        part = (group if len(group) <= share else group[: share - 1])[: max(0, rows_left)]
        left_out = len(group) - len(part)
        kept += len(part)
        shown += part
        if left_out and field:
            fields.append(field)
        if left_out and part:
            shown.append(Row(_left_out(left_out, field, page), field))
        elif left_out:
            skipped += left_out
    if skipped:
        shown.append(Row(_left_out(skipped, "", page)))
    return Cut(tuple(shown), len(counted), len(counted) - kept, more, tuple(fields))


def amount_of(number: int) -> str:
    """Bytes for people: `96 bytes`, `1.2 MB`."""
    if number < 10_000:
        return f"{number:,} byte{'' if number == 1 else 's'}"
    return f"{number / 1000:,.0f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"


def _left_out(count: int, field: str, page: Page) -> str:
    of = f" of {page.one_line(json.dumps(field, ensure_ascii=False))}" if field else ""
    return next(wrap(f"{page.dots} {count:,} more line{'' if count == 1 else 's'}{of}", page.width))


def _share(sizes: list[int], limit: int) -> int:
    """The most rows a field may take so that all together take about `limit`."""
    left, share = limit, 0
    for done, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - done)
        if size > share:
            return share
        left -= size
    return max(sizes)


def _key(key: str, page: Page) -> str:
    return page.one_line(json.dumps(key, ensure_ascii=False)) + ": "


def _value(value: Any, page: Page, depth: int, prefix: str, suffix: str) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value:
        yield from _text(value, page, depth, prefix)
    elif isinstance(value, dict | list) and value and not _fits(value, page, depth, prefix):
        yield from _container(value, page, depth, prefix, suffix)
    else:
        written = page.one_line(json.dumps(value, ensure_ascii=False))
        yield from _hanging(prefix + written + suffix, page, depth)


def _container(value: dict[str, Any] | list[Any], page: Page, depth: int, prefix: str, suffix: str) -> Iterator[str]:
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    yield from _hanging(prefix + opening, page, depth)
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for place, (key, part) in enumerate(parts):
        before = _key(key, page) if isinstance(key, str) else ""
        yield from _value(part, page, depth + 1, before, "," if place < len(value) - 1 else "")
    yield _indent(page, depth) + closing + suffix


def _text(value: str, page: Page, depth: int, prefix: str) -> Iterator[str]:
    lines = page.safe(value).expandtabs(4).split("\n")
    yield from _hanging(f"{prefix}text of {len(lines):,} lines", page, depth)
    margin = _indent(page, depth + 1) + page.text_mark
    for line in lines:
        for row in wrap(line, max(8, page.width - len(margin))):
            yield margin + row


def _fits(value: dict[str, Any] | list[Any], page: Page, depth: int, prefix: str) -> bool:
    """Short lists of plain values stand on one line."""
    if isinstance(value, dict) or len(value) > 20 or any(isinstance(part, dict | list) for part in value):
        return False
    if any(isinstance(part, str) and ("\n" in part or len(part) > page.width) for part in value):
        return False
    written = page.one_line(json.dumps(value, ensure_ascii=False))
    return len(_indent(page, depth)) + columns(prefix) + columns(written) < page.width


def _indent(page: Page, depth: int) -> str:
    return " " * min(depth * 2, page.width // 3)


def _hanging(text: str, page: Page, depth: int) -> Iterator[str]:
    first, later = _indent(page, depth), _indent(page, depth + 2)
    rows = wrap(text, max(8, page.width - len(first)), max(8, page.width - len(later)))
    for place, row in enumerate(rows):
        yield (later if place else first) + row
