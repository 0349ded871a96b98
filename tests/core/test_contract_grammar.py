"""What of a contract a local model can be held to while it writes."""

from __future__ import annotations

from choreo.contract.grammar import grammar_of


def test_what_a_grammar_can_take_is_kept_as_it_is_and_in_order() -> None:
    schema = {
        "type": "object",
        "properties": {"zeta": {"type": "string", "maxLength": 3}, "alpha": {"enum": ["a", "b"]}},
        "required": ["zeta"],
        "additionalProperties": False,
    }
    grammar = grammar_of(schema)
    assert {key: value for key, value in grammar.schema.items() if key != "x-guidance"} == schema
    assert list(grammar.schema["properties"]) == ["zeta", "alpha"]
    assert grammar.not_enforced == ()


def test_what_it_cannot_take_is_dropped_and_named_by_its_pointer() -> None:
    grammar = grammar_of(
        {
            "type": "object",
            "not": {"required": ["x"]},
            "properties": {
                "tags": {"type": "array", "items": {"type": "string", "format": "zip-code"}, "uniqueItems": True},
                "id": {"type": "string", "pattern": "^(?=a)b$"},
                "far": {"$ref": "https://example.org/far.json"},
            },
        }
    )
    assert grammar.not_enforced == (
        "/not",
        "/properties/tags/items/format",
        "/properties/tags/uniqueItems",
        "/properties/id/pattern",
        "/properties/far/$ref",
    )
    assert grammar.schema["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}


def test_remarks_are_dropped_without_a_word() -> None:
    grammar = grammar_of({"title": "T", "description": "d", "x-owner": "me", "$id": "https://e.x/a", "type": "string"})
    assert grammar.not_enforced == ()
    assert set(grammar.schema) == {"x-guidance", "type"}


def test_a_property_named_like_a_keyword_is_a_property() -> None:
    grammar = grammar_of({"type": "object", "properties": {"not": {"type": "string"}, "title": {"type": "string"}}})
    assert set(grammar.schema["properties"]) == {"not", "title"}
    assert grammar.not_enforced == ()


def test_one_of_is_enforced_as_any_of_and_says_so() -> None:
    grammar = grammar_of({"oneOf": [{"type": "integer"}, {"type": "string"}]})
    assert grammar.not_enforced == ("/oneOf (as anyOf)",)


def test_an_integer_gets_bounds_only_where_it_has_none() -> None:
    properties = {"n": {"type": "integer"}, "m": {"type": "integer", "minimum": 1}, "k": {"enum": [1, 2]}}
    kept = grammar_of({"type": "object", "properties": properties}).schema["properties"]
    assert kept["n"] == {"type": "integer", "minimum": -(2**53), "maximum": 2**53}
    assert kept["m"] == {"type": "integer", "minimum": 1, "maximum": 2**53}
    assert kept["k"] == {"enum": [1, 2]}
