"""What an edit changed: one entry per JSON pointer."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from choreo.gates.layout import Page, Row
from choreo.render.changes import ABSENT, Change, changes
from choreo.render.text import wrap


def diff_rows(old: Any, new: Any, page: Page) -> Iterator[Row]:
    """The changes as rows: `/amount: 250 -> 200`, and line by line for texts."""
    for change in changes(old, new):
        name = page.one_line(change.pointer) or "(the whole value)"
        short = f"{name}: {_written(change.old, page)} -> {_written(change.new, page)}"
        lines = [short] if len(short) <= page.width and "\\n" not in short else [name, *_lines(change, page)]
        for line in lines:
            yield from (Row(row, change.pointer) for row in wrap(line, page.width))


def _lines(change: Change, page: Page) -> Iterator[str]:
    if not isinstance(change.old, str) or not isinstance(change.new, str):
        yield f"  - {_written(change.old, page)}"
        yield f"  + {_written(change.new, page)}"
        return
    found = difflib.unified_diff(change.old.split("\n"), change.new.split("\n"), n=0, lineterm="")
    for line in list(found)[3:]:
        yield "  " + (page.dots if line.startswith("@@") else f"{line[0]} {page.one_line(line[1:])}")


def _written(value: Any, page: Page) -> str:
    return "(none)" if value is ABSENT else page.one_line(json.dumps(value, ensure_ascii=False))
