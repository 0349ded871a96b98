"""The coverage matrix of a spec's map as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo.lint.coverage import Cover, Covered, Part
from choreo.render.map_tree import Pen
from choreo.render.text import columns, wrap
from choreo.spec import Role, WorkMap

_HEADS: Mapping[Part, tuple[str, str]] = {
    "breakdown": ("where it breaks down", "covered by"),
    "decision": ("what is decided", "taken by"),
    "person": ("people", "asked at"),
}


def render_coverage(
    work: WorkMap, rows: Sequence[Covered], loose: Sequence[str], roles: Mapping[str, Role], pen: Pen
) -> str:
    """The map: a row to each breakdown, decision and person, and what covers it. `loose` is what no row names."""
    lines = list(_facts(work, pen))
    for part, heads in _HEADS.items():
        own = [row for row in rows if row.part == part]
        if own:
            lines += ["", *_table(own, heads, roles, pen)]
    gaps = sum(bool(row.gap) for row in rows)
    told = f"{gaps} {'gap' if gaps == 1 else 'gaps'} in {len(rows)} parts of the map" if gaps else "no gaps"
    lines += [
        "",
        pen.line(
            (f"map: {told}" if rows else "map: it names no breakdowns, decisions or people", "warn" if gaps else "")
        ),
    ]
    if loose:
        lines += _hung("not named by the map: ", pen.safe(", ".join(loose)), pen)
    return "\n".join(lines) + "\n"


def _facts(work: WorkMap, pen: Pen) -> Iterator[str]:
    facts = {
        "starts when": work.trigger,
        "systems": ", ".join(f"{name} ({text})" if text else name for name, text in work.systems.items()),
        "today": ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in work.baseline.items()),
    }
    for head, text in facts.items():
        if text:
            yield from _hung(f"{head:<13}", pen.safe(" ".join(text.split())), pen)


def _hung(head: str, text: str, pen: Pen) -> Iterator[str]:
    for row in wrap(text, max(20, pen.width - len(head))):
        yield pen.line((head, "quiet"), (row, ""))
        head = " " * len(head)


def _table(rows: Sequence[Covered], heads: tuple[str, str], roles: Mapping[str, Role], pen: Pen) -> Iterator[str]:
    """Two columns; the left one takes what it needs, at most three fifths of the width."""
    left = min(max(columns(pen.safe(_left(row))) for row in rows) + 2, pen.width * 3 // 5)
    left = max(left, len(heads[0]) + 2)
    yield pen.line(("    ", ""), (f"{heads[0]:<{left}}{heads[1]}", "name"))
    for row in rows:
        said = list(wrap(pen.safe(_left(row)), left - 2))
        covers = [_cover(cover, roles) for cover in row.covers if cover.what] if not row.gap else []
        other = list(wrap(pen.safe(", ".join(covers) if covers else f"GAP: {row.gap}"), pen.width - left - 4))
        for number in range(max(len(said), len(other))):
            first = said[number] if number < len(said) else ""
            second = other[number] if number < len(other) else ""
            mark = ("!!  " if row.gap else "ok  ") if not number else "    "
            pad = " " * (left - columns(first))
            yield pen.line((mark, "warn" if row.gap else ""), (first + pad, ""), (second, "warn" if row.gap else ""))


def _left(row: Covered) -> str:
    text = " ".join(row.text.split())
    return f"{text} ({row.stakes} stakes)" if row.stakes == "high" else text


def _cover(cover: Cover, roles: Mapping[str, Role]) -> str:
    role = roles.get(cover.name) if cover.what == "role" else None
    return f"{cover.name} ({role.kind if role is not None else cover.what})"


def coverage_data(rows: Sequence[Covered], loose: Sequence[str]) -> dict[str, Any]:
    """The matrix as plain JSON data."""
    return {
        "rows": [
            {
                "part": row.part,
                "text": row.text,
                **({"stakes": row.stakes} if row.stakes else {}),
                "covered_by": [{"name": cover.name, "what": cover.what or None} for cover in row.covers],
                "gap": row.gap or None,
                "line": row.place.line,
            }
            for row in rows
        ],
        "gaps": sum(bool(row.gap) for row in rows),
        "unnamed": list(loose),
    }
