"""Small schemas of one kind each, and all values of a small universe of that kind: what holds there is known."""

from __future__ import annotations

import copy
import random
from itertools import combinations, product
from typing import Any

CHARS = "abAé1_ \nK-٣"
TEXTS: list[Any] = ["", *map("".join, product(CHARS, repeat=1)), *map("".join, product(CHARS, repeat=2))]
TEXTS += [*map("".join, product("ab1", repeat=3)), *map("".join, product("ab1", repeat=4)), "a b", "aab b", "xxxxx"]
NUMBERS: list[Any] = [*(part / 4 for part in range(-24, 41)), *(0.1 * part for part in range(-3, 20))]
NUMBERS += [0.3, 1e10, 1e20, -1e20, 2**53, 2**53 + 1, 1e308, 5e-324, 0.01, 4.35, 9.99, 100, 12345.678]
SCALARS: list[Any] = [None, True, False, 0, 1, 2, -1, 0.5, "", "a", "b", "ab"]
LISTS: list[Any] = [[], *([value] for value in SCALARS), [[1], [1]], [{}, {}], [{"a": 1}], [1, 1, 2, 2, "a"]]
LISTS += [*map(list, product([None, True, 1, 2, 0.5, "a", "b"], repeat=2)), *map(list, product([1, 2, "a"], repeat=3))]
LISTS += [*map(list, product([1, "a"], repeat=4)), [True, False, None, 1, 2, 3]]
NAMES = ["a", "b", "ab", "x1", "é"]
OBJECTS: list[Any] = [{}, *({name: value} for name in NAMES for value in (*SCALARS, [1], {"a": 1}))]
OBJECTS += [{one: 1, two: value} for one, two in combinations(NAMES, 2) for value in (1, "a", None)]
OBJECTS += [{one: "a", two: value} for one, two in combinations(NAMES, 2) for value in (1, "a", None)]
OBJECTS += [dict(zip(names, "aaa", strict=True)) for names in combinations(NAMES, 3)]
OBJECTS += [dict.fromkeys(NAMES[:4], 1), dict.fromkeys(NAMES, "a"), dict.fromkeys(NAMES, 1)]

_ATOMS = (
    "a",
    "b",
    ".",
    r"\d",
    r"\w",
    r"\s",
    r"\S",
    r"\W",
    "[a-c]",
    "[^a]",
    "[A-Z]",
    "1",
    "-",
    "_",
    "(?i:k)",
    r"\b",
    " ",
    "é",
)


def pattern(draw: random.Random, depth: int = 1) -> str:
    found = ""
    for _ in range(draw.randrange(1, 4)):
        part = draw.choice(_ATOMS)
        if depth and draw.random() < 0.25:
            part = f"({pattern(draw, 0).strip('^$')}|{draw.choice(_ATOMS)})"
        found += part + (draw.choice("*+?") if draw.random() < 0.25 and part != r"\b" else "")
    if draw.random() < 0.1:
        found = draw.choice(("(?=.*[ab])", "(?!a)", "(?!.*b)", "(?i)")) + found
    return draw.choice(("", "^", "^")) + found + draw.choice(("", "$", "$"))


def _maybe(draw: random.Random, chances: dict[str, tuple[float, Any]]) -> dict[str, Any]:
    """Each keyword with its chance; a value that can be called is made."""
    picked = {word: value for word, (chance, value) in chances.items() if draw.random() < chance}
    return {word: value() if callable(value) else value for word, value in picked.items()}


def text(draw: random.Random) -> dict[str, Any]:
    lengths = {"minLength": (0.4, lambda: draw.randrange(4)), "maxLength": (0.4, lambda: draw.randrange(5))}
    return _maybe(draw, {"type": (0.9, "string"), **lengths, "pattern": (0.75, lambda: pattern(draw))})


def number(draw: random.Random) -> dict[str, Any]:
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    found = {word: (0.3, lambda: draw.choice([-1, 0, 1, 2, 0.5, 2.5, 0.1, 4, 10])) for word in bounds}
    step = {"multipleOf": (0.5, lambda: draw.choice([1, 2, 3, 0.5, 0.1, 0.25, 1.5, 0.01, 0.3]))}
    return {"type": draw.choice(["number", "integer"]), **_maybe(draw, {**found, **step})}


def scalar(draw: random.Random) -> Any:
    fixed = ({"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": ["null", "string"]}, True, False)
    more = ({"const": draw.choice(SCALARS)}, {"enum": draw.sample(SCALARS, 2)}, {"minimum": 1}, {"maxLength": 1})
    return draw.choice((*fixed, *more, {"not": {"const": draw.choice(SCALARS)}}))


def items(draw: random.Random) -> dict[str, Any]:
    found = {
        "items": (0.4, lambda: scalar(draw)),
        "prefixItems": (0.35, lambda: [scalar(draw) for _ in range(draw.randrange(1, 3))]),
        "minItems": (0.3, lambda: draw.randrange(4)),
        "maxItems": (0.3, lambda: draw.randrange(5)),
        "uniqueItems": (0.25, True),
        "contains": (0.35, lambda: scalar(draw)),
        "minContains": (0.2, lambda: draw.randrange(3)),
        "maxContains": (0.2, lambda: draw.randrange(3)),
        "unevaluatedItems": (0.12, lambda: draw.choice([False, {"type": "string"}])),
    }
    return _maybe(draw, {"type": (0.9, "array"), **found})


def fields(draw: random.Random) -> dict[str, Any]:
    patterns = ["^a", "b", r"^x\d$", "^.$", r"\w", "é", "^(?!a)", r"^\w+$", "^[^a]*$"]
    names = [
        {"maxLength": 1},
        {"enum": ["a", "b"]},
        {"pattern": "^[a-z]+$"},
        {"not": {"const": "a"}},
        {"pattern": r"\w"},
    ]
    depend = ({"properties": {"b": scalar(draw)}}, {"required": ["b"]}, {"maxProperties": 1}, False)
    found = {
        "properties": (0.6, lambda: {name: scalar(draw) for name in draw.sample(NAMES, draw.randrange(1, 4))}),
        "required": (0.45, lambda: draw.sample(NAMES, draw.randrange(1, 3))),
        "additionalProperties": (0.4, lambda: draw.choice([False, scalar(draw)])),
        "patternProperties": (0.25, lambda: {draw.choice(patterns): scalar(draw)}),
        "propertyNames": (0.15, lambda: draw.choice(names)),
        "minProperties": (0.2, lambda: draw.randrange(4)),
        "maxProperties": (0.2, lambda: draw.randrange(4)),
        "dependentRequired": (0.2, lambda: {draw.choice(NAMES): draw.sample(NAMES, 1)}),
        "dependentSchemas": (0.12, lambda: {draw.choice(NAMES): draw.choice(depend)}),
        "unevaluatedProperties": (0.12, lambda: draw.choice([False, {"type": "string"}])),
    }
    return _maybe(draw, {"type": (0.9, "object"), **found})


KINDS = {"texts": (text, TEXTS), "numbers": (number, NUMBERS), "lists": (items, LISTS), "objects": (fields, OBJECTS)}


def combined(draw: random.Random, kind: str) -> Any:
    """A schema of a kind, or several of them combined."""
    make = KINDS[kind][0]
    one, two = make(draw), make(draw)
    forms = ({"anyOf": [one, two]}, {"oneOf": [one, two]}, {"allOf": [one, two]}, {**one, "not": two}, {"not": one})
    return one if draw.random() < 0.55 else draw.choice((*forms, {"if": one, "then": two, "else": make(draw)}))


def tweaked(draw: random.Random, schema: Any) -> Any:
    """The schema with one value in it changed or taken out."""
    found = copy.deepcopy(schema)
    places = list(_places(found))
    if places:
        owner, word = draw.choice(places)
        value = owner[word]
        if isinstance(value, bool):
            owner[word] = not value
        elif isinstance(value, int | float):
            owner[word] = max(1, value + draw.choice([-1, 1]))
        elif isinstance(value, list) and len(value) > 1:
            owner[word] = value[:-1]
        else:
            del owner[word]
    return found


def _places(part: Any) -> Any:
    if isinstance(part, dict):
        for word, value in part.items():
            yield part, word
            yield from _places(value)
    elif isinstance(part, list):
        for value in part:
            yield from _places(value)
