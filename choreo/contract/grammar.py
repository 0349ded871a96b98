"""What of a contract the embedded runtime can enforce while a model writes, and what it cannot.

The runtime ignores a grammar it does not understand, without a word. So what it cannot take is pruned
here first, and every pruned keyword is named: the contract check still sees the whole schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

_TAKEN = {
    *("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions"),
    *("properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
    *("items", "prefixItems", "minItems", "maxItems", "minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_REMARKS = {
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("$comment", "$schema", "$id", "$anchor", "contentMediaType", "contentEncoding"),
}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"}
_BEYOND_REGULAR = re.compile(r"\(\?[=!<]|\\[1-9kbBZAzcG]")
"""Look-around, back references, word boundaries and inner anchors: no finite automaton has them."""

_SAFE = 2**53
_LAYOUT = {
    "whitespace_flexible": False,  # a small model can otherwise write blanks until its room is used up
    "item_separator": ", ",
    "key_separator": ": ",
    "coerce_one_of": True,
    "lenient": True,
}


class Grammar(Struct, frozen=True):
    """`schema` is what is enforced; `not_enforced` names what is not, as JSON pointers to the keywords."""

    schema: Mapping[str, Any]
    not_enforced: tuple[str, ...]


def grammar_of(schema: Mapping[str, Any]) -> Grammar:
    """The enforceable part of a schema; keys keep the order in which the schema names them."""
    lost: list[str] = []
    kept = _prune(schema, "", lost)
    body = kept if isinstance(kept, dict) else {}
    return Grammar({"x-guidance": _LAYOUT, **body}, tuple(lost))


def _prune(schema: Any, pointer: str, lost: list[str]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        here = f"{pointer}/{key}"
        if key in _REMARKS or key.startswith("x-"):
            continue
        if key not in _TAKEN or not _can_take(key, value):
            lost.append(here)
            continue
        if key == "oneOf":
            lost.append(here + " (as anyOf)")
        kept[key] = _below(key, value, here, lost)
    return _bounded(kept)


def _can_take(key: str, value: Any) -> bool:
    if key == "pattern":
        return isinstance(value, str) and not _BEYOND_REGULAR.search(value)
    if key == "patternProperties":
        return not any(_BEYOND_REGULAR.search(pattern) for pattern in value)
    if key == "format":
        return value in _FORMATS
    if key == "$ref":
        return isinstance(value, str) and value.startswith("#")
    return True


def _below(key: str, value: Any, pointer: str, lost: list[str]) -> Any:
    """The keyword's value with the schemas inside it pruned too."""
    if key in ("properties", "patternProperties", "$defs", "definitions"):
        return {name: _prune(part, f"{pointer}/{name}", lost) for name, part in value.items()}
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [_prune(part, f"{pointer}/{place}", lost) for place, part in enumerate(value)]
    if key in ("items", "additionalProperties"):
        return _prune(value, pointer, lost)
    return value


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """An integer without bounds gets those every JSON reader agrees on: weak models write digits without end."""
    if schema.get("type") == "integer" and "enum" not in schema and "const" not in schema:
        if "minimum" not in schema and "exclusiveMinimum" not in schema:
            schema["minimum"] = -_SAFE
        if "maximum" not in schema and "exclusiveMaximum" not in schema:
            schema["maximum"] = _SAFE
    return schema
