"""Reading a model's text: strict first, harmless wrapping taken off, nothing guessed."""

from __future__ import annotations

import pytest

from choreo.players.answer import read, unwrap
from choreo.players.schema_text import lean, object_at_top, strict

SCHEMA = {"type": "object", "properties": {"a/b": {"type": "integer"}}, "required": ["a/b"]}


@pytest.mark.parametrize(
    "text",
    [
        '{"a/b":1}',
        '\n {"a/b":1}\t\n',
        '\ufeff{"a/b":1}',
        '```json\n{"a/b":1}\n```',
        '```\n{"a/b":1}```',
        '\n```JSON  \r\n{"a/b":1}\r\n```\n',
    ],
)
def test_one_value_with_harmless_wrapping_is_read(text: str) -> None:
    found = read(text, SCHEMA)
    assert (found.value, found.violations) == ({"a/b": 1}, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sure: {}",
        '{"a/b":1} done',
        '{"a/b":1}{"a/b":2}',
        '{"a/b":1,}',
        "{'a/b':1}",
        '{"a/b":1',
        "NaN",
        "```json\n```",
        '```json\n{"a/b":1}\n```\n```json\n{"a/b":2}\n```',
        'Here:\n```json\n{"a/b":1}\n```',
        '{"a/b":1,"a/b":2}',
        '{"a/b":1,"x":"\\u0000"}',
        '{"a/b":1,"x":"\\ud800"}',
        "[" * 100_000,
        "1" * 5000,
        '{"a/b":1e999}',
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    found = read(text, SCHEMA)
    assert found.value is None
    assert found.violations
    assert found.violations[0][1]


def test_a_violation_has_a_json_pointer() -> None:
    assert [pointer for pointer, _ in read('{"a/b":"x"}', SCHEMA).violations] == ["/a~1b"]


def test_violations_are_bounded() -> None:
    many = {"type": "array", "items": {"type": "integer"}}
    assert len(read("[" + ",".join('"x"' for _ in range(1000)) + "]", many).violations) == 8


def test_a_fence_inside_a_value_is_not_taken_for_wrapping() -> None:
    text = '{"a/b":1,"code":"```py\\nx\\n```"}'
    assert unwrap(text) == (text, ())
    assert read(f"```json\n{text}\n```", SCHEMA).value["code"] == "```py\nx\n```"


def test_without_a_contract_the_text_is_the_value_unless_it_is_no_data() -> None:
    assert read("```hello```", None).value == "```hello```"
    assert read("a\0b", None).violations


def test_a_lean_schema_keeps_property_names_whatever_they_are() -> None:
    told = lean({"$id": "x", "x-owner": "me", "properties": {"$id": {"type": "string", "$comment": "c"}, "x-a": True}})
    assert told == {"properties": {"$id": {"type": "string"}, "x-a": True}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
            True,
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"type": "object", "properties": {}, "additionalProperties": False, "allOf": []}, False),
        ({"type": "array", "items": {"enum": [1]}}, True),
    ],
)
def test_strict_takes_only_closed_objects_with_every_property_required(schema: dict, expected: bool) -> None:
    assert strict(schema) is expected


def test_only_an_object_at_the_top_can_be_forced() -> None:
    assert object_at_top({"type": "object"})
    assert not object_at_top({"type": "array"})
