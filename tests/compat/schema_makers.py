"""Random schemas, schemas that differ a little, and random values, all from a seeded generator."""

from __future__ import annotations

import copy
import random
from typing import Any

NAMES = ("a", "b", "ab", "kind", "x-1")
TEXTS = ("", "a", "b", "ab", "aa", "abc", "0", "12", "kind", "A", "é", "a b")
NUMBERS = (-3, -1, 0, 1, 2, 3, 4, 5, 6, 7, 10, 12, 0.5, 1.0, 1.5, 2.5, -0.5, 0.1, 0.3, 100)
PATTERNS = ("^a", "b$", "^[a-z]+$", "^(ab)*$", "a|b", "^.{1,2}$", "\\d", "^[^a]*$", "^a?b?$", "^(?!a)")
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


def value(draw: random.Random, depth: int = 3) -> Any:
    """A random JSON value."""
    kind = draw.randrange(5 if depth <= 0 else 8)
    if kind == 0:
        return None
    if kind == 1:
        return draw.random() < 0.5
    if kind in (2, 3):
        return draw.choice(NUMBERS)
    if kind == 4:
        return draw.choice(TEXTS)
    if kind == 5:
        return [value(draw, depth - 1) for _ in range(draw.randrange(4))]
    names = draw.sample((*NAMES, "zz"), draw.randrange(4))
    return {name: value(draw, depth - 1) for name in names}


def schema(draw: random.Random, depth: int = 3) -> Any:
    """A random schema of draft 2020-12. References lead to `#/$defs/one` and `#/$defs/two` (see `whole`)."""
    if draw.random() < 0.06:
        return draw.choice((True, False, {}))
    makers = draw.choices(_MAKERS, k=draw.choice((1, 1, 1, 2)))
    found: dict[str, Any] = {}
    for make in makers:
        found.update(make(draw, depth))
    if depth > 0 and draw.random() < 0.3:
        found.update(draw.choice(_COMBINED)(draw, depth - 1))
    return found


def whole(draw: random.Random, depth: int = 3) -> Any:
    """A random schema with its `$defs`, which may refer to themselves inside fields and items."""
    found = schema(draw, depth)
    if isinstance(found, bool):
        return found
    definitions = {
        "one": {"type": "object", "properties": {"a": {"$ref": "#/$defs/one"}, "b": schema(draw, 0)}},
        "two": {"anyOf": [schema(draw, 0), {"type": "array", "items": {"$ref": "#/$defs/two"}}]},
    }
    return {**found, "$defs": definitions}


def changed(draw: random.Random, given: Any) -> Any:
    """The schema with one or two parts of it changed."""
    found = copy.deepcopy(given)
    for _ in range(draw.choice((1, 1, 2))):
        places = list(_places(found))
        if not places:
            return schema(draw, 2)
        owner, key = draw.choice(places)
        owner[key] = _other(draw, owner[key]) if key in owner else None
        if draw.random() < 0.25:
            del owner[key]
    return found


def _places(part: Any) -> Any:
    if isinstance(part, dict):
        for key, inside in part.items():
            if key not in ("$ref", "$defs", "type", "uniqueItems", "properties", "patternProperties"):
                yield part, key
            if key not in ("enum", "const"):
                yield from _places(inside)
    if isinstance(part, list):
        for inside in part:
            yield from _places(inside)


def _other(draw: random.Random, part: Any) -> Any:
    if isinstance(part, bool):
        return draw.choice((not part, {"type": draw.choice(TYPES)}))
    if isinstance(part, dict) and "type" in part and draw.random() < 0.5:
        return schema(draw, 1)
    if isinstance(part, int | float):
        return max(0, part + draw.choice((-1, 1, 2)))
    if isinstance(part, list) and part and isinstance(part[0], str):
        return part[:-1] or part
    if isinstance(part, list) and len(part) > 1:
        return part[1:]
    return part


def _numbers(draw: random.Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": draw.choice(("integer", "number"))}
    for key in draw.sample(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), draw.randrange(3)):
        found[key] = draw.choice((-1, 0, 1, 2.5, 3, 5, 10))
    if draw.random() < 0.3:
        found["multipleOf"] = draw.choice((1, 2, 3, 0.5, 0.1, 6))
    return found


def _texts(draw: random.Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string"} if draw.random() < 0.8 else {}
    if draw.random() < 0.5:
        found["minLength"] = draw.randrange(4)
    if draw.random() < 0.5:
        found["maxLength"] = draw.randrange(5)
    if draw.random() < 0.4:
        found["pattern"] = draw.choice(PATTERNS)
    return found


def _lists(draw: random.Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "array"} if draw.random() < 0.8 else {}
    if draw.random() < 0.5:
        found["items"] = schema(draw, depth - 1) if depth > 0 else {"type": "integer"}
    if depth > 0 and draw.random() < 0.3:
        found["prefixItems"] = [schema(draw, depth - 1) for _ in range(draw.randrange(1, 3))]
    if draw.random() < 0.4:
        found["minItems"] = draw.randrange(4)
    if draw.random() < 0.4:
        found["maxItems"] = draw.randrange(5)
    if draw.random() < 0.2:
        found["uniqueItems"] = True
    if depth > 0 and draw.random() < 0.3:
        found["contains"] = schema(draw, depth - 1)
        if draw.random() < 0.4:
            found["minContains"] = draw.randrange(3)
        if draw.random() < 0.4:
            found["maxContains"] = draw.randrange(3)
    return found


def _objects(draw: random.Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object"} if draw.random() < 0.8 else {}
    below = depth - 1
    names = draw.sample(NAMES, draw.randrange(4))
    if names:
        found["properties"] = {name: schema(draw, below) if depth > 0 else True for name in names}
    if draw.random() < 0.5:
        found["required"] = draw.sample(NAMES, draw.randrange(3))
    if draw.random() < 0.4:
        found["additionalProperties"] = draw.choice((False, True, {"type": "string"}))
    if depth > 0 and draw.random() < 0.25:
        found["patternProperties"] = {draw.choice(PATTERNS): schema(draw, below)}
    if draw.random() < 0.15:
        found["propertyNames"] = _texts(draw, 0)
    if draw.random() < 0.2:
        found["minProperties"] = draw.randrange(3)
    if draw.random() < 0.2:
        found["maxProperties"] = draw.randrange(4)
    if draw.random() < 0.15:
        found["dependentRequired"] = {draw.choice(NAMES): draw.sample(NAMES, 1)}
    if depth > 0 and draw.random() < 0.1:
        found["dependentSchemas"] = {draw.choice(NAMES): schema(draw, below)}
    if depth > 0 and draw.random() < 0.1:
        found["unevaluatedProperties"] = draw.choice((False, {"type": "integer"}))
    return found


def _listed(draw: random.Random, depth: int) -> dict[str, Any]:
    if draw.random() < 0.3:
        return {"const": value(draw, 1)}
    return {"enum": [value(draw, 1) for _ in range(draw.randrange(1, 5))]}


def _typed(draw: random.Random, depth: int) -> dict[str, Any]:
    return {"type": draw.sample(TYPES, draw.randrange(1, 4))}


def _several(word: str) -> Any:
    return lambda draw, depth: {word: [schema(draw, depth - 1) for _ in range(draw.randrange(1, 4))]}


def _choice(draw: random.Random, depth: int) -> dict[str, Any]:
    found = {"if": schema(draw, depth - 1)}
    for word in draw.sample(("then", "else"), draw.randrange(1, 3)):
        found[word] = schema(draw, depth - 1)
    return found


_MAKERS = (_numbers, _texts, _lists, _objects, _objects, _listed, _typed)
_COMBINED = (
    _several("allOf"),
    _several("anyOf"),
    _several("oneOf"),
    lambda draw, depth: {"not": schema(draw, depth - 1)},
    _choice,
    lambda draw, depth: {"$ref": draw.choice(("#/$defs/one", "#/$defs/two"))},
)
