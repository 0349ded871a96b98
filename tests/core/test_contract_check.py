"""Verdicts, their words, and how much work a check can be."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from choreo.canonical import Payload
from choreo.contract import MAX_VIOLATIONS, Contract, bundled, check, fill_defaults, is_bounded
from choreo.problem import Place


def contract(schema: dict[str, Any]) -> Contract:
    return Contract("case", "1.2.0", schema, Payload.of(schema).digest, Place("case.json"))


def violations(schema: dict[str, Any], value: Any) -> tuple[tuple[str, str], ...]:
    return check(contract(schema), Payload.of(value)).violations


CASE = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "amount": {"type": "number"},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"k": {"type": "integer"}}, "required": ["k"]},
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}


def test_a_valid_payload_gives_a_verdict_without_violations():
    tested = contract(CASE)
    verdict = check(tested, Payload.of({"name": "A", "items": [{"k": 1}]}))
    assert verdict.ok
    assert (verdict.contract, verdict.digest) == ("case@1.2.0", tested.digest)


def test_every_violation_is_told_at_its_place():
    found = violations(CASE, {"amount": "3", "items": [{"k": 1}, {}, {"k": "x"}], "a/b~c": 1})
    assert dict(found) == {
        "/amount": 'expected a number, found the text "3"',
        "/items/1": "the field `k` is missing",
        "/items/2/k": 'expected an integer, found the text "x"',
        "": found[-1][1],
    }
    assert {sentence for pointer, sentence in found if pointer == ""} == {
        "the field `name` is missing",
        "has `a/b~c`, which the contract does not know",
    }


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": ["string", "null"]}, [1], "expected null or a text, found a list [1]"),
        ({"type": "integer"}, 1.5, "expected an integer, found the number 1.5"),
        ({"type": "object"}, None, "expected an object, found null"),
        ({"const": 1}, True, "expected 1, found true"),
        ({"enum": ["pay", "ask"]}, "pey", 'expected one of "pay", "ask", found "pey"'),
        ({"minimum": 3}, 2, "expected at least 3, found 2"),
        ({"maximum": 3}, 4, "expected at most 3, found 4"),
        ({"exclusiveMinimum": 3}, 3, "expected more than 3, found 3"),
        ({"exclusiveMaximum": 3}, 3, "expected less than 3, found 3"),
        ({"multipleOf": 2}, 3, "expected a multiple of 2, found 3"),
        ({"minLength": 1}, "", 'expected at least 1 character, found 0: ""'),
        ({"maxLength": 2}, "abc", 'expected at most 2 characters, found 3: "abc"'),
        ({"minItems": 1}, [], "expected at least 1 item, found 0: []"),
        ({"maxItems": 1}, [1, 2], "expected at most 1 item, found 2: [1, 2]"),
        ({"minProperties": 1}, {}, "expected at least 1 field, found 0: {}"),
        ({"maxProperties": 0}, {"a": 1}, 'expected at most 0 fields, found 1: {"a": 1}'),
        ({"pattern": "^[A-Z]+$"}, "a", 'expected a text that fits `^[A-Z]+$`, found "a"'),
        ({"uniqueItems": True}, [1, 1], "expected every item once"),
        ({"not": {"type": "string"}}, "a", "fits what the contract forbids"),
        ({"contains": {"type": "string"}}, [1], "`contains`"),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            "a field name that is not allowed: expected at most 1 character",
        ),
        ({"unevaluatedProperties": False}, {"a": 1}, "has `a`, which the contract does not know"),
        ({"unevaluatedItems": False}, [1], "1 item that the contract does not know"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "the field `b` is missing"),
        ({"oneOf": [{"type": "string"}, {"minLength": 2}]}, "abc", "exactly one of 2 alternatives, fits 1 and 2"),
    ],
)
def test_a_violation_says_what_was_expected_and_what_was_found(schema, value, expected):
    ((pointer, sentence),) = violations(schema, value)
    assert pointer == ""
    assert expected in sentence


def test_alternatives_are_told_apart():
    schema = {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"k": {"type": "integer"}}}]}
    ((_, sentence),) = violations(schema, {"k": "x"})
    assert "none of the 2 alternatives: (1) expected a text" in sentence
    assert "(2) /k: expected an integer" in sentence


def test_long_values_are_shortened_and_violations_are_bounded():
    ((_, sentence),) = violations({"type": "integer"}, "x" * 10_000)
    assert len(sentence) < 120
    assert len(violations({"items": {"type": "integer"}}, ["x"] * 100)) == MAX_VIOLATIONS


def test_of_a_very_large_payload_only_the_first_violation_is_told():
    assert len(violations({"items": {"type": "integer"}}, ["x"] * 250_000)) == 1


def test_a_whole_number_written_with_a_point_is_an_integer():
    assert violations({"type": "integer"}, 1.0) == ()


def test_a_format_is_a_remark_and_not_checked():
    assert violations({"format": "email"}, "no address") == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/x"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/$defs/missing"},
        {"pattern": "(a"},
        {"type": "strng"},
    ],
)
def test_a_contract_that_cannot_be_used_is_a_violation_and_opens_nothing(schema):
    code = (
        "import sys, json\n"
        "def hook(event, args):\n"
        "    if event.startswith('socket.') or (event == 'open' and 'passwd' in str(args[0])): raise SystemExit(9)\n"
        "from choreo.canonical import Payload\n"
        "from choreo.contract import Contract, check\n"
        "from choreo.problem import Place\n"
        "import jsonschema_rs\n"
        "sys.addaudithook(hook)\n"
        "schema = json.loads(sys.argv[1])\n"
        "verdict = check(Contract('c', '1.0.0', schema, 'd', Place('')), Payload.of(1))\n"
        "print(verdict.violations[0][1])\n"
    )
    import json

    done = subprocess.run([sys.executable, "-c", code, json.dumps(schema)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the contract itself cannot be used" in done.stdout
    assert "root:" not in done.stdout


@pytest.mark.parametrize("head", [{"$id": "https://example.com/x"}, {"$schema": "https://example.com/y"}])
def test_the_name_a_schema_gives_itself_does_not_matter(head):
    schema = {**head, "$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}
    assert violations(schema, "x") == ()
    assert len(violations(schema, 1)) == 1


def test_a_pattern_that_backtracks_forever_is_matched_in_linear_time():
    assert len(violations({"pattern": "^(a+)+$"}, "a" * 100_000 + "!")) == 1


def test_a_pattern_that_looks_around_works_and_is_stopped_when_it_takes_too_long():
    assert violations({"pattern": r"^(?=.*\d)\w+$"}, "abc1") == ()
    assert len(violations({"pattern": r"^(?=.*\d)\w+$"}, "abc")) == 1
    ((_, sentence),) = violations({"pattern": r"^(?=a)(a|b|ab)*\1c$"}, "ab" * 60)
    assert "takes too many steps" in sentence


def test_lists_of_thousands_of_objects_may_be_asked_to_be_unique():
    different = [{"a": n, "b": [n]} for n in range(3_000)]
    assert violations({"uniqueItems": True}, different) == ()
    assert len(violations({"uniqueItems": True}, [*different, {"b": [0], "a": 0}])) == 1


REF = {"$ref": "#/$defs/n"}
TWICE = {"$defs": {"n": {"anyOf": [{"properties": {"c": REF}}, {"properties": {"c": REF}}]}}, **REF}


def doubled(levels: int, keyword: str) -> dict[str, Any]:
    """A schema whose references, written out, are 2^levels schemas."""
    parts = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**parts, f"d{levels}": {"minimum": 3}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    ("schema", "value", "bounded"),
    [
        (CASE, {"name": "A", "items": [{"k": 1}]}, True),
        ({"properties": {"kids": {"items": {"$ref": "#"}}}}, {"kids": [{"kids": []}]}, True),
        ({"pattern": "^(a+)+$"}, "a" * 10_000, True),
        ({"uniqueItems": True}, [{"a": n} for n in range(3_000)], True),
        ({"type": "string"}, "x" * 1_000_000, True),
        (TWICE, 1, False),
        ({"$ref": "#"}, 1, False),
        (doubled(25, "allOf"), 1, False),
        (doubled(5, "allOf"), 1, True),
        ({"items": {"type": "integer"}}, [1] * 100_000, False),
        ({"enum": [[n] for n in range(100_000)]}, [0] * 100, False),
        ({"pattern": "(.{0,300}x){0,20}!"}, "ab" * 50_000, False),
        ({"pattern": r"^(?=.*\d)\w+$"}, "abc1", True),
        ({"pattern": r"^(?=.*\d)\w+$"}, "abc1" * 10_000, False),
    ],
)
def test_it_is_known_beforehand_which_checks_are_quick_for_certain(schema, value, bounded):
    assert is_bounded(contract(schema), Payload.of(value)) is bounded


def test_nested_unevaluated_properties_double_the_work_at_each_level():
    schema: dict[str, Any] = {"unevaluatedProperties": False}
    for n in range(26):
        schema = {"allOf": [schema], "properties": {f"p{n}": True}, "unevaluatedProperties": False}
    assert not is_bounded(contract(schema), Payload.of({"z": 1}))


def test_defaults_of_top_level_properties_are_filled_in_and_named():
    tested = contract({"properties": {"a": {"default": [1]}, "b": {"default": None}, "c": {}, "d": True}})
    value = {"b": 2}
    assert fill_defaults(tested, value) == ({"b": 2, "a": [1]}, ("a",))
    assert value == {"b": 2}
    filled, _ = fill_defaults(tested, {})
    filled["a"].append(2)
    assert fill_defaults(tested, {})[0] == {"a": [1], "b": None}
    assert fill_defaults(tested, [1]) == ([1], ())


def test_a_bundle_stands_alone_and_keeps_what_is_data():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "case",
        "x-owner": "billing",
        "definitions": {"A b": {"type": "string", "x-note": 1}},
        "$defs": {"B": {"$anchor": "bee", "$ref": "#/properties/p"}, "unused": {}},
        "properties": {
            "p": {"items": {"$ref": "#/definitions/A%20b"}},
            "q": {"$ref": "#bee"},
            "r": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "$ref": {"const": {"$id": 1, "x-y": 2}},
        },
    }
    assert bundled(contract(schema)) == {
        "properties": {
            "p": {"items": {"$ref": "#/$defs/A_b"}},
            "q": {"$ref": "#/$defs/B"},
            "r": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "$ref": {"const": {"$id": 1, "x-y": 2}},
        },
        "$defs": {
            "A_b": {"type": "string"},
            "B": {"$ref": "#/$defs/p"},
            "p": {"items": {"$ref": "#/$defs/A_b"}},
        },
    }


def test_importing_the_package_imports_no_validator():
    code = "import sys, choreo.contract; sys.exit(any('jsonschema' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
