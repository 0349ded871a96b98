"""Comparisons of contracts as text and as JSON data. Values come from schemas and stores: nothing in them may steer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from choreo.compat import ORDERS, RULES, Change, Comparison, Direction
from choreo.render.text import one_line

_LONGEST = 400
_MOST_CHANGES = 40
_WORDS = {"compatible": "compatible", "breaking": "BREAKING", "unknown": "UNKNOWN (counts as breaking)"}


def render_comparison(old: str, new: str, comparison: Comparison, notes: Sequence[str] = ()) -> str:
    """Both directions with rule, place and counterexample, the differences of the texts, and what follows."""
    lines = [f"{one_line(old)} -> {one_line(new)}"]
    lines += _direction("a new reader with old writers", comparison.backward)
    lines += _direction("a new writer with old readers", comparison.forward)
    lines += _changes(comparison.changes)
    lines.append(f"  version: {comparison.bump} ({RULES[comparison.bump]})")
    lines.append(f"  order: {ORDERS[comparison.first]}")
    lines += [f"  {one_line(note)}" for note in notes]
    return "\n".join(lines) + "\n"


def _direction(who: str, direction: Direction) -> list[str]:
    where = f" by `{direction.rule}` at {direction.pointer or '#'}" if direction.answer == "breaking" else ""
    lines = [f"  {who}: {_WORDS[direction.answer]}{one_line(where)}", f"    {one_line(direction.message)}"]
    if direction.counterexample is not None:
        lines.append(f"    counterexample: {shown(direction.counterexample.value)}")
    return lines


def _changes(found: Sequence[Change]) -> list[str]:
    lines = ["  differences:"] if found else ["  differences: none"]
    for change in found[:_MOST_CHANGES]:
        told = " (documentation)" if change.told else ""
        values = {
            "added": f"added {shown(change.after, 80)}",
            "removed": f"removed {shown(change.before, 80)}",
            "changed": f"{shown(change.before, 80)} -> {shown(change.after, 80)}",
        }
        lines.append(f"    {one_line(change.pointer or '#')}: {values[change.kind]}{told}")
    if len(found) > _MOST_CHANGES:
        lines.append(f"    ... and {len(found) - _MOST_CHANGES} more")
    return lines


def shown(value: Any, longest: int = _LONGEST) -> str:
    """A value as JSON on one line, shortened."""
    text = one_line(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= longest else f"{text[:longest]}…"


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON data. `counterexample` is there only where a direction breaks: it may be null itself."""
    return {
        "backward": _direction_data(comparison.backward),
        "forward": _direction_data(comparison.forward),
        "bump": comparison.bump,
        "bump_rule": RULES[comparison.bump],
        "first": comparison.first,
        "order": ORDERS[comparison.first],
        "changes": [
            {
                "pointer": change.pointer,
                "kind": change.kind,
                **({"before": change.before} if change.kind != "added" else {}),
                **({"after": change.after} if change.kind != "removed" else {}),
                "documentation": change.told,
            }
            for change in comparison.changes
        ],
    }


def _direction_data(direction: Direction) -> dict[str, Any]:
    found: dict[str, Any] = {
        "verdict": direction.answer,
        "rule": direction.rule,
        "pointer": direction.pointer,
        "message": direction.message,
    }
    if direction.counterexample is not None:
        found["counterexample"] = direction.counterexample.value
        found["instance_pointer"] = direction.counterexample.pointer
        found["reason"] = direction.counterexample.reason
    return found
