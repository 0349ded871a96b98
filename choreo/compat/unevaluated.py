"""`unevaluatedProperties` and `unevaluatedItems`: what they mean where the schemas beside them are known.

What a neighbour evaluates may depend on whether it holds. Each such neighbour is a switch; the keyword
is one plain demand for every position of the switches. Too many of them, or a circle: the validator decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from choreo.compat.formula import Formula, conj, disj
from choreo.compat.graph import Graph

_MOST_SWITCHES = 8
_OWN = {
    "unevaluatedProperties": ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
    "unevaluatedItems": ("prefixItems", "items", "additionalItems", "contains", "unevaluatedItems"),
}

Switch = tuple[Formula, Formula, tuple[int, ...]]
"""What holds where a neighbour counts, what where it does not, and the neighbour with all that holds beside it."""


class _Undecided(Exception):
    pass


def unevaluated(graph: Graph, number: int, keyword: str) -> Iterator[Formula]:
    """The meaning of the keyword in the schema with this number."""
    rest = graph.below(number, keyword)
    if graph.nodes[rest].schema in (True, {}):
        return
    try:
        fixed, switches = _neighbours(graph, number, keyword, ())
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
    counted = [*fixed, *(part for switch, on in zip(switches, setting, strict=True) if on for part in switch[2])]
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
    rests = [rest]
    for place, number in enumerate(counted):
        schema = graph.nodes[number].schema
        listed = "prefixItems" if graph.nodes[number].draft == 20 else "items"
        if "contains" in schema and graph.nodes[number].draft == 20:
            rests.append(graph.below(number, "contains"))
        if "items" in schema and (not isinstance(schema["items"], list) or "additionalItems" in schema):
            return None
        if place and "unevaluatedItems" in schema:
            return None
        known = schema.get(listed, ())
        if len(known) > len(first):
            first = tuple(graph.below(number, listed, place) for place in range(len(known)))
    return ("items", first, graph.either(rests))


def _neighbours(graph: Graph, number: int, keyword: str, above: tuple[int, ...]) -> tuple[list[int], list[Switch]]:
    """The schemas that hold in any case, and those that may hold. `above` are those that lead here."""
    fixed: list[int] = []
    switches: list[Switch] = []
    waiting = [number]
    while waiting:
        here = waiting.pop(0)
        schema = graph.nodes[here].schema
        if isinstance(schema, bool) or here in fixed:
            continue
        if here in above:
            raise _Undecided
        fixed.append(here)
        for word in _REFS:
            if word in schema:
                target = graph.target(here, word)
                if target is None:
                    raise _Undecided
                waiting.append(target)
        waiting += [graph.below(here, "allOf", place) for place in range(len(schema.get("allOf", ())))]
        switches += _switches(graph, here, keyword, (*above, *fixed))
        if len(switches) > _MOST_SWITCHES:
            raise _Undecided
    return fixed, switches


def _switches(graph: Graph, number: int, keyword: str, above: tuple[int, ...]) -> Iterator[Switch]:
    schema = graph.nodes[number].schema
    for group in ("anyOf", "oneOf"):
        for place in range(len(schema.get(group, ()))):
            part = graph.below(number, group, place)
            yield from _switch(graph, part, graph.lit(part), graph.lit(part, False), keyword, above)
    if "if" in schema:
        test = graph.below(number, "if")
        holds, fails = graph.lit(test), graph.lit(test, False)
        yield from _switch(graph, test, holds, fails, keyword, above)
        for branch, on, off in (("then", holds, fails), ("else", fails, holds)):
            if branch in schema:
                yield from _switch(graph, graph.below(number, branch), on, off, keyword, above)
    for name in schema.get("dependentSchemas", {}):
        part = graph.below(number, "dependentSchemas", name)
        yield from _switch(graph, part, ("need", name), ("absent", name), keyword, above)
    if any(not isinstance(part, list) for part in schema.get("dependencies", {}).values()):
        raise _Undecided


def _switch(
    graph: Graph, part: int, on: Formula, off: Formula, keyword: str, above: tuple[int, ...]
) -> Iterator[Switch]:
    """A neighbour that may hold, and those that may hold where it does. Nothing where they evaluate nothing."""
    fixed, inner = _neighbours(graph, part, keyword, above)
    counted = tuple(number for number in fixed if any(word in graph.nodes[number].schema for word in _OWN[keyword]))
    if counted:
        yield on, off, counted
    for inner_on, inner_off, parts in inner:
        yield conj((on, inner_on)), disj((off, inner_off)), parts


_REFS = ("$ref", "$dynamicRef", "$recursiveRef")
