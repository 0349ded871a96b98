"""Random values that a schema probably accepts: an independent search for what a proof might have missed."""

from __future__ import annotations

import random
from typing import Any

import schema_makers as makers

_BY_KEY = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"),
    "array": ("items", "prefixItems", "contains", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def instance(draw: random.Random, schema: Any, root: Any, depth: int = 4) -> Any:
    """A value made along a schema; what is beside `allOf`, `not` and the like may be missed."""
    if not isinstance(schema, dict) or depth <= 0 or draw.random() < 0.04:
        return makers.value(draw, 1)
    if "$ref" in schema and draw.random() < 0.8:
        return instance(draw, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, depth - 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word) and draw.random() < 0.5:
            return instance(draw, {**schema, word: [], **_dict(draw.choice(schema[word]))}, root, depth - 1)
    for word in ("if", "then", "else"):
        if word in schema and draw.random() < 0.3:
            return instance(draw, {**schema, **_dict(schema[word])}, root, depth - 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return draw.choice(schema["enum"])
    return _MAKERS[_kind(draw, schema)](draw, schema, root, depth)


def _dict(schema: Any) -> dict[str, Any]:
    return schema if isinstance(schema, dict) else {}


def _kind(draw: random.Random, schema: dict[str, Any]) -> str:
    types = schema.get("type", list(_MAKERS))
    types = [types] if isinstance(types, str) else types
    hinted = [kind for kind, keys in _BY_KEY.items() if any(key in schema for key in keys)]
    if "type" not in schema and hinted and draw.random() < 0.7:
        return draw.choice(hinted)
    return draw.choice(types)


def _number(draw: random.Random, schema: dict[str, Any], root: Any, depth: int) -> Any:
    base = draw.choice([schema.get(key, 0) for key in _BY_KEY["number"]])
    found = base + draw.choice((0, 0, 1, -1, 0.5, 2, 7))
    step = schema.get("multipleOf")
    return step * round(found / step) if step and draw.random() < 0.8 else found


def _integer(draw: random.Random, schema: dict[str, Any], root: Any, depth: int) -> Any:
    return round(_number(draw, schema, root, depth))


def _text(draw: random.Random, schema: dict[str, Any], root: Any, depth: int) -> str:
    length = draw.randint(schema.get("minLength", 0), max(schema.get("maxLength", 5), schema.get("minLength", 0)))
    return "".join(draw.choice("aaabb c0Aé\n") for _ in range(length))


def _list(draw: random.Random, schema: dict[str, Any], root: Any, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    length = draw.randint(least, max(least, min(schema.get("maxItems", 3), 4)))
    first = schema.get("prefixItems", [])
    found = []
    for place in range(length):
        part = first[place] if place < len(first) else schema.get("items", True)
        if "contains" in schema and draw.random() < 0.5:
            part = {**_dict(part), **_dict(schema["contains"])}
        found.append(instance(draw, part, root, depth - 1))
    return found


def _object(draw: random.Random, schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    names = [*schema.get("required", []), *(name for name in properties if draw.random() < 0.5)]
    while draw.random() < 0.3 or len(set(names)) < schema.get("minProperties", 0):
        names.append(draw.choice((*makers.NAMES, *makers.TEXTS, f"n{draw.randrange(9)}")))
    rest = schema.get("additionalProperties", True)
    parts = {}
    for name in names:
        part = properties.get(name)
        if part is None:
            part = draw.choice([*schema.get("patternProperties", {}).values(), rest])
        parts[name] = instance(draw, part, root, depth - 1)
    return parts


_MAKERS = {
    "null": lambda *_: None,
    "boolean": lambda draw, *_: draw.random() < 0.5,
    "integer": _integer,
    "number": _number,
    "string": _text,
    "array": _list,
    "object": _object,
}
