"""The keywords of JSON Schema draft 2020-12, and what value each takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from choreo.contract.explain import shortened
from choreo.contract.tree import NAMED, ONE, SEVERAL
from choreo.problem import closest, suggestion

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")

Finding = tuple[str, str, str, str]
"""(JSON pointer, code, message, help)."""

_TEXTS = (
    *("$id", "$schema", "$ref", "$dynamicRef", "$comment", "title", "description"),
    *("format", "pattern", "contentEncoding", "contentMediaType"),
)
_ANCHORS = ("$anchor", "$dynamicAnchor")
_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")
_NUMBERS = ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum")
_COUNTS = (
    *("maxLength", "minLength", "maxItems", "minItems", "maxContains", "minContains"),
    *("maxProperties", "minProperties"),
)
_SWITCHES = ("uniqueItems", "readOnly", "writeOnly", "deprecated")
_LISTS = ("enum", "examples")
_ANYTHING = ("const", "default")

_OLD = {
    "additionalItems": "with `prefixItems`, say `items` for the rest",
    "dependencies": "say `dependentRequired` or `dependentSchemas`",
    "id": "a contract needs no id: it is named by its file",
    "$recursiveRef": "say `$ref: '#'`",
    "$recursiveAnchor": "leave it out, and say `$ref: '#'`",
    "divisibleBy": "say `multipleOf`",
    "disallow": "say `not`",
    "extends": "say `allOf`",
    "nullable": 'say `type: ["string", "null"]`, with the type in question',
    "example": "say `examples`, a list",
    "optional": "leave the field out of `required`",
}


def check_keyword(keyword: str, value: Any, pointer: str) -> Finding | None:
    """What is wrong with one keyword of a schema at `pointer`, in itself."""
    place = f"{pointer}/{keyword.replace('~', '~0').replace('/', '~1')}"
    if keyword.startswith("x-"):
        return None
    if keyword in _OLD:
        return place, "old-keyword", f"`{keyword}` is not a keyword of JSON Schema 2020-12", _OLD[keyword]
    if keyword not in _EXPECTED:
        help = suggestion(keyword, tuple(_EXPECTED), "keyword")
        help += "" if "did you mean" in help else "; your own words begin with `x-`"
        return place, "unknown-keyword", f"`{keyword}` is not a keyword of JSON Schema, so it would check nothing", help
    wanted, fits = _EXPECTED[keyword]
    if fits(value):
        return None
    return _misfit(keyword, value, place, wanted)


def check_schema(schema: Any, pointer: str) -> Finding | None:
    """What is wrong with what stands in the place of a schema, if it is none."""
    if isinstance(schema, bool | Mapping):
        return None
    help = "write an object such as {type: string}"
    if pointer.endswith("/items") and isinstance(schema, list):
        help = "a list of schemas, one per place, is `prefixItems` since 2020-12"
    return pointer, "wrong-schema-value", f"a schema is an object, found {shortened(schema)}", help


def _misfit(keyword: str, value: Any, place: str, wanted: str) -> Finding:
    code = "bad-type" if keyword == "type" else "wrong-schema-value"
    message = f"`{keyword}` takes {wanted}, found {shortened(value)}"
    return place, code, message, _help(keyword, value)


def _help(keyword: str, value: Any) -> str:
    if keyword == "type":
        names = value if isinstance(value, list) else [value]
        wrong = next((name for name in names if name not in TYPES), None)
        return _type_help(wrong) if isinstance(wrong, str) else f"types are {', '.join(TYPES)}"
    if keyword == "required" and isinstance(value, bool):
        return "list the required fields beside `properties`: required: [name, ...]"
    if keyword.startswith("exclusive") and isinstance(value, bool):
        return "give the bound itself: `exclusiveMinimum: 0`"
    if isinstance(value, str) and keyword in (*_NUMBERS, *_COUNTS, *_SWITCHES, "multipleOf"):
        return "write it without quotes"
    return ""


_TYPE_HABITS = {
    "str": "string",
    "text": "string",
    "date": "string",
    "datetime": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
    "dict": "object",
    "map": "object",
    "list": "array",
    "none": "null",
    "any": "",
}


def meant_keyword(keyword: str) -> str | None:
    """The keyword that a misspelt one was probably meant to be."""
    return None if keyword in _OLD or keyword in _EXPECTED else closest(keyword, tuple(_EXPECTED))


def meant_type(name: str) -> str | None:
    """The type that a misspelt one was probably meant to be."""
    return _TYPE_HABITS.get(name.lower()) or closest(name, TYPES)


def _type_help(name: str) -> str:
    meant = _TYPE_HABITS.get(name.lower())
    if meant == "":
        return "leave `type` out to allow anything"
    return f"did you mean `{meant}`?" if meant is not None else suggestion(name, TYPES, "type")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return _number(value) and value >= 0 and value == int(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def _type(value: Any) -> bool:
    if isinstance(value, str):
        return value in TYPES
    return _texts(value) and bool(value) and all(item in TYPES for item in value)


def _expected() -> dict[str, tuple[str, Callable[[Any], bool]]]:
    found: dict[str, tuple[str, Callable[[Any], bool]]] = {}
    for keywords, wanted, fits in (
        (ONE, "a schema", lambda v: True),  # the schemas inside are judged on their own
        (SEVERAL, "a list of at least one schema", lambda v: isinstance(v, list) and bool(v)),
        (NAMED, "an object of schemas", lambda v: isinstance(v, Mapping)),
        (
            _ANCHORS,
            "a name that begins with a letter",
            lambda v: isinstance(v, str) and _ANCHOR.fullmatch(v) is not None,
        ),
        (_TEXTS, "a text", lambda v: isinstance(v, str)),
        (_NUMBERS, "a number", _number),
        (_COUNTS, "a whole number from 0 on", _count),
        (_SWITCHES, "true or false", lambda v: isinstance(v, bool)),
        (_LISTS, "a list", lambda v: isinstance(v, list)),
        (_ANYTHING, "any value", lambda v: True),
        (("multipleOf",), "a number above 0", lambda v: _number(v) and v > 0),
        (("required",), "a list of different field names", _texts),
        (
            ("dependentRequired",),
            "an object of lists of field names",
            lambda v: isinstance(v, Mapping) and all(map(_texts, v.values())),
        ),
        (("type",), "a type or a list of different types", _type),
        (("$vocabulary",), "an object", lambda v: isinstance(v, Mapping)),
    ):
        found |= dict.fromkeys(keywords, (wanted, fits))
    return found


_EXPECTED = _expected()
