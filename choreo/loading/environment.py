"""`${env:NAME}`: only settings of models and services may use it. Its value is never read here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from choreo.loading.node import Document, Node
from choreo.loading.scalars import spots_of
from choreo.problem import Place, Problem, spot_at

_USE = re.compile(r"\$\{env:([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMS = (("http", "query"), ("http", "body"), ("mcp", "arguments"))
"""Built from the input, and recorded with it."""
_HELP = "read it in a model's or a service's settings; secrets do not belong into payloads, prompts or conditions"


def environment_problems(document: Document, root: Node) -> list[Problem]:
    """A Problem for each `${env:NAME}` that stands where none is read, or that is not well formed."""
    if "${env:" not in document.text:
        return []
    return [problem for node, allowed in _texts(root, ()) for problem in _in_text(document, node, allowed)]


def prompt_problems(text: str, path: str) -> list[Problem]:
    """The same for the text of a prompt file, where none is ever read."""
    found = []
    for use in _USE.finditer(text):
        line = text.count("\n", 0, use.start()) + 1
        place = Place(path, line, use.start() - text.rfind("\n", 0, use.start()))
        found.append(Problem(place, "env-not-here", f"`{use.group()}` is not read in a prompt", _HELP))
    return found


def _in_text(document: Document, node: Node, allowed: bool) -> Iterator[Problem]:
    for use in _USE.finditer(node.value):
        place = Place(document.path, *spot_at(spots_of(document.text, node), use.start()))
        if not allowed:
            yield Problem(place, "env-not-here", f"`{use.group()}` is not read here", _HELP)
        elif not use.group(2) or not _NAME.fullmatch(use.group(1)):
            message = f"`{use.group()}` does not name an environment variable"
            yield Problem(place, "bad-env", message, "write `${env:NAME}`: letters, digits and `_`")


def _texts(node: Node, path: tuple[str, ...]) -> Iterator[tuple[Node, bool]]:
    """Every text that mentions `${env:`, and whether it may."""
    if node.kind == "text":
        if "${env:" in node.value:
            yield node, _allowed(path)
    elif node.kind == "map":
        for key, part in node.entries():
            yield from _texts(part, (*path, key))
    elif node.kind == "list":
        for part in node.items():
            yield from _texts(part, (*path, "*"))


def _allowed(path: tuple[str, ...]) -> bool:
    if path[0] == "models":
        return True
    inside = path[2:] if path[2:3] == ("service",) else path[4:] if path[2:3] == ("tools",) else ()
    return path[0] == "roles" and inside[:1] == ("service",) and inside[1:3] not in _FORMS
