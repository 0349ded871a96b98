"""What the language has and this version does not play yet. To play a thing, delete its line."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.loading.node import Document, Node
from choreo.problem import Place, Problem

UNPLAYED: tuple[tuple[str, str], ...] = (
    # path from the top (`*` is any key or item), what it is
    ("roles/*/service/mcp", "an MCP service"),
    ("roles/*/tools/*/service/mcp", "an MCP service"),
)


def unplayed_problems(document: Document, root: Node) -> list[Problem]:
    """A Problem at each key whose meaning this version cannot play. A `false` is no use of a key."""
    found = []
    for path, what in UNPLAYED:
        for place, node in _at(document, root, tuple(path.split("/"))):
            if node.value is not False:
                message = f"{what} is part of the language, but this version does not play it yet"
                found.append(Problem(place, "not-supported-yet", message, "leave it out for now"))
    return found


def _at(document: Document, node: Node, path: tuple[str, ...]) -> Iterator[tuple[Place, Node]]:
    """The nodes at a path, each with the place of its key."""
    first, rest = path[0], path[1:]
    if first == "*":
        parts = node.items() if node.kind == "list" else [part for _, part in node.entries()]
        for part in parts:
            yield from _at(document, part, rest)
        return
    below = node.get(first)
    if below is None:
        return
    if rest:
        yield from _at(document, below, rest)
    else:
        yield document.key(node, first), below
