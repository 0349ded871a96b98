"""What is said about a contract's own text."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo.contract import accepts_anything, inspect_schema

GOOD: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:example:case",
    "title": "Case",
    "x-owner": "billing@example.com",
    "type": "object",
    "properties": {
        "order": {"type": ["string", "null"], "pattern": "^[A-Z]{2}[0-9]+$", "maxLength": 20},
        "kind": {"enum": ["pay", "ask"], "default": "ask"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1, "uniqueItems": True},
        "answers": {"prefixItems": [{"type": "string"}, True], "items": False},
        "parent": {"$ref": "#"},
        "$ref": {"type": "string"},
    },
    "patternProperties": {"^x_": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}},
    "required": ["order", "x_a"],
    "additionalProperties": False,
    "$defs": {
        "line": {
            "anyOf": [{"$ref": "#amount"}, {"const": {"$ref": "http://example.com/data"}}],
            "examples": [{"$ref": "file:///etc/passwd"}],
        },
        "amount": {"$anchor": "amount", "type": "number", "description": "in EUR", "minimum": 0, "maximum": 1e6},
    },
}


def codes(schema: Any) -> list[tuple[str, str]]:
    return [(pointer, code) for pointer, code, _, _ in inspect_schema(schema)]


def test_a_good_contract_gives_no_finding():
    assert inspect_schema(GOOD) == []
    assert inspect_schema({}) == []
    assert inspect_schema(True) == []


@pytest.mark.parametrize(
    ("schema", "pointer", "code", "words"),
    [
        ({"requried": []}, "/requried", "unknown-keyword", "`required`"),
        (
            {"properties": {"a": {"additonalProperties": False}}},
            "/properties/a/additonalProperties",
            "unknown-keyword",
            "ional",
        ),
        ({"my/own": 1}, "/my~1own", "unknown-keyword", "x-"),
        ({"nullable": True}, "/nullable", "old-keyword", '["string", "null"]'),
        ({"dependencies": {}}, "/dependencies", "old-keyword", "dependentRequired"),
        ({"id": "x"}, "/id", "old-keyword", "named by its file"),
        ({"type": "strng"}, "/type", "bad-type", "`string`"),
        ({"type": "int"}, "/type", "bad-type", "`integer`"),
        ({"type": ["string", None]}, "/type", "bad-type", "null"),
        ({"type": []}, "/type", "bad-type", "types are"),
        ({"minLength": "3"}, "/minLength", "wrong-schema-value", "without quotes"),
        ({"minLength": -1}, "/minLength", "wrong-schema-value", "from 0"),
        ({"required": True}, "/required", "wrong-schema-value", "beside"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum", "wrong-schema-value", "bound"),
        ({"properties": []}, "/properties", "wrong-schema-value", "object of schemas"),
        ({"properties": {"a": 5}}, "/properties/a", "wrong-schema-value", "found 5"),
        ({"items": [{}]}, "/items", "wrong-schema-value", "prefixItems"),
        ({"allOf": []}, "/allOf", "wrong-schema-value", "at least one"),
        (5, "", "wrong-schema-value", "found 5"),
        ({"pattern": "(a"}, "/pattern", "bad-pattern", "brackets"),
        ({"pattern": r"[\w-.]"}, "/pattern", "bad-pattern", "last"),
        ({"patternProperties": {"a/(": {}}}, "/patternProperties/a~1(", "bad-pattern", "brackets"),
        ({"$ref": "http://example.com/x"}, "/$ref", "remote-ref", "nothing is fetched"),
        ({"$ref": "https://example.com/x#/$defs/a"}, "/$ref", "remote-ref", "$defs"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "remote-ref", "$defs"),
        ({"$ref": "../other.json"}, "/$ref", "remote-ref", "$defs"),
        ({"$ref": "other.json#/$defs/a"}, "/$ref", "remote-ref", "$defs"),
        ({"$dynamicRef": "http://example.com/#a"}, "/$dynamicRef", "remote-ref", "$defs"),
        ({"$ref": "#/$defs/cse", "$defs": {"case": {}}}, "/$ref", "missing-ref", "`#/$defs/case`"),
        ({"$ref": "#nowhere"}, "/$ref", "missing-ref", ""),
        ({"$ref": "#/const", "const": {"a": 1}}, "/$ref", "missing-ref", ""),
        ({"$ref": "#"}, "/$ref", "ref-loop", "back to itself"),
        ({"$id": "https://example.com/case"}, "/$id", "remote-id", "leave it out"),
        ({"$id": "../case.json"}, "/$id", "remote-id", "leave it out"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "wrong-draft", "dependentRequired"),
        ({"$schema": "https://json-schema.org/draft/2019-09/schema"}, "/$schema", "wrong-draft", "prefixItems"),
        ({"$schema": "https://example.com/evil"}, "/$schema", "wrong-draft", "2020-12"),
        (False, "", "impossible-contract", ""),
        ({"enum": []}, "/enum", "impossible-contract", ""),
        ({"not": {}}, "/not", "impossible-contract", ""),
        ({"allOf": [{}, False]}, "/allOf", "impossible-contract", ""),
        ({"anyOf": [False]}, "/anyOf", "impossible-contract", ""),
        ({"minLength": 3, "maxLength": 2}, "/minLength", "impossible-contract", "more than"),
        ({"type": "string", "enum": [1, 2]}, "/enum", "impossible-contract", "type string"),
        ({"type": "integer", "const": 1.5}, "/const", "impossible-contract", "type integer"),
        ({"properties": {"a": False}, "required": ["a"]}, "/required/0", "impossible-contract", "`a`"),
        (
            {"required": ["nme"], "properties": {"name": {}}, "additionalProperties": False},
            "/required/0",
            "required-not-declared",
            "`name`",
        ),
        (
            {"properties": {"a/b": {"type": "string", "default": 1}}},
            "/properties/a~1b/default",
            "bad-default",
            "a text",
        ),
        (
            {"properties": {"a": {"$ref": "#/$defs/q", "default": 2}}, "$defs": {"q": {"maximum": 1}}},
            "/properties/a/default",
            "bad-default",
            "at most 1",
        ),
        ({"type": "string", "default": 1}, "/default", "bad-default", "a text"),
        ({"description": "x" * 1_000_001}, "", "contract-too-large", "1,000,000"),
    ],
)
def test_a_bad_contract_is_told_with_place_code_and_help(schema, pointer, code, words):
    findings = inspect_schema(schema)
    assert [(p, c) for p, c, _, _ in findings] == [(pointer, code)]
    assert words in findings[0][2] + findings[0][3]


def test_all_findings_come_at_once_in_the_order_of_the_text():
    schema = {"properties": {"a": {"type": "int"}, "b": {"minimun": 1}}, "requird": [], "$ref": "x.json"}
    assert codes(schema) == [
        ("/requird", "unknown-keyword"),
        ("/$ref", "remote-ref"),
        ("/properties/a/type", "bad-type"),
        ("/properties/b/minimun", "unknown-keyword"),
    ]


def test_schemas_that_only_refer_to_each_other_are_a_loop():
    schema = {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}}
    assert [code for _, code in codes(schema)] == ["ref-loop"]


@pytest.mark.parametrize("keyword", ["items", "additionalProperties", "contains", "propertyNames"])
def test_a_schema_that_refers_to_itself_inside_the_value_is_no_loop(keyword):
    assert codes({keyword: {"$ref": "#"}}) == []


def test_very_deep_and_very_long_contracts_end():
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"items": deep}
    assert codes(deep) == [("", "contract-too-deep")]
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5_000)}
    assert codes({"$defs": {**chain, "d5000": {}}, "$ref": "#/$defs/d0"}) == []


def test_patterns_that_look_around_are_accepted():
    assert codes({"pattern": r"^(?=.*\d)\w+$"}) == []


def _typos(word: str) -> list[str]:
    return [word[:n] + word[n + 1 :] for n in range(len(word))] + [
        word[:n] + "q" + word[n:] for n in range(len(word) + 1)
    ]


def test_no_typing_mistake_in_a_keyword_passes_in_silence():
    keywords = {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "$defs",
        "minItems",
        "pattern",
        "enum",
    }
    silent = []
    for keyword in keywords:
        for typo in _typos(keyword):
            broken = json.loads(json.dumps(GOOD).replace(f'"{keyword}":', f'"{typo}":'))
            if not inspect_schema(broken):
                silent.append(typo)
    assert silent == []


def test_nothing_is_opened_and_nothing_is_fetched():
    code = (
        "import sys\n"
        "from choreo.contract import inspect_schema\n"
        "import jsonschema_rs, difflib\n"
        "def hook(event, args):\n"
        "    if event.startswith('socket.') or (event == 'open' and 'passwd' in str(args[0])): raise SystemExit(9)\n"
        "sys.addaudithook(hook)\n"
        "for key in ('$ref', '$schema', '$id', '$dynamicRef'):\n"
        "    for url in ('http://127.0.0.1:9/x', 'https://127.0.0.1:9/x', 'file:///etc/passwd', '../../etc/passwd'):\n"
        "        schema = {'properties': {'a': {key: url, 'default': 1, 'pattern': 'a'}}}\n"
        "        (finding,) = inspect_schema(schema)\n"
        "        assert 'root:' not in str(finding)\n"
        "assert 'jsonschema' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_contract_without_patterns_and_defaults_is_inspected_without_a_validator():
    code = (
        "import sys\n"
        "from choreo.contract import inspect_schema\n"
        "assert inspect_schema({'properties': {'a': {'type': 'string'}}, 'required': ['a']}) == []\n"
        "sys.exit(any('jsonschema' in name for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("schema", "anything"),
    [
        ({}, True),
        (True, True),
        ({"title": "x", "x-owner": "y", "$defs": {"a": {"type": "string"}}}, True),
        ({"type": "object"}, False),
        (False, False),
    ],
)
def test_a_contract_that_says_nothing_is_known(schema, anything):
    assert accepts_anything(schema) is anything


SCALARS = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, 2.0, "", "string", "^a", "#", [], ["a"], ["a", "a"], {}, 5]
)
KEYWORDS = st.sampled_from(
    (
        *("type", "enum", "const", "properties", "patternProperties", "items", "prefixItems", "allOf"),
        *("anyOf", "not", "required", "minLength", "maximum", "multipleOf", "uniqueItems", "dependentRequired"),
        *("dependentSchemas", "$defs", "$anchor", "title", "default", "examples", "minContains", "if"),
        "$comment",
    )
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda part: (
        st.dictionaries(KEYWORDS, part, max_size=3)
        | st.lists(part, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b"]), part, max_size=2)
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_whatever_the_metaschema_refuses_is_found(schema):
    import jsonschema_rs

    wrong = {"bad-type", "wrong-schema-value", "unknown-keyword"}
    found = {code for _, code in codes(schema)}
    if not jsonschema_rs.meta.is_valid(schema):
        assert found & wrong
    elif not found & {"unknown-keyword"}:
        assert not found & wrong
