"""Which names a role or a touchpoint cannot have, and why."""

from __future__ import annotations

import re

_SHAPE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_WORDS = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("package", "namespace", "null", "return", "true", "var", "void", "while"),
    )
)
TYPES = frozenset(("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"))
"""Names that stand for a type in an expression (`type(x) == int`): never asked of a scope."""
_TYPE_LIKE = TYPES | {"duration", "dyn", "timestamp"}
_MEANINGS = {
    "trigger": "the run's payload",
    "out": "the source's output",
    "visits": "the number of visits of each role",
    "confidence": "the confidence of each role",
    "item": "the element of a lane",
    "index": "the place of a lane",
    "failures": "the failures of lanes",
    "input": "what a role received",
    "previous": "a role's own last output",
    "feedback": "what is said to a role that revises",
    "payload": "the payload that waits at a touchpoint",
    "run": "the run itself",
    "end": "the end of the run",
}


def reserved_name(name: str) -> str | None:
    """Why `name` cannot name a role or a touchpoint, with a name that can; None when it can."""
    if _SHAPE.fullmatch(name) is None:
        return (
            f"`{name}` is not a name: use lower-case letters, digits and `_`, a letter first, such as `{_shaped(name)}`"
        )
    if name in _WORDS:
        return f"`{name}` is a reserved word in expressions: call it `{name}_role`"
    if name in _TYPE_LIKE:
        return f"`{name}` is the name of a type in expressions: call it `{name}_role`"
    if name in _MEANINGS:
        return f"`{name}` means {_MEANINGS[name]} in expressions: call it `{name}_role`"
    return None


def _shaped(name: str) -> str:
    shaped = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    if not shaped[:1].isalpha():
        shaped = f"role_{shaped}".rstrip("_")
    return shaped if reserved_name(shaped) is None else f"{shaped}_role"
