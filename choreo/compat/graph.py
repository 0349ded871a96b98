"""The schemas of a comparison, numbered: equal ones are one, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from choreo.compat.checks import Check
from choreo.compat.document import Document, child
from choreo.compat.formula import FALSE, TRUE, Formula
from choreo.compat.values import key

_IN_PLACE = ("allOf", "anyOf", "oneOf")
_IN_PLACE_ONE = ("not", "if", "then", "else")
_OPPOSING = ("not", "if", "oneOf", "unevaluatedProperties", "unevaluatedItems")


class Either(tuple[int, ...]):
    """The numbers of schemas, of which one is enough: no text has it, it follows from several."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A schema: where it stands, or the one value that it accepts, or an `Either` (`document` is None for these)."""

    document: Document | None
    pointer: str
    schema: Any

    @property
    def draft(self) -> int:
        return self.document.draft if self.document else 20


class Graph:
    """Numbers for schemas."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[Any, int] = {}
        self._at: dict[tuple[int, str], int] = {}
        self._reached: dict[int, frozenset[int]] = {}

    def add(self, document: Document, pointer: str = "") -> int:
        """The number of the schema at a pointer. Raises KeyError where there is none."""
        place = (id(document), pointer)
        known = self._at.get(place)
        if known is None:
            essence = document.essence(pointer)
            if essence not in self._numbers:
                self._numbers[essence] = len(self.nodes)
                self.nodes.append(Node(document, pointer, document.at(pointer)))
            known = self._at[place] = self._numbers[essence]
        return known

    def constant(self, value: Any) -> int:
        """The number of the schema that accepts this one value."""
        name = ("constant", key(value))
        if name not in self._numbers:
            self._numbers[name] = len(self.nodes)
            self.nodes.append(Node(None, "", {"const": value}))
        return self._numbers[name]

    def either(self, numbers: Iterable[int]) -> int:
        """The number of the schema that accepts what one of these accepts."""
        found = Either(dict.fromkeys(numbers))
        if len(found) == 1:
            return found[0]
        if found not in self._numbers:
            self._numbers[found] = len(self.nodes)
            self.nodes.append(Node(None, "", found))
        return self._numbers[found]

    def below(self, number: int, *keys: str | int) -> int:
        """The number of a schema inside another one."""
        node = self.nodes[number]
        if node.document is None:
            raise KeyError(keys)
        return self.add(node.document, child(node.pointer, *keys))

    def lit(self, number: int, wanted: bool = True) -> Formula:
        """The demand that a schema holds, or does not."""
        schema = self.nodes[number].schema
        if isinstance(schema, bool):
            return TRUE if schema == wanted else FALSE
        return ("lit", number, wanted)

    def holds(self, number: int, value: Any) -> bool | None:
        """The validator's verdict on a value under a schema; None where it has none."""
        node = self.nodes[number]
        if isinstance(node.schema, Either):
            verdicts = [self.holds(part, value) for part in node.schema]
            return True if True in verdicts else None if None in verdicts else False
        if node.document is None:
            return bool(key(node.schema["const"]) == key(value))
        return node.document.is_valid(value, node.pointer)

    def name(self, number: int, *keys: str | int) -> str:
        """Where a part of a schema stands, for people."""
        return child(self.nodes[number].pointer, *keys)

    def checks(self, number: int) -> list[Check]:
        """What a reader of a schema checks in a text beside its length and its pattern."""
        node = self.nodes[number]
        return node.document.checks(node.schema) if node.document is not None else []

    # -- schemas that lead back to themselves --------------------------------------------------------

    def is_loop(self, number: int) -> bool:
        """Whether a schema judges a value by itself again without going into the value."""
        if number not in self._reached:
            self._reached[number] = self._all_in_place(number)
        return number in self._reached[number]

    def is_paradox(self, number: int) -> bool:
        """Whether such a schema may say the opposite of itself: then its own text does not tell what it means."""
        if not self.is_loop(number):
            return False
        schemas = (self.nodes[other].schema for other in self._reached[number])
        return any(word in schema for schema in schemas if isinstance(schema, Mapping) for word in _OPPOSING)

    def _all_in_place(self, number: int) -> frozenset[int]:
        seen: set[int] = set()
        waiting = self._in_place(number)
        while waiting:
            other = waiting.pop()
            if other not in seen:
                seen.add(other)
                waiting += self._in_place(other)
        return frozenset(seen)

    def _in_place(self, number: int) -> list[int]:
        node = self.nodes[number]
        schema = node.schema
        if isinstance(schema, Either):
            return list(schema)
        if not isinstance(schema, Mapping) or node.document is None:
            return []
        ones = _IN_PLACE_ONE if node.draft >= 7 else ("not",)
        found = [self.below(number, word) for word in ones if word in schema]
        found += [self.below(number, word, place) for word in _IN_PLACE for place in range(len(schema.get(word, ())))]
        for word in ("dependentSchemas", "dependencies"):
            parts = schema.get(word, {}) if word == "dependencies" or node.draft >= 19 else {}
            found += [self.below(number, word, name) for name, part in parts.items() if not isinstance(part, list)]
        targets = [self.target(number, word) for word in ("$ref", "$dynamicRef", "$recursiveRef") if word in schema]
        return found + [target for target in targets if target is not None]

    def target(self, number: int, keyword: str) -> int | None:
        """The schema a reference leads to; None where that cannot be told."""
        node = self.nodes[number]
        ref = node.schema[keyword]
        if node.document is None or not isinstance(ref, str):
            return None
        if keyword != "$ref" and not node.document.is_one_resource:
            return None
        pointer = node.document.target(ref, node.pointer)
        if pointer is None or not isinstance(node.document.at(pointer), Mapping | bool):
            return None
        return self.add(node.document, pointer)
