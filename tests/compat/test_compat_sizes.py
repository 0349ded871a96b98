"""Bounds and lists of the size that real contracts have."""

from __future__ import annotations

import pytest

from choreo.compat import compare

Y, N = "compatible", "breaking"
S = {"type": "string"}
WORD = {"type": "string", "pattern": "^([a-z]+ )*$"}


def bounded(kind, word, bound, **more):
    return {"type": kind, word: bound, **more}


def listed(word, bound, **more):
    return bounded("array", word, bound, **more)


def fields(word, bound, **more):
    return bounded("object", word, bound, **more)


KINDS = [f"k{number}" for number in range(10)]


def of_kind(kind):
    return {"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind", f"of_{kind}"]}


def conditions(kinds):
    known = {"kind": {"enum": KINDS}}
    rules = [
        {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"required": [f"of_{kind}"]}}
        for kind in kinds
    ]
    return {"type": "object", "properties": known, "required": ["kind"], "allOf": rules}


PREFIXES = {f"^x{number}-": S for number in range(12)}
CASES = {
    "a text of a million": (bounded("string", "maxLength", 10**6), bounded("string", "maxLength", 2 * 10**6), Y, N),
    "a long text of a pattern": ({**WORD, "maxLength": 10_000}, {**WORD, "maxLength": 20_000}, Y, N),
    "none of that length": ({**S, "pattern": "^(ab)*$", "minLength": 9_999}, {**S, "minLength": 10_000}, Y, N),
    "and none at all": (
        {**S, "pattern": "^(ab)*$", "minLength": 9_999, "maxLength": 9_999},
        {"type": "null"},
        Y,
        N,
    ),
    "a pattern that ends": ({**S, "pattern": "^a{1,900}$"}, {**S, "maxLength": 900}, Y, N),
    "items": (listed("minItems", 5_000), listed("minItems", 4_000), Y, N),
    "a million items": (listed("maxItems", 10**6), listed("maxItems", 10**6 + 1), Y, N),
    "items after others": (
        listed("minItems", 5_000, prefixItems=[S, {"type": "integer"}], items={"type": "null"}),
        listed("minItems", 4_000, prefixItems=[S, {"type": "integer"}], items={"type": ["null", "string"]}),
        Y,
        N,
    ),
    "different items": (listed("minItems", 150, uniqueItems=True), listed("minItems", 140, uniqueItems=True), Y, N),
    "different texts": (
        listed("minItems", 150, uniqueItems=True, items=S),
        listed("minItems", 140, uniqueItems=True, items=S),
        Y,
        N,
    ),
    "fields": (fields("minProperties", 1_000), fields("minProperties", 500), Y, N),
    "fields of a kind": (fields("maxProperties", 1_000, additionalProperties=S), fields("maxProperties", 1_001), Y, N),
    "many patterns of names": (
        {"type": "object", "patternProperties": PREFIXES},
        {"type": "object", "patternProperties": dict(list(PREFIXES.items())[1:])},
        Y,
        N,
    ),
    "conditions and a union": (conditions(KINDS), {"oneOf": [of_kind(kind) for kind in KINDS]}, Y, Y),
    "a condition less": (conditions(KINDS), conditions(KINDS[1:]), Y, N),
    "a list of kinds beside a reference is none in draft 7": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"any": {"type": "string"}},
            **conditions(KINDS),
            "properties": {"kind": {"$ref": "#/definitions/any", "enum": KINDS}},
        },
        {"oneOf": [of_kind(kind) for kind in KINDS]},
        N,
        Y,
    ),
    "many alternatives and nothing else": (
        {
            "type": "object",
            "anyOf": [{"properties": {f"p{n}": S}, "required": [f"p{n}"]} for n in range(7)],
            "unevaluatedProperties": False,
        },
        {"type": "object", "additionalProperties": S, "minProperties": 1},
        Y,
        N,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_size_alone_leaves_nothing_open(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found.backward.message[:300]
