"""How much work a check can be, told beforehand from the contract and the size of the payload.

A contract has a `width`: the most schemas that can come to judge one and the same value of a payload,
at any depth, every `$ref` followed. Width times the number of values bounds the work; patterns and
their text are counted apart. What is bounded is checked in place, in linear time, a quarter of a
second at the very most; the rest belongs behind a deadline (`choreo.verify`).
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from choreo.canonical import MAX_DEPTH, Payload
from choreo.contract.noun import Contract
from choreo.contract.tree import Tree, grow, in_place_order

MAX_PAIRS = 20_000
"""Judgements of one value by one schema that may be made in place (10 us each where each is a violation)."""
MAX_TEXT = 1_000_000_000
"""Pattern weight times bytes of text (0.1 ns each)."""
BOUNDLESS = 10**12

_OBJECT_PARTS = ("properties", "additionalProperties", "unevaluatedProperties")
_ARRAY_PARTS = ("prefixItems", "items", "unevaluatedItems")
_REPEATED = re.compile(r"\{(\d*),?(\d*)\}")
_BACKTRACKING = re.compile(r"\(\?<?[=!]|\(\?>|\\[1-9]|\\k")
_BACKTRACK_WEIGHT = 300_000


class Load(Struct, frozen=True):
    """`width` and the weight of the heaviest pattern of a contract."""

    width: int
    pattern: int


_loads: dict[str, Load] = {}


def is_bounded(contract: Contract, payload: Payload) -> bool:
    """Whether a check of this payload is quick for certain. The same every time."""
    load = load_of(contract)
    size = len(payload.data)
    if size * load.width * load.pattern > MAX_TEXT:
        return False
    return size * load.width <= MAX_PAIRS or pairs(contract, payload) <= MAX_PAIRS


def pairs(contract: Contract, payload: Payload) -> int:
    """At most so many judgements of one value by one schema."""
    data = payload.data
    values = 1 + data.count(b",") + data.count(b"[") + data.count(b"{")
    return values * load_of(contract).width


def load_of(contract: Contract) -> Load:
    """The load of a contract, computed once per digest."""
    found = _loads.get(contract.digest)
    if found is None:
        if len(_loads) > 10_000:
            _loads.clear()
        found = _loads[contract.digest] = load_of_schema(grow(contract.schema))
    return found


def load_of_schema(tree: Tree) -> Load:
    """The load of a schema."""
    order, loop = in_place_order(tree)
    return Load(BOUNDLESS if loop is not None else _width(tree, order), _heaviest(tree))


def _width(tree: Tree, order: list[str]) -> int:
    """The most judgements of one value, over all depths.

    `here[p]` is the number of judgements that a schema at `p` causes on one value `depth` levels below
    the value it judges itself: those of the schemas it applies in place, and those of its parts one level less.
    """
    levels = min(MAX_DEPTH + 1, max(8, 500_000 // len(order)))
    places = {pointer: tree.in_place(pointer) for pointer in order}
    own = {pointer: _own(tree.schemas[pointer]) for pointer in order}
    above: dict[str, int] = {}
    widest = 0
    for depth in range(levels):
        here: dict[str, int] = {}
        for pointer in order:
            count = own[pointer] if depth == 0 else _below(tree, pointer, above)
            count += sum(here[other] for other in places[pointer])
            here[pointer] = min(count * _repeats(tree.schemas[pointer]), BOUNDLESS)
        widest = max(widest, here[""])
        if widest >= BOUNDLESS or here == above or not any(here.values()):
            return widest
        above = here
    return widest if levels > MAX_DEPTH else BOUNDLESS


def _own(schema: Any) -> int:
    """One, and more for long lists that are gone through: some thirty entries cost as much as one judgement."""
    if not isinstance(schema, dict):
        return 1
    lists = (schema.get(key) for key in ("required", "enum", "properties", "dependentRequired"))
    return 1 + sum(len(value) for value in lists if isinstance(value, list | dict)) // 30


def _repeats(schema: Any) -> int:
    """`unevaluated...` judges all that stands beside it once more."""
    if isinstance(schema, dict) and ("unevaluatedProperties" in schema or "unevaluatedItems" in schema):
        return 2
    return 1


def _below(tree: Tree, pointer: str, above: dict[str, int]) -> int:
    """Judgements among the values one level below: one property at a time, but every pattern that fits it."""
    sums = {"object": 0, "array": 0}
    most = {"object": 0, "array": 0}
    for part in tree.parts[pointer]:
        count = above[part.pointer]
        if part.keyword in _OBJECT_PARTS:
            most["object"] = max(most["object"], count)
        elif part.keyword in _ARRAY_PARTS:
            most["array"] = max(most["array"], count)
        elif part.keyword in ("patternProperties", "propertyNames"):
            sums["object"] += count
        elif part.keyword == "contains":
            sums["array"] += count
    return max(sums[kind] + most[kind] for kind in sums)


def _heaviest(tree: Tree) -> int:
    heaviest = 0
    for schema in tree.schemas.values():
        if isinstance(schema, dict):
            patterns = [schema.get("pattern"), *_keys(schema.get("patternProperties"))]
            heaviest = max(heaviest, *(pattern_weight(p) for p in patterns if isinstance(p, str)), 0)
    return heaviest


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def pattern_weight(pattern: str) -> int:
    """Work per byte of text: the size of the pattern with its counted repetitions written out."""
    if needs_backtracking(pattern):
        return _BACKTRACK_WEIGHT
    weight = max(len(pattern), 1)
    for least, most in _REPEATED.findall(pattern):
        weight = min(weight * max(int(least[:6] or 1), int(most[:6] or 1), 1), BOUNDLESS)
    return weight


def needs_backtracking(pattern: str) -> bool:
    """Whether a pattern looks around or back, which no linear matcher can do."""
    return _BACKTRACKING.search(pattern) is not None
