"""Formulas over what a value may be: and, or, the schemas of the two texts, and plain demands on a value.

A formula is a tuple: ("true",), ("false",), ("and", ...), ("or", ...), ("lit", number, wanted) for the schema
with that number in the graph, or a demand such as ("min", bound, strict). Demands that leave the validator
the last word are ("opaque", ...).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Formula = tuple[Any, ...]
Lit = tuple[int, bool]
"""A schema's number, and whether it is to hold."""
Goal = frozenset[Lit]
"""What one value must meet."""

TRUE: Formula = ("true",)
FALSE: Formula = ("false",)


def conj(parts: Iterable[Formula]) -> Formula:
    """All of them."""
    found: dict[Formula, None] = {}
    for part in parts:
        if part == FALSE:
            return FALSE
        if part != TRUE:
            found.update(dict.fromkeys(part[1:] if part[0] == "and" else (part,)))
    return _one("and", found, TRUE)


def disj(parts: Iterable[Formula]) -> Formula:
    """At least one of them."""
    found: dict[Formula, None] = {}
    for part in parts:
        if part == TRUE:
            return TRUE
        if part != FALSE:
            found.update(dict.fromkeys(part[1:] if part[0] == "or" else (part,)))
    return _one("or", found, FALSE)


def _one(kind: str, found: dict[Formula, None], nothing: Formula) -> Formula:
    if not found:
        return nothing
    return next(iter(found)) if len(found) == 1 else (kind, *found)


def negated(formula: Formula, demand: Callable[[Formula], Formula]) -> Formula:
    """The opposite of a formula. `demand` gives the opposite of a plain demand."""
    kind = formula[0]
    if kind == "true":
        return FALSE
    if kind == "false":
        return TRUE
    if kind == "lit":
        return ("lit", formula[1], not formula[2])
    if kind == "and":
        return disj(negated(part, demand) for part in formula[1:])
    if kind == "or":
        return conj(negated(part, demand) for part in formula[1:])
    return demand(formula)
