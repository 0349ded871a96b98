"""Pairs of schemas with the answers a person gives: (old, new, backward, forward)."""

from __future__ import annotations

import jsonschema
import pytest

from choreo.compat import Unusable, compare

Y, N = "compatible", "breaking"
OBJ = {"type": "object"}


def obj(required=(), rest=None, **properties):
    found = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    if rest is not None:
        found["additionalProperties"] = rest
    return found


S, INT, NUM, ANY = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {}


def tree(leaf):
    return {"t": obj(v=leaf, kids={"type": "array", "items": {"$ref": "#/$defs/t"}})}


CASES = {
    "the same": (obj(a=S), obj(a=S), Y, Y),
    "only a description": ({"type": "string", "description": "x"}, {"type": "string", "description": "y"}, Y, Y),
    "everything and nothing": (True, False, N, Y),
    "both accept nothing": ({"not": {}}, {"enum": []}, Y, Y),
    # types
    "integer to number": (INT, NUM, Y, N),
    "number with step one is integer": ({"type": "number", "multipleOf": 1}, INT, Y, Y),
    "two types to one": ({"type": ["string", "null"]}, S, N, Y),
    "types in another order": ({"type": ["string", "null"]}, {"type": ["null", "string"]}, Y, Y),
    "anyOf of types is a list of types": ({"anyOf": [S, {"type": "null"}]}, {"type": ["string", "null"]}, Y, Y),
    "number or integer": ({"type": ["integer", "number"]}, NUM, Y, Y),
    "all types named": ({}, {"type": ["null", "boolean", "number", "string", "array", "object"]}, Y, Y),
    # listed values
    "a value more": ({"enum": ["a"]}, {"enum": ["a", "b"]}, Y, N),
    "one and one point zero": ({"enum": [1]}, {"const": 1.0}, Y, Y),
    "true is no number": ({"enum": [1, True]}, {"enum": [1]}, N, Y),
    "both booleans": ({"type": "boolean"}, {"enum": [True, False]}, Y, Y),
    "listed values within bounds": ({"enum": [1, 5]}, {"type": "integer", "maximum": 5}, Y, N),
    "a listed value of another type never passes": ({"type": "string", "enum": ["a", 1]}, {"const": "a"}, Y, Y),
    "listed objects": ({"enum": [{"a": 1}, {"a": 2}]}, {"const": {"a": 2}}, N, Y),
    "an object of listed fields": (
        obj(("a",), False, a={"enum": [1, 2]}),
        {"enum": [{"a": 1}, {"a": 2.0}]},
        Y,
        Y,
    ),
    "lists that are listed": ({"type": "array", "items": {"const": 1}, "maxItems": 1}, {"enum": [[], [1]]}, Y, Y),
    # numbers
    "a bound moves": ({"maximum": 5}, {"maximum": 6}, Y, N),
    "a bound becomes strict": ({"type": "number", "minimum": 1}, {"type": "number", "exclusiveMinimum": 1}, N, Y),
    "strict bounds of integers": ({"type": "integer", "exclusiveMinimum": 1}, {"type": "integer", "minimum": 2}, Y, Y),
    "steps": ({"multipleOf": 6}, {"multipleOf": 3}, Y, N),
    "decimal steps": ({"multipleOf": 0.1}, {"multipleOf": 0.01}, Y, N),
    "steps that meet": ({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}]}, {"multipleOf": 12}, Y, Y),
    "a step between bounds": (
        {"type": "integer", "minimum": 7, "maximum": 13, "multipleOf": 5},
        {"enum": [10]},
        Y,
        Y,
    ),
    "bounds without room": ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, False, Y, Y),
    "either a multiple of two or not": (INT, {"anyOf": [{"multipleOf": 2}, {"not": {"multipleOf": 2}}]}, Y, N),
    # texts
    "lengths": ({"type": "string", "minLength": 2}, {"type": "string", "minLength": 1}, Y, N),
    "a pattern of fixed length": (
        {"type": "string", "pattern": "^[0-9]{4}$"},
        {"type": "string", "maxLength": 4},
        Y,
        N,
    ),
    "patterns": ({"pattern": "^(ab)+$"}, {"pattern": "^a"}, Y, N),
    "patterns said in another way": ({"pattern": "^[0-9]+$"}, {"pattern": r"^\d\d*$"}, Y, Y),
    "no room between pattern and length": ({"type": "string", "pattern": "^a{3}$", "maxLength": 2}, {"not": {}}, Y, Y),
    "a pattern that looks ahead": (
        {"type": "string", "pattern": "^(?!x)"},
        {"type": "string", "pattern": "^([^x]|$)"},
        Y,
        Y,
    ),
    "a dot is no line end": ({"type": "string", "minLength": 1}, {"type": "string", "pattern": "."}, N, Y),
    "a format that nobody defines says nothing": ({"type": "string", "format": "shoe-size"}, S, Y, Y),
    # objects
    "an optional field, open": (obj(a=S), obj(a=S, b=S), N, Y),
    "an optional field, closed": (obj(rest=False, a=S), obj(rest=False, a=S, b=S), Y, N),
    "a required field more": (obj(a=S), obj(("a",), a=S), N, Y),
    "a field of anything": (obj(a=ANY), OBJ, Y, Y),
    "a field of nothing may stay away": (obj(rest=False), obj(a=False, rest=False), Y, Y),
    "a required field of nothing": (obj(("a",), a=False), False, Y, Y),
    "counts of fields": ({"type": "object", "required": ["a", "b"]}, {"type": "object", "minProperties": 2}, Y, N),
    "more required than fit": ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, False, Y, Y),
    "rest and patterns": (
        {"type": "object", "patternProperties": {"^x-": S}, "additionalProperties": False},
        {"type": "object", "additionalProperties": S},
        Y,
        N,
    ),
    "a field that a pattern forbids": (obj(aa=S), {"type": "object", "patternProperties": {"^a+$": INT}}, N, N),
    "every name fits one of two patterns": (
        {"type": "object", "patternProperties": {"^a": S, "^[^a]|^$": S}},
        {"type": "object", "additionalProperties": S},
        Y,
        Y,
    ),
    "names": ({"propertyNames": {"maxLength": 2}}, {"propertyNames": {"maxLength": 3}}, Y, N),
    "names that are listed": (
        {"type": "object", "propertyNames": {"enum": ["a"]}},
        {"type": "object", "maxProperties": 1},
        Y,
        N,
    ),
    "names bound the count": (
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 3},
        False,
        Y,
        Y,
    ),
    "a dependent field": (
        {"dependentRequired": {"a": ["b"]}},
        {"anyOf": [{"not": OBJ}, {"not": {"required": ["a"]}}, {"required": ["b"]}]},
        Y,
        Y,
    ),
    "a dependent schema": ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"dependentRequired": {"a": ["b"]}}, Y, Y),
    "unevaluated is additional where nothing else is": (
        {**obj(a=S), "unevaluatedProperties": False},
        obj(rest=False, a=S),
        Y,
        Y,
    ),
    "unevaluated sees through allOf": (
        {"type": "object", "allOf": [{"properties": {"a": S}}], "properties": {"b": S}, "unevaluatedProperties": False},
        obj(rest=False, a=S, b=S),
        Y,
        Y,
    ),
    "unevaluated under alternatives": (
        {
            "type": "object",
            "anyOf": [{"properties": {"a": S}, "required": ["a"]}, True],
            "unevaluatedProperties": False,
        },
        obj(rest=False, a=S),
        Y,
        Y,
    ),
    # lists
    "items": ({"type": "array", "items": INT}, {"type": "array", "items": NUM}, Y, N),
    "first items": (
        {"type": "array", "prefixItems": [INT], "items": False},
        {"type": "array", "items": INT, "maxItems": 1},
        Y,
        Y,
    ),
    "items of nothing": ({"type": "array", "items": False}, {"type": "array", "maxItems": 0}, Y, Y),
    "must contain": ({"type": "array", "contains": INT}, {"type": "array", "minItems": 1}, Y, N),
    "may not contain": (
        {"type": "array", "contains": INT, "minContains": 0, "maxContains": 0},
        {"type": "array", "items": {"not": INT}},
        Y,
        Y,
    ),
    "contains two of four": (
        {"type": "array", "contains": INT, "minContains": 3},
        {"type": "array", "contains": NUM, "minContains": 2},
        Y,
        N,
    ),
    "unique": ({"type": "array", "uniqueItems": True}, {"type": "array"}, Y, N),
    "unique and few values": (
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True},
        {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
        Y,
        N,
    ),
    "one item is unique": ({"type": "array", "maxItems": 1}, {"type": "array", "uniqueItems": True}, Y, N),
    # together
    "allOf is the texts side by side": (
        {"allOf": [{"type": "integer"}, {"minimum": 1}]},
        {"type": "integer", "minimum": 1},
        Y,
        Y,
    ),
    "oneOf that exclude each other": ({"oneOf": [S, INT]}, {"anyOf": [S, INT]}, Y, Y),
    "oneOf that meet": ({"oneOf": [INT, NUM]}, NUM, Y, N),
    "twice not": ({"not": {"not": S}}, S, Y, Y),
    "not either": ({"not": {"anyOf": [S, INT]}}, {"allOf": [{"not": S}, {"not": INT}]}, Y, Y),
    "if": (
        {"if": {"type": "string"}, "then": {"minLength": 1}, "else": INT},
        {"anyOf": [{"type": "string", "minLength": 1}, INT]},
        Y,
        Y,
    ),
    "a covered alternative": ({"anyOf": [{"minimum": 1}, {"minimum": 5}]}, {"minimum": 1}, Y, Y),
    "bounds that only cover together": (
        {"type": "number", "minimum": 0, "maximum": 10},
        {"anyOf": [{"type": "number", "maximum": 5}, {"type": "number", "minimum": 5}]},
        Y,
        N,
    ),
    "a kind more in a union": (
        {"oneOf": [obj(("k",), k={"const": "a"}, v=S), obj(("k",), k={"const": "b"}, v=INT)]},
        {
            "oneOf": [
                obj(("k",), k={"const": "a"}, v=S),
                obj(("k",), k={"const": "b"}, v=INT),
                obj(("k",), k={"const": "c"}),
            ]
        },
        Y,
        N,
    ),
    # references
    "a reference written out": ({"$ref": "#/$defs/n", "$defs": {"n": INT}}, INT, Y, Y),
    "keywords beside a reference count": (
        {"$ref": "#/$defs/n", "maximum": 3, "$defs": {"n": INT}},
        {"type": "integer", "maximum": 3},
        Y,
        Y,
    ),
    "an anchor": ({"$ref": "#n", "$defs": {"x": {"$anchor": "n", "type": "string"}}}, S, Y, Y),
    "a tree and a wider tree": (
        {"$ref": "#/$defs/t", "$defs": tree(INT)},
        {
            "$ref": "#/$defs/t",
            "$defs": {
                "t": {
                    "type": "object",
                    "properties": {"v": NUM, "kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}},
                }
            },
        },
        Y,
        N,
    ),
    "a tree of another name": (
        {"$ref": "#/$defs/t", "$defs": tree(INT)},
        {"$ref": "#/$defs/s", "$defs": {"s": tree(INT)["t"], **tree(INT)}},
        Y,
        Y,
    ),
    "a list that never ends": (
        {"$ref": "#/$defs/n", "$defs": {"n": obj(("next",), next={"$ref": "#/$defs/n"})}},
        False,
        Y,
        Y,
    ),
    "a schema that refers to itself in place": (
        {"properties": {"a": {"$ref": "#/$defs/l"}}, "$defs": {"l": {"allOf": [{"$ref": "#/$defs/l"}, S]}}},
        True,
        Y,
        N,
    ),
    # older drafts, as files outside of choreo may be
    "draft 4 bounds": (
        {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True},
        {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1},
        Y,
        N,
    ),
    "draft 7 lists": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [S], "additionalItems": False},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [S, S]},
        Y,
        N,
    ),
    "draft 7 dependencies": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": {"required": ["b"]}}},
        Y,
        Y,
    ),
    "draft 7 ignores what is beside a reference": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": "#/definitions/s",
            "maxLength": 1,
            "definitions": {"s": S},
        },
        S,
        Y,
        Y,
    ),
    "an undeclared older draft is noticed": ({"items": [S]}, {"items": [S, S]}, N, Y),
}


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_one_a_person_gives(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


@pytest.mark.parametrize("name", CASES)
def test_a_counterexample_is_one_for_a_second_validator_too(name):
    old, new, *_ = CASES[name]
    found = compare(old, new)
    for direction, writer, reader in ((found.backward, old, new), (found.forward, new, old)):
        if direction.answer == N:
            value = direction.counterexample.value
            assert _accepts(writer, value)
            assert not _accepts(reader, value)
            assert direction.rule != "undecided"


def _accepts(schema, value):
    default = jsonschema.Draft7Validator if isinstance(schema, dict) and isinstance(schema.get("items"), list) else None
    validator = jsonschema.validators.validator_for(schema, default=default or jsonschema.Draft202012Validator)
    try:
        return validator(schema).is_valid(value)
    except RecursionError:
        pytest.skip("the second validator cannot read a schema that refers to itself in place")


def test_a_breaking_answer_names_the_keyword_that_refuses():
    found = compare(obj(amount={"type": "number", "maximum": 10}), obj(amount={"type": "number", "maximum": 5}))
    assert (found.backward.rule, found.backward.pointer) == ("maximum", "/properties/amount/maximum")
    assert found.backward.counterexample.pointer == "/amount"
    assert 5 < found.backward.counterexample.value["amount"] <= 10


def test_the_same_answer_every_time():
    old, new, *_ = CASES["a kind more in a union"]
    assert compare(old, new) == compare(old, new)


@pytest.mark.parametrize(
    "schema",
    [
        *({"$ref": "http://127.0.0.1:1/x"}, {"$ref": "#/nope"}, {"type": "strin"}, {"pattern": "("}, {"items": 3}),
        *({"contains": {"$ref": "#/nope"}}, {"prefixItems": [{"type": "null", "$ref": "#/nope"}]}),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema):
    with pytest.raises(Unusable):
        compare(schema, {})


def test_nesting_without_end_is_refused_and_deep_nesting_is_answered():
    def nested(levels, inside):
        for _ in range(levels):
            inside = {"type": "object", "properties": {"n": inside}}
        return inside

    with pytest.raises(Unusable):
        compare(nested(60, INT), {})
    found = compare(nested(48, INT), nested(48, NUM))
    assert found.backward.answer == Y
    assert found.forward.answer == N


def test_work_without_end_is_cut_short_and_said():
    pattern = {"type": "string", "pattern": "^(.*)a.{18}$"}, {"type": "string", "pattern": "^(.*)[ab].{18}$"}
    found = compare(*pattern)
    assert found.backward.answer == "unknown"
    assert "work" in found.backward.message
    assert found.bump == "major"


def test_what_cannot_be_proved_is_still_searched_for():
    old = {"type": "string", "pattern": r"^(a|b)\1$", "examples": ["aa"]}
    found = compare(old, {"type": "string", "maxLength": 1})
    assert found.backward.answer == N
    assert found.backward.counterexample.value == "aa"


def test_a_pattern_that_cannot_be_decided_is_unknown():
    found = compare({"type": "string", "pattern": r"^(a|b)\1$"}, {"type": "string", "pattern": r"^(aa|bb)$"})
    assert found.backward.answer == "unknown"
