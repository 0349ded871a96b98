"""Mistakes in `$defs` and `definitions` are told, be there a reference to them or not."""

from __future__ import annotations

import pytest

from choreo.compat import Unusable, compare

D4, D7 = "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"
D19, D20 = "https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"
DRAFTS = {"none": {}, "4": {"$schema": D4}, "7": {"$schema": D7}, "2019": {"$schema": D19}, "2020": {"$schema": D20}}
BAD = {
    "an unknown type": {"type": "strin"},
    "no schema": 5,
    "a list": [1],
    "null": None,
    "a bound below zero": {"minLength": -1},
    "a reference to nothing": {"$ref": "#/$defs/nope"},
    "a reference to no anchor": {"$ref": "#nope"},
    "a reference to a keyword's value": {"$ref": "#/definitions/ok/type"},
    "a reference that is no text": {"$ref": 5},
    "a file somewhere": {"$ref": "http://example.org/x"},
    "further inside": {"properties": {"a": {"items": {"type": "strin"}}}},
    "a pattern": {"pattern": "("},
    "a pattern of names": {"patternProperties": {"(": {}}},
    "a step of zero": {"multipleOf": 0},
}
GOOD = {
    "a reference to a neighbour": {"$ref": "#/definitions/ok"},
    "a reference to the whole": {"items": {"$ref": "#"}},
    "a reference to the metaschema": {"$ref": D7},
    "a reference as data": {"enum": [{"$ref": "#/nope"}], "default": {"$ref": 5}},
    "a field of that name": {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
    "words that nobody knows": {"x-kind": {"type": "strin"}},
    "a field called so": {"properties": {"$defs": {"type": "object"}}, "required": ["$defs"]},
}


def holding(part, word, draft, *, used):
    found = {**draft, "type": "object", word: {"x": part}, "properties": {"o": {"type": "string"}}}
    found["definitions"] = {**found.get("definitions", {}), "ok": {"type": "string"}}
    if used:
        found["properties"]["p"] = {"$ref": f"#/{word}/x"}
    return found


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("word", ["definitions", "$defs"])
@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_definition_is_refused(name, draft, word, used):
    schema = holding(BAD[name], word, DRAFTS[draft], used=used)
    for pair in ((schema, {}), ({}, schema), (schema, schema)):
        with pytest.raises(Unusable):
            compare(*pair)


@pytest.mark.parametrize("word", ["definitions", "$defs"])
@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("name", GOOD)
def test_a_good_one_is_not(name, draft, word):
    schema = holding(GOOD[name], word, DRAFTS[draft], used=False)
    assert compare(schema, schema).backward.answer == "compatible"


TOLD = {
    "its place": ({"$defs": {"x": {"type": "strin"}}}, "#/$defs/x/type"),
    "the place of what refers": ({"$defs": {"x": {"not": {"$ref": "#/$defs/no"}}}}, "at #/$defs/x/not"),
    "the pattern": ({"$defs": {"x": {"pattern": "("}}}, "'('"),
    "where a reference leads": ({"$schema": D7, "not": {"$ref": "#/x-a/b"}, "x-a": {"b": {"type": 3}}}, "#/x-a/b"),
    "the draft's own words": ({"$schema": D7, "$defs": 5}, "5 is not"),
}


@pytest.mark.parametrize("name", TOLD)
def test_the_mistake_is_told_with(name):
    schema, words = TOLD[name]
    with pytest.raises(Unusable) as caught:
        compare(schema, {})
    assert words in str(caught.value)


def test_what_older_drafts_would_pass_over_does_not_make_the_schema_an_older_one():
    with pytest.raises(Unusable):
        compare({"$defs": {"x": {"type": "strin"}}, "type": "string"}, {"type": "string"})
