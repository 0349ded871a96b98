"""What a text means before it is compared: its draft, its names, its references, its numbers."""

from __future__ import annotations

import jsonschema
import pytest

from choreo.compat import Unusable, compare
from choreo.compat.budget import Budget
from choreo.compat.draft import finds
from choreo.compat.language import Language

Y, N, U = "compatible", "breaking", "unknown"
D4, D7 = "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"
D19, D20 = "https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"
S, INT = {"type": "string"}, {"type": "integer"}
UNIT = "http://example.org/unit"


def loop(body):
    return {"$ref": "#/$defs/loop", "$defs": {"loop": body}}


ITSELF = {"$ref": "#/$defs/loop"}


def shelf(box, **more):
    """A list whose kind of item is named by whoever refers to it."""
    listed = {
        "$id": "row",
        "type": "array",
        "items": {"$dynamicRef": "#kind"},
        "$defs": {"kind": {"$dynamicAnchor": "kind"}},
    }
    return {
        "$schema": D20,
        "$id": "http://example.org/shelf",
        "$ref": "row",
        "$defs": {"row": listed, "box": box},
        **more,
    }


CASES = {
    # drafts
    "lists of the draft that has its other words": (
        {"items": [S], "additionalItems": False, "dependentRequired": {"a": ["b"]}},
        {
            "anyOf": [
                {"type": "object"},
                {"items": [S], "maxItems": 1},
                {"type": ["null", "boolean", "number", "string"]},
            ]
        },
        Y,
        N,
    ),
    "two that name no draft are read as one": (
        {"type": "integer", "minimum": 6},
        {"type": "integer", "minimum": 5, "exclusiveMinimum": True},
        Y,
        Y,
    ),
    "one that names no draft is read as the other": (
        {"$schema": D7, **S},
        {"$ref": "#/definitions/s", "maxLength": 1, "definitions": {"s": S}},
        Y,
        Y,
    ),
    "but not where it uses what came later": (
        {"type": "array", "minItems": 1, "minimum": 1, "exclusiveMinimum": True},
        {"type": "array", "minItems": 1, "prefixItems": [S]},
        N,
        Y,
    ),
    "two drafts that are named stay two": (
        {"$schema": D4, "minimum": 1, "exclusiveMinimum": True, "type": "number"},
        {"$schema": D7, "exclusiveMinimum": 1, "type": "number"},
        Y,
        Y,
    ),
    "two point zero is whole in draft 4 too": ({"$schema": D4, "enum": [2.0]}, {"$schema": D4, **INT}, Y, N),
    # names
    "a name under a keyword that nobody knows is none": (
        {"$ref": UNIT, "$defs": {"u": {"$id": UNIT, **S}}, "x-old": {"u": {"$id": UNIT, **INT}}},
        S,
        Y,
        Y,
    ),
    "what a reference means may hang on the way to it": (
        shelf({"$anchor": "kind", **S}),
        shelf({"$dynamicAnchor": "kind", **S}),
        N,
        U,
    ),
    "the same words on the same way are the same": (
        shelf({"$dynamicAnchor": "kind", **S}),
        shelf({"$dynamicAnchor": "kind", **S}),
        Y,
        Y,
    ),
    # schemas that judge a value by themselves again
    "narrower and wider in a circle": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/n"}},
            "$defs": {"n": {"allOf": [{"$ref": "#/$defs/n"}, S]}},
        },
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/n"}},
            "$defs": {"n": {"anyOf": [{"$ref": "#/$defs/n"}, S]}},
        },
        Y,
        N,
    ),
    "a circle within a type": (loop({"allOf": [ITSELF, S]}), S, Y, U),
    "a circle that denies itself is left open": (loop({"allOf": [{"not": ITSELF}, S]}), S, U, U),
    # numbers
    "the bound of doubles": ({"type": "number", "maximum": 1.7976931348623157e308}, {"type": "number"}, Y, N),
    "a bound of whole numbers that no double can hold": ({"type": "integer", "minimum": -1e308}, INT, Y, N),
    "a step that floats get wrong": (
        {"type": "number", "multipleOf": 0.1, "exclusiveMinimum": 10},
        {"type": "number", "maximum": 10},
        N,
        N,
    ),
    "what is no step, but floats say so": (
        {"type": "number", "minimum": 4.3, "maximum": 4.4},
        {"type": "number", "multipleOf": 0.01, "minimum": 4.3, "maximum": 4.4},
        N,
        Y,
    ),
    # patterns
    "characters by their numbers": ({"type": "string", "pattern": r"^\u{61}\x{62}$"}, {"const": "ab"}, Y, Y),
    "characters by the long name of their kind": (
        {"type": "string", "pattern": r"^\p{Uppercase_Letter}+$"},
        {"type": "string", "pattern": r"^\pL+$"},
        Y,
        N,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_answer_follows_from_what_the_texts_mean(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


NUMBERS = [
    name for name, (old, *_) in CASES.items() if "$schema" not in old and old.get("type") in ("number", "integer")
]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_second_validator_agrees_about_the_number(name):
    old, new, *_ = CASES[name]
    found = compare(old, new)
    for direction, writer, reader in ((found.backward, old, new), (found.forward, new, old)):
        if direction.answer == N:
            value = direction.counterexample.value
            assert jsonschema.Draft202012Validator(writer).is_valid(value)
            assert not jsonschema.Draft202012Validator(reader).is_valid(value)


@pytest.mark.parametrize(
    "schema", [{"const": float("inf")}, {"enum": [{"a": float("nan")}]}, {"maximum": -float("inf")}]
)
def test_a_number_that_json_cannot_say_is_refused(schema):
    with pytest.raises(Unusable):
        compare(schema, {})


def test_numbers_beyond_floats_do_not_stop_the_search():
    found = compare({"minimum": 10**400, "examples": [10**401]}, {"multipleOf": 1e-300})
    assert found.forward.answer == N


def test_a_text_of_one_line_is_shown_where_there_is_one():
    old = {"type": "string", "maxLength": 3}
    found = compare(old, {"type": "string", "pattern": "^.{0,2}$"})
    assert found.backward.counterexample.value == "aaa"
    found = compare({"type": "string", "maxLength": 2}, {"type": "string", "pattern": "^.{0,2}$"})
    assert found.backward.counterexample.value == "\n"


def test_a_mixture_of_drafts_is_no_schema_rather_than_half_of_one():
    with pytest.raises(Unusable):
        compare({"minimum": 1, "exclusiveMinimum": True, "const": 3}, {})


KINDS = (
    r"^\p{Letter}$",
    r"^\P{letter}$",
    r"^\p{gc=Lu}$",
    r"^\p{digit}$",
    r"^[\pL\p{Currency Symbol}]$",
    r"^\u{1F600}$",
)


@pytest.mark.parametrize("pattern", KINDS)
def test_kinds_of_characters_are_those_of_the_validator(pattern):
    language = Language(Budget(1_000_000))
    term = language.pattern(pattern)
    for text in "aAé৪1!$€ \n😀":
        both = language.both((term, language.word(text)))
        assert (language.shortest(both, 0, None) is not None) == finds(pattern, text), text
