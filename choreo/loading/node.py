"""What a YAML text holds, with the position of everything: the tree that the rest of `loading` reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct, field

from choreo.problem import Place, Problem

Kind = Literal["map", "list", "text", "int", "float", "bool", "null"]


class Node(Struct, eq=False):
    """One value. `value` is a dict of Nodes, a list of Nodes, or the scalar itself.

    `line` and `column` count from 1. `start` and `end` are offsets into the document's text, `written`
    is what a scalar looks like there before it is a number. Built once by `choreo.loading.yaml`, then left as it is.
    """

    kind: Kind
    value: Any
    line: int
    column: int
    start: int = 0
    end: int = 0
    style: str = ""
    written: str = ""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of a map: the (line, column) of each key."""
    size: int = 1
    height: int = 0
    refused: bool = False
    """There is a Problem with it already: that it is of the wrong type, too, need not be said."""

    def get(self, key: str) -> Node | None:
        """The value of a map's key, or None (also where this is no map)."""
        if self.kind != "map":
            return None
        found: Node | None = self.value.get(key)
        return found

    def entries(self) -> Iterator[tuple[str, Node]]:
        return iter(self.value.items() if self.kind == "map" else ())

    def items(self) -> list[Node]:
        found: list[Node] = self.value if self.kind == "list" else []
        return found


NO_KEYS: dict[str, tuple[int, int]] = {}
"""Shared by all nodes that are no maps (a dict for each would cost more than the scalar)."""


def plain(node: Node) -> Any:
    """The JSON value of a node."""
    if node.kind == "map":
        return {key: plain(part) for key, part in node.value.items()}
    if node.kind == "list":
        return [plain(part) for part in node.value]
    return node.value


class Places(Struct, frozen=True, eq=False):
    """Where JSON pointers below a node stand: of the key, or of the value. The nearest that exists."""

    path: str
    node: Node

    def __call__(self, pointer: str, at_key: bool) -> Place:
        node, spot = self.node, (self.node.line, self.node.column)
        for part in [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]:
            below = node.get(part)
            if below is None and node.kind == "list" and part.isdigit() and int(part) < len(node.value):
                below = node.value[int(part)]
            if below is None:
                break
            spot = node.keys[part] if at_key and node.kind == "map" else (below.line, below.column)
            node = below
        return Place(self.path, *spot)

    def __eq__(self, other: object) -> bool:
        """Two readings of one text have the same places."""
        return isinstance(other, Places) and self._extent == other._extent

    def __hash__(self) -> int:
        return hash(self._extent)

    @property
    def _extent(self) -> tuple[str, int, int]:
        return self.path, self.node.start, self.node.end


class Document(Struct, frozen=True):
    """A text that was read. `root` is None where the text is no YAML at all."""

    path: str
    text: str
    root: Node | None
    problems: tuple[Problem, ...]

    def place(self, node: Node) -> Place:
        return Place(self.path, node.line, node.column)

    def key(self, owner: Node, key: str) -> Place:
        """Where a key of a map stands (the map itself where the key is not there)."""
        line, column = owner.keys.get(key, (owner.line, owner.column))
        return Place(self.path, line, column)

    def places(self, node: Node) -> Places:
        return Places(self.path, node)
