"""What is left of a type behind conditions that were true, or false."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from choreo.expression import Call, Const, Node, Select, children
from choreo.lint.bounds import demanded
from choreo.lint.cases import holds, paths
from choreo.lint.facts import Facts, Path, path_of, there
from choreo.lint.schemas import field_of
from choreo.lint.types import Alt, Type

Conditions = Sequence[tuple[Node, bool]]
"""Conditions, each with what it gave."""
_NOT_EMPTY = demanded({"type": "string", "minLength": 1})


def narrowed(kind: Type, ways: Sequence[Path], conditions: Conditions, known: Facts) -> Type:
    """The type of the value that goes by the names `ways`. `known` has a value there."""
    if kind.alts is None or not (conditions or known):
        return kind
    loose = _is_asked(ways, conditions)
    found = [_left(alt, ways, conditions, known, loose) for alt in kind.alts]
    kept = tuple(alt for alt in found if alt.values != ())
    same = len(kept) == len(kind.alts) and all(new is old for new, old in zip(kept, kind.alts, strict=True))
    return kind if same or not kept else Type(kept, kind.parts)


def _is_asked(ways: Sequence[Path], conditions: Conditions) -> bool:
    """Whether a condition is about a value, a part of it, or what it is a part of."""
    asked = [path for node, _ in conditions for path in compared(node)]
    return any(path[: len(way)] == way[: len(path)] for way in ways for path in asked)


def compared(node: Node) -> Iterator[Path]:
    """The paths of which a condition asks more than whether they have a value."""
    match node:
        case Select(test_only=True):
            return
        case Call(function="_==_" | "_!=_", args=(left, right)) if any(
            isinstance(side, Const) and side.kind == "null" for side in (left, right)
        ):
            return
    path = path_of(node)
    if path is not None:
        yield path
        return
    for part in children(node):
        yield from compared(part)


def _left(alt: Alt, ways: Sequence[Path], conditions: Conditions, known: Facts, loose: bool) -> Alt:
    if alt.values is not None:
        values = tuple(value for value in alt.values if not _is_ruled_out(value, ways, conditions))
        return alt if len(values) == len(alt.values) else replace(alt, values=values)
    if alt.kind == "object":
        alt = _with_fields(alt, ways, conditions, known)
    elif alt.kind == "string" and _is_ruled_out("", ways, conditions):
        alt = replace(alt, parts=(*alt.parts, _NOT_EMPTY))
    return replace(alt, loose=True) if loose and not alt.loose else alt


def _is_ruled_out(value: object, ways: Sequence[Path], conditions: Conditions) -> bool:
    case = dict.fromkeys(ways, value)
    return any(holds(node, case) is (not truth) for node, truth in conditions)


def _with_fields(alt: Alt, ways: Sequence[Path], conditions: Conditions, known: Facts) -> Alt:
    fields = dict(alt.fields or {})
    optional = set(alt.optional)
    for name in _fields_asked(ways, conditions, known):
        field, below = field_of(alt, name), [(*way, name) for way in ways]
        if field is None:
            continue
        kind = narrowed(field.type, below, conditions, known)
        fields[name] = kind.without_null() if any(way in known for way in below) else kind
        if field.required or any(there(way) in known for way in below):
            optional.discard(name)
        else:
            optional.add(name)
    same = all(name in (alt.fields or {}) and fields[name] is (alt.fields or {})[name] for name in fields)
    return alt if same and optional == alt.optional else replace(alt, fields=fields, optional=frozenset(optional))


def _fields_asked(ways: Sequence[Path], conditions: Conditions, known: Facts) -> list[str]:
    asked = [path for node, _ in conditions for path in paths(node)]
    asked += [path[1:] if path[0] == "" else path for path in known]
    return list(dict.fromkeys(path[len(way)] for way in ways for path in asked if path[: len(way)] == way != path))
