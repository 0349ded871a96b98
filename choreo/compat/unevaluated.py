"""`unevaluatedProperties` and `unevaluatedItems`: what they mean where the schemas beside them are known.

What a neighbour evaluates may depend on whether it holds. Each such neighbour is a switch; the keyword
is one plain demand for every position of the switches. Too many of them, or nested ones: the validator decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from choreo.compat.formula import Formula, conj, disj
from choreo.compat.graph import Graph

_MOST_SWITCHES = 4
_OWN = {
    "unevaluatedProperties": ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
    "unevaluatedItems": ("prefixItems", "items", "additionalItems", "contains", "unevaluatedItems"),
}

Switch = tuple[Formula, Formula, int]
"""What holds where a neighbour counts, what where it does not, and the neighbour."""


class _Undecided(Exception):
    pass


def unevaluated(graph: Graph, number: int, keyword: str) -> Iterator[Formula]:
    """The meaning of the keyword in the schema with this number."""
    rest = graph.below(number, keyword)
    if graph.nodes[rest].schema in (True, {}):
        return
    try:
        fixed, switches = _neighbours(graph, number, keyword)
        if len(switches) > _MOST_SWITCHES:
            raise _Undecided
        positions = product((True, False), repeat=len(switches))
        yield disj(_position(graph, fixed, switches, setting, rest, keyword) for setting in positions)
    except _Undecided:
        yield ("opaque", graph.name(number, keyword), True)


def _position(
    graph: Graph, fixed: list[int], switches: list[Switch], setting: tuple[bool, ...], rest: int, keyword: str
) -> Formula:
    tests = [switch[0] if on else switch[1] for switch, on in zip(switches, setting, strict=True)]
    counted = fixed + [switch[2] for switch, on in zip(switches, setting, strict=True) if on]
    demand = _fields(graph, counted, rest) if keyword == "unevaluatedProperties" else _items(graph, counted, rest)
    return conj((*tests, demand)) if demand else conj(tests)


def _fields(graph: Graph, counted: list[int], rest: int) -> Formula | None:
    """The names in the first of `counted` (the schema itself) are judged there: here they are only known."""
    names: dict[str, int] = {}
    patterns: dict[str, int] = {}
    for place, number in enumerate(counted):
        schema = graph.nodes[number].schema
        if "additionalProperties" in schema or (place and "unevaluatedProperties" in schema):
            return None
        names |= {name: graph.below(number, "properties", name) for name in schema.get("properties", {})}
        patterns |= {
            name: graph.below(number, "patternProperties", name) for name in schema.get("patternProperties", {})
        }
    return ("fields", tuple(names.items()), tuple(patterns.items()), rest)


def _items(graph: Graph, counted: list[int], rest: int) -> Formula | None:
    first: tuple[int, ...] = ()
    for place, number in enumerate(counted):
        schema = graph.nodes[number].schema
        listed = "prefixItems" if graph.nodes[number].draft == 20 else "items"
        if "contains" in schema and graph.nodes[number].draft == 20:
            raise _Undecided
        if "additionalItems" in schema and graph.nodes[number].draft == 19:
            raise _Undecided
        if "items" in schema and not isinstance(schema["items"], list):
            return None
        if place and "unevaluatedItems" in schema:
            return None
        known = schema.get(listed, ())
        if len(known) > len(first):
            first = tuple(graph.below(number, listed, place) for place in range(len(known)))
    return ("items", first, rest)


def _neighbours(graph: Graph, number: int, keyword: str) -> tuple[list[int], list[Switch]]:
    """The schemas that hold in any case, and those that may hold."""
    fixed: list[int] = []
    switches: list[Switch] = []
    waiting = [number]
    while waiting:
        here = waiting.pop(0)
        schema = graph.nodes[here].schema
        if isinstance(schema, bool) or here in fixed:
            continue
        if "$dynamicRef" in schema or "$recursiveRef" in schema:
            raise _Undecided
        fixed.append(here)
        if "$ref" in schema:
            target = graph.target(here, "$ref")
            if target is None:
                raise _Undecided
            waiting.append(target)
        waiting += [graph.below(here, "allOf", place) for place in range(len(schema.get("allOf", ())))]
        switches += _switches(graph, here, schema, keyword)
    return fixed, switches


def _switches(graph: Graph, number: int, schema: Mapping[str, Any], keyword: str) -> Iterator[Switch]:
    for group in ("anyOf", "oneOf"):
        for place in range(len(schema.get(group, ()))):
            part = graph.below(number, group, place)
            yield from _switch(graph, part, graph.lit(part), graph.lit(part, False), keyword)
    if "if" in schema:
        test = graph.below(number, "if")
        holds, fails = graph.lit(test), graph.lit(test, False)
        yield from _switch(graph, test, holds, fails, keyword)
        for branch, on, off in (("then", holds, fails), ("else", fails, holds)):
            if branch in schema:
                yield from _switch(graph, graph.below(number, branch), on, off, keyword)
    for name in schema.get("dependentSchemas", {}):
        part = graph.below(number, "dependentSchemas", name)
        yield from _switch(graph, part, ("need", name), ("absent", name), keyword)
    if any(not isinstance(part, list) for part in schema.get("dependencies", {}).values()):
        raise _Undecided


def _switch(graph: Graph, part: int, on: Formula, off: Formula, keyword: str) -> Iterator[Switch]:
    """Nothing where the neighbour evaluates nothing; only plain neighbours are followed."""
    schema = graph.nodes[part].schema
    if isinstance(schema, bool) or not _evaluates(schema):
        return
    if any(word in schema for word in _NESTING):
        raise _Undecided
    if any(word in schema for word in _OWN[keyword]):
        yield on, off, part


_NESTING = ("allOf", "anyOf", "oneOf", "if", "$ref", "$dynamicRef", "$recursiveRef", "dependentSchemas", "dependencies")
_EVERY = {*_NESTING, *(word for words in _OWN.values() for word in words)}


def _evaluates(schema: Mapping[str, Any]) -> bool:
    return any(word in _EVERY for word in schema)
