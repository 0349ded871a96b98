"""Formats and required fields that are probably misspelt: said where it is plain, and nowhere else."""

from __future__ import annotations

import json

import pytest

from choreo.lint import check
from choreo.loading import load_stored

SPEC = """
choreo: 1
name: a
version: 1.0.0
trigger: {accepts: thing@^1}
roles:
  b: {kind: reader, does: Count, set: input, accepts: thing@^1, emits: thing@1.0.0}
handoffs:
  - {from: trigger, to: b}
  - {from: b, to: end}
"""
CODES = ("unknown-format", "required-not-described")


def found(schema, inline=False):
    """(place, code, help) of what is said about a contract, in a file of its own or inside the spec."""
    text = json.dumps(schema)
    texts = {"a.yaml": SPEC, "schemas/thing/1.0.0.json": text}
    if inline:
        texts = {"a.yaml": f"{SPEC}contracts:\n  thing@1.0.0: {text}\n"}
    loaded = load_stored(texts, "a.yaml")
    assert loaded.problems == ()
    every = check(loaded.spec, loaded.contracts)
    return [(str(one.place), one.code, one.severity, one.help) for one in every if one.code in CODES]


@pytest.mark.parametrize(
    ("written", "meant"), [("emial", "email"), ("datetime", "date-time"), ("url", "uri"), ("uid", "uuid")]
)
def test_a_format_that_is_nearly_one_is_told_with_the_one_that_is_meant(written, meant):
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "format": written}}}}
    [(place, *rest)] = found(schema)
    assert place.startswith("schemas/thing/1.0.0.json:1:")
    assert rest == ["unknown-format", "warning", f"did you mean `{meant}`?"]
    assert [one[1:] for one in found(schema, inline=True)] == [tuple(rest)]


@pytest.mark.parametrize("written", ["email", "date", "money", "int32", "phone", "", "markdown"])
def test_a_format_that_is_one_or_a_word_of_ones_own_is_fine(written):
    assert found({"type": "object", "properties": {"a": {"type": "string", "format": written}}}) == []


INT = {"type": "integer"}


def test_a_required_field_that_is_described_under_another_name_is_told():
    schema = {"type": "object", "required": ["rows", "lost"], "properties": {"rows": INT, "olst": INT}}
    wanted = ("required-not-described", "warning", "did you mean `olst`, which is described?")
    for inline in (False, True):
        [(place, *rest)] = found(schema, inline)
        assert tuple(rest) == wanted
        assert place.startswith("a.yaml:" if inline else "schemas/thing/1.0.0.json:1:41")


def test_a_required_field_that_no_name_is_near_is_to_be_described():
    nested = {"type": "object", "required": ["x"], "properties": {"rows": INT}}
    [(_, _, _, help)] = found({"type": "object", "properties": {"deep": nested}})
    assert help == "describe `x` under `properties`"
    [(_, _, _, help)] = found({"$ref": "#/$defs/a", "$defs": {"a": nested}})
    assert help == "describe `x` under `properties`"


@pytest.mark.parametrize(
    "schema",
    [
        {"required": ["a"]},
        {"required": ["a"], "properties": {}},
        {"required": ["a"], "properties": {"a": True}},
        {"required": ["a"], "properties": {"b": INT}, "additionalProperties": {"type": "string"}},
        {"required": ["abc"], "properties": {"b": INT}, "patternProperties": {"^a": INT}},
        {"required": ["a"], "properties": {"b": INT}, "allOf": [{"properties": {"a": INT}}]},
        {"properties": {"a": INT, "b": INT}, "anyOf": [{"required": ["a"], "properties": {"b": {"const": 1}}}]},
        {"properties": {"a": INT}, "$ref": "#/$defs/d", "$defs": {"d": {"required": ["a"], "properties": {"b": INT}}}},
    ],
)
def test_a_required_field_that_may_be_described_elsewhere_is_not_told(schema):
    assert found({"type": "object", **schema}) == []
