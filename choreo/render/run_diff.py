"""What changed between two runs, as text and as JSON."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from choreo.engine.limits import hops_in_words
from choreo.render.changes import ABSENT, Change
from choreo.render.compared import Compared, Entry, Pair, Part, Told, seconds_in
from choreo.render.text import one_line

_SHORT = 72
_LONG = 160
_MOST = 20
"""Changes of one part that are written out; all of them are in the JSON."""


def diff_text(found: Compared, *, every: bool) -> str:
    """The two runs, then what differs (`every`: what is the same, too)."""
    lines = [_head("-", found.before), _head("+", found.after), ""]
    lines += _parts(found.run.parts)
    for what, pairs in (("hop", found.hops), ("decision", found.decisions)):
        for pair in pairs:
            if every or pair.differs or pair.other_price:
                lines += _pair(pair, what)
        same = sum(1 for pair in pairs if not pair.differs and not pair.other_price)
        if same and not every:
            lines.append(f"= {same} {what}{'s' if same > 1 else ''} the same")
    return "\n".join(lines) + "\n"


def _head(mark: str, told: Told) -> str:
    record = told.record
    cost = f"{record.cost:.4f}" if record.priced else "?"
    spec = one_line(f"{record.spec} {record.version}")
    spent = f"{hops_in_words(record.hops)}  cost {cost}  {seconds_in(told):.2f} s"
    return f"{mark} run {record.id}  {spec}  {record.status}  {spent}"


def _pair(pair: Pair, what: str) -> list[str]:
    mark = "-" if pair.after is None else "+" if pair.before is None else "~" if pair.differs else "="
    mark = "$" if mark == "=" and pair.other_price else mark
    lines = [f"{mark} {what} {one_line(pair.name)}{_price(pair) if what == 'hop' else ''}"]
    one = pair.before or pair.after
    if pair.before is not None and pair.after is not None:
        return lines + _parts(pair.parts)
    for part, value in one.parts.items() if one is not None else ():
        lines.append(f"    {part}: {_written(getattr(value, 'value', value))}")
    return lines


def _price(pair: Pair) -> str:
    told = [_spent(one) for one in (pair.before, pair.after) if one is not None]
    return f"  ({' -> '.join(dict.fromkeys(told))})"


def _spent(entry: Entry) -> str:
    if entry.taken is not None:
        return entry.taken
    return f"cost {'?' if entry.cost is None else format(entry.cost, '.4f')}, {entry.seconds:.2f} s"


def _parts(parts: Sequence[Part]) -> list[str]:
    lines: list[str] = []
    shown: dict[str, int] = {}
    for part, change in parts:
        shown[part] = shown.get(part, 0) + 1
        if shown[part] <= _MOST:
            lines += (f"    {line}" for line in _change(part, change))
    more = {part: count - _MOST for part, count in shown.items() if count > _MOST}
    return lines + [f"    {part}: {count} more changes (all: --json)" for part, count in more.items()]


def _change(part: str, change: Change) -> Iterator[str]:
    name = f"{part} {one_line(change.pointer)}" if change.pointer else part
    old, new = change.old, change.new
    short = f"{_whole(old)} -> {_whole(new)}"
    if len(name) + len(short) <= _SHORT:
        yield f"{name}: {short}"
        return
    yield name
    if isinstance(old, str) and isinstance(new, str):
        yield from _lines(old, new)
    else:
        yield f"  - {_written(old)}"
        yield f"  + {_written(new)}"


def _lines(old: str, new: str) -> Iterator[str]:
    """The lines that differ; of a long one what stands around its first difference."""
    found = [
        line
        for line in list(difflib.unified_diff(old.split("\n"), new.split("\n"), n=0, lineterm=""))[2:]
        if not line.startswith("@@")
    ]
    same = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    begin = max(0, same - 30) if "\n" not in old + new else 0
    for line in found[: 2 * _MOST]:
        yield f"  {line[0]} {'...' if begin else ''}{_clipped(one_line(line[1 + begin :]))}"
    if len(found) > 2 * _MOST:
        yield f"  {len(found) - 2 * _MOST} more lines"


def _whole(value: Any) -> str:
    return "(none)" if value is ABSENT else one_line(json.dumps(value, ensure_ascii=False))


def _written(value: Any) -> str:
    return _clipped(_whole(value))


def _clipped(text: str) -> str:
    return text if len(text) <= _LONG else text[:_LONG] + "..."


# -- as JSON -------------------------------------------------------------------------------------


def diff_json(found: Compared, *, every: bool) -> dict[str, Any]:
    """`before` and `after` (the runs), `differ`, and what changed of the `run`, its `hops` and its `decisions`.

    A change has `part`, `pointer`, `before` and `after`; a side is left out where the field was not there.
    """

    def listed(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        return [_pair_json(pair) for pair in pairs if every or pair.differs or pair.other_price]

    return {
        "before": _run_json(found.before),
        "after": _run_json(found.after),
        "differ": found.differs,
        "run": [_change_json(part, change) for part, change in found.run.parts],
        "hops": listed(found.hops),
        "decisions": listed(found.decisions),
    }


def _run_json(told: Told) -> dict[str, Any]:
    record = told.record
    cost = record.cost if record.priced else None
    counts = {"hops": record.hops, "cost": cost, "seconds": seconds_in(told)}
    return {"run": record.id, "spec": record.spec, "version": record.version, "status": record.status, **counts}


def _pair_json(pair: Pair) -> dict[str, Any]:
    state = "only-before" if pair.after is None else "only-after" if pair.before is None else None
    return {
        "name": pair.name,
        "state": state or ("changed" if pair.differs else "same"),
        "before": _entry_json(pair.before),
        "after": _entry_json(pair.after),
        "changes": [_change_json(part, change) for part, change in pair.parts],
    }


def _entry_json(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    parts = {name: getattr(part, "value", part) for name, part in entry.parts.items()}
    return {**parts, "cost": entry.cost, "seconds": entry.seconds, "taken": entry.taken}


def _change_json(part: str, change: Change) -> dict[str, Any]:
    sides = {"before": change.old, "after": change.new}
    return {"part": part, "pointer": change.pointer, **{side: v for side, v in sides.items() if v is not ABSENT}}
