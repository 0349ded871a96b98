"""`${env:NAME}`: only settings of models and services may use it. Its value is never read here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from choreo.loading.node import Document, Node
from choreo.loading.scalars import spots_of
from choreo.problem import Place, Problem, spot_at

_USE = re.compile(r"\$\{env:([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEARLY = re.compile(r"(?<!\$)\{\s*env:\w+\s*\}|\$\{(?!env:)[^{}]*\}?|(?<!\S)\$(?:env:\w+|[A-Z][A-Z0-9_]{2,})(?!\S)")
"""What is plainly meant as a variable and would go out as it stands."""
_MENTIONED = re.compile(rf"\$\{{env:|{_NEARLY.pattern}")
_WHOLE = frozenset({"api_key", "api_base", "url", "headers", "env"})
"""Settings in which a `$` with a brace means nothing else (in a command's words it may be the shell's)."""
_FORMS = (("http", "query"), ("http", "body"), ("mcp", "arguments"))
"""Built from the input, and recorded with it."""
_HELP = "read it in a model's or a service's settings; secrets do not belong into payloads, prompts or conditions"


def environment_problems(document: Document, root: Node) -> list[Problem]:
    """A Problem for each `${env:NAME}` that stands where none is read, is not well formed, or only looks like one."""
    if "$" not in document.text and "env:" not in document.text:
        return []
    return [problem for node, path in _texts(root, ()) for problem in _in_text(document, node, path)]


def prompt_problems(text: str, path: str) -> list[Problem]:
    """The same for the text of a prompt file, where none is ever read."""
    found = []
    for use in _USE.finditer(text):
        line = text.count("\n", 0, use.start()) + 1
        place = Place(path, line, use.start() - text.rfind("\n", 0, use.start()))
        found.append(Problem(place, "env-not-here", f"`{use.group()}` is not read in a prompt", _HELP))
    return found


def _in_text(document: Document, node: Node, path: tuple[str, ...]) -> Iterator[Problem]:
    allowed = _allowed(path)
    for use in _USE.finditer(node.value):
        place = Place(document.path, *spot_at(spots_of(document.text, node), use.start()))
        if not allowed:
            yield Problem(place, "env-not-here", f"`{use.group()}` is not read here", _HELP)
        elif not use.group(2) or not _NAME.fullmatch(use.group(1)):
            message = f"`{use.group()}` does not name an environment variable"
            yield Problem(place, "bad-env", message, "write `${env:NAME}`: letters, digits and `_`")
    if not allowed or not _WHOLE.intersection(path[2:]):
        return
    for use in _NEARLY.finditer(node.value):
        if use.start() or path[-1] != "url":  # an address that begins so is told to begin otherwise
            place = Place(document.path, *spot_at(spots_of(document.text, node), use.start()))
            message = f"`{use.group()}` is not how a variable is read: it would be sent as it stands"
            yield Problem(place, "bad-env", message, _meant(use.group()))


def _meant(written: str) -> str:
    name = written.strip("${} ").rpartition(":")[2].strip()
    glued = re.fullmatch(r"env[._-]?([A-Z_][A-Z0-9_]*)", name)
    name = glued[1] if glued else name
    return f"did you mean `${{env:{name}}}`?" if _NAME.fullmatch(name) else "write `${env:NAME}`"


def _texts(node: Node, path: tuple[str, ...]) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Every text that mentions a variable, or looks so, and the keys that lead to it."""
    if node.kind == "text":
        if _MENTIONED.search(node.value):
            yield node, path
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
