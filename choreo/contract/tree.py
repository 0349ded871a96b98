"""A JSON Schema as a tree of schemas: where they stand, what refers to what, in which order they apply.

Only the places where draft 2020-12 puts a schema count: `$ref` inside `const`, `enum`, `default` or
`examples` is data. Pointers are JSON pointers; "" is the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

ONE = (
    *("additionalProperties", "items", "contains", "not", "if", "then", "else"),
    *("propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
IN_PLACE = frozenset(("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"))
"""Keywords whose schemas judge the same value as the schema they stand in."""


class Part(Struct, frozen=True):
    """A schema directly inside another one: the keyword it stands under, and its pointer."""

    keyword: str
    pointer: str


class Tree(Struct, frozen=True):
    """`schemas` by pointer in the order of the text, `parts` of each, `refs`: the target of each schema's
    `$ref` and `$dynamicRef` (None where it leads to no schema of this text), `anchors` by name.
    """

    schemas: Mapping[str, Any]
    parts: Mapping[str, tuple[Part, ...]]
    refs: Mapping[str, tuple[str | None, ...]]
    anchors: Mapping[str, str]

    def in_place(self, pointer: str) -> list[str]:
        """The schemas that judge the same value as the schema at `pointer`, itself apart."""
        inside = [part.pointer for part in self.parts[pointer] if part.keyword in IN_PLACE]
        return inside + [target for target in self.refs.get(pointer, ()) if target is not None]


def grow(schema: Any) -> Tree:
    """The tree of a schema."""
    schemas: dict[str, Any] = {}
    parts: dict[str, tuple[Part, ...]] = {}
    anchors: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", schema)]
    while waiting:
        pointer, here = waiting.pop()
        schemas[pointer] = here
        inside = list(_inside(here, pointer))
        parts[pointer] = tuple(part for part, _ in inside)
        waiting += [(part.pointer, child) for part, child in reversed(inside)]
        for key in ("$anchor", "$dynamicAnchor"):
            name = here.get(key) if isinstance(here, Mapping) else None
            if isinstance(name, str):
                anchors.setdefault(name, pointer)
    refs = {pointer: _targets(here, schemas, anchors) for pointer, here in schemas.items()}
    return Tree(schemas, parts, {pointer: targets for pointer, targets in refs.items() if targets}, anchors)


def _inside(schema: Any, pointer: str) -> Iterator[tuple[Part, Any]]:
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        if keyword in ONE:
            yield Part(keyword, f"{pointer}/{keyword}"), value
        elif keyword in SEVERAL and isinstance(value, list):
            for place, child in enumerate(value):
                yield Part(keyword, f"{pointer}/{keyword}/{place}"), child
        elif keyword in NAMED and isinstance(value, Mapping):
            for name, child in value.items():
                yield Part(keyword, f"{pointer}/{keyword}/{escaped(name)}"), child


def _targets(schema: Any, schemas: Mapping[str, Any], anchors: Mapping[str, str]) -> tuple[str | None, ...]:
    if not isinstance(schema, Mapping):
        return ()
    refs = [ref for key, ref in schema.items() if key in ("$ref", "$dynamicRef") and isinstance(ref, str)]
    return tuple(_target(ref, schemas, anchors) for ref in refs)


def _target(ref: str, schemas: Mapping[str, Any], anchors: Mapping[str, str]) -> str | None:
    if not ref.startswith("#"):
        return None
    fragment = ref[1:]
    if "%" in fragment:
        from urllib.parse import unquote

        fragment = unquote(fragment)
    if fragment and not fragment.startswith("/"):
        return anchors.get(fragment)
    return fragment if fragment in schemas else None


def escaped(name: str) -> str:
    """A name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def in_place_order(tree: Tree) -> tuple[list[str], str | None]:
    """All pointers, each after those that judge the same value for it; and a schema that leads back to itself,
    without ever going into the value, if there is one.
    """
    order: list[str] = []
    state: dict[str, bool] = {}  # False while its own are visited, True when done
    for start in tree.schemas:
        stack = [(start, False)]
        while stack:
            pointer, done = stack.pop()
            if done:
                state[pointer] = True
                order.append(pointer)
            elif pointer not in state:
                state[pointer] = False
                stack.append((pointer, True))
                for other in tree.in_place(pointer):
                    if state.get(other) is False:
                        return order, other
                    stack.append((other, False))
    return order, None
