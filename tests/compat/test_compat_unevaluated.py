"""`unevaluatedProperties` and `unevaluatedItems` beside references and alternatives, also inside one another."""

from __future__ import annotations

import pytest

from choreo.compat import compare

Y, N = "compatible", "breaking"
D19 = "https://json-schema.org/draft/2019-09/schema"
S, INT = {"type": "string"}, {"type": "integer"}


def closed(**more):
    return {"type": "object", "unevaluatedProperties": False, **more}


def only(**properties):
    return {"type": "object", "properties": properties, "additionalProperties": False}


def has(name, part=True):
    return {"properties": {name: part}, "required": [name]}


CASES = {
    "a reference inside an alternative": (
        closed(oneOf=[{"$ref": "#/$defs/a"}, has("b")], **{"$defs": {"a": has("a", S)}}),
        {"oneOf": [{**only(a=S), "required": ["a"]}, {**only(b=True), "required": ["b"]}]},
        Y,
        Y,
    ),
    "an alternative inside an alternative": (
        closed(
            anyOf=[{"properties": {"a": S}, "required": ["a"], "anyOf": [has("b"), {"properties": {"c": INT}}]}, True]
        ),
        only(a=S, b=True, c=INT),
        Y,
        N,
    ),
    "a condition inside a whole inside an alternative": (
        closed(anyOf=[{"allOf": [{"if": has("a", S), "then": has("b")}]}]),
        only(a=S, b=True),
        Y,
        N,
    ),
    "an alternative that knows nothing more": (
        closed(properties={"a": S}, oneOf=[{"required": ["a"]}, {"maxProperties": 0}]),
        only(a=S),
        Y,
        Y,
    ),
    "first items in an alternative": (
        {"type": "array", "unevaluatedItems": False, "anyOf": [{"allOf": [{"prefixItems": [S, S]}]}, True]},
        {"type": "array", "maxItems": 2},
        Y,
        N,
    ),
    "additional items count only beside a list of items": (
        {"$schema": D19, "type": "array", "additionalItems": S, "unevaluatedItems": False},
        {"$schema": D19, "type": "array", "maxItems": 0},
        Y,
        Y,
    ),
    "and then they count": (
        {"$schema": D19, "type": "array", "items": [INT], "additionalItems": S, "unevaluatedItems": False},
        {"$schema": D19, "type": "array", "items": [INT], "additionalItems": S},
        Y,
        Y,
    ),
    "items that contain something": (
        {"type": "array", "contains": S, "unevaluatedItems": False},
        {"type": "array", "items": S, "minItems": 1},
        Y,
        Y,
    ),
    "first items, and what is contained beside them": (
        {"type": "array", "prefixItems": [INT], "contains": S, "minContains": 0, "unevaluatedItems": {"type": "null"}},
        {"type": "array", "prefixItems": [INT], "items": {"type": ["null", "string"]}},
        Y,
        Y,
    ),
    "what is contained in an alternative": (
        {"type": "array", "anyOf": [{"contains": S}, {"maxItems": 1}], "unevaluatedItems": INT},
        {"type": "array", "items": {"type": ["integer", "string"]}},
        Y,
        N,
    ),
    "contained, but not in that draft": (
        {"$schema": D19, "type": "array", "contains": S, "unevaluatedItems": False},
        False,
        Y,
        Y,
    ),
    "alternatives in a circle": (
        {"$ref": "#/$defs/n", "$defs": {"n": closed(anyOf=[has("a"), {"$ref": "#/$defs/n"}])}},
        {"type": "object", "required": ["b"]},
        N,
        N,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_evaluated_is_what_nothing_beside_it_knows(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found
