"""Conditions that can never come out as they would have to, whatever the values are that they compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from choreo.expression import Const, Node, children
from choreo.lint.cases import OTHER, Within, cases, holds, paths
from choreo.lint.facts import Path
from choreo.lint.types import NUMBERS, Alt, Type

_EXACT = 2**52
"""Above it not every whole number is a number of its own in a computer."""


def never(conditions: Sequence[tuple[Node, bool]], type_of: Callable[[Path], Type]) -> bool:
    """Whether conditions can never come out so, all together, by the values that they compare. An error in one of
    them (a field that is missing) is not looked at.
    """
    nodes = [node for node, _ in conditions]
    named = list(_constants(nodes))
    domain = {path: _tried(type_of(path), named) for node in nodes for path in paths(node)}
    known = {path: values for path, values in domain.items() if values}
    every = list(cases(known)) if known else [{}]
    return bool(every) and all(any(holds(node, case) is (not truth) for node, truth in conditions) for case in every)


def _constants(nodes: list[Node]) -> Iterator[Any]:
    """The literals in conditions."""
    ahead = list(nodes)
    while ahead:
        node = ahead.pop()
        ahead.extend(children(node))
        if isinstance(node, Const) and node.kind in ("int", "double", "string", "bool"):
            yield node.value


def _tried(kind: Type, named: Sequence[Any]) -> tuple[Any, ...]:
    """Values that stand for all that a path can be: those that are listed or named, and one for each gap between
    them. Nothing where no such values tell.
    """
    if kind.values is not None:
        return kind.values
    if kind.alts is None:
        return (*dict.fromkeys(named), None, OTHER, *_numbers(None, named))
    found: list[Any] = []
    for alt in kind.alts:
        if alt.values is not None:
            found += alt.values
        elif alt.kind in NUMBERS:
            found += _numbers(alt, named)
        elif alt.kind == "string":
            found += [*(one for one in named if isinstance(one, str)), OTHER]
        else:
            found.append(OTHER)
    return tuple(found)


def _numbers(alt: Alt | None, named: Sequence[Any]) -> list[Any]:
    """The numbers that are named and one for each gap, as far as a contract's bounds leave them."""
    if any(_is_number(one) and abs(one) > _EXACT for one in named):
        return [OTHER]
    whole = alt is not None and alt.kind == "int"
    low, high = _bounds(alt)
    inside = {one for one in named if _is_number(one) and low <= one <= high}
    ends = sorted(inside | {one for one in (low, high) if math.isfinite(one)})
    gaps = [gap for left, right in pairwise((low, *ends, high)) for gap in _gap(left, right, whole)]
    return [*(one for one in ends if not whole or one == int(one)), *gaps]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _gap(low: float, high: float, whole: bool) -> list[Within]:
    """A number between two others, which it is neither of; nothing where there is none."""
    if low == -math.inf:
        return [Within(0.0 if high == math.inf else high - 1)]
    if high == math.inf:
        return [Within(low + 1)]
    if low >= high or (whole and math.floor(low) + 1 >= high):
        return []
    return [Within((low + high) / 2)]


def _bounds(alt: Alt | None) -> tuple[float, float]:
    """The least and the largest number that a contract allows."""
    schemas = [] if alt is None else [part.schema for part in alt.parts]
    least = [one[word] for one in schemas for word in ("minimum", "exclusiveMinimum") if word in one]
    most = [one[word] for one in schemas for word in ("maximum", "exclusiveMaximum") if word in one]
    return max(filter(_is_number, least), default=-math.inf), min(filter(_is_number, most), default=math.inf)
