"""Parts of an expression and types, in words and in places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from choreo.expression import Call, Comprehension, Const, ListOf, MapOf, Node, Select
from choreo.lint.facts import path_of
from choreo.lint.types import Alt, Part, Type
from choreo.problem import Place

_KINDS = {
    "null": "null",
    "bool": "a boolean",
    "int": "a whole number",
    "double": "a decimal number",
    "number": "a number",
    "string": "a text",
    "list": "a list",
    "object": "an object",
}


def start(node: Node, text: str) -> int:
    """The offset at which a part of an expression begins."""
    match node:
        case Select(operand=operand, test_only=False):
            return start(operand, text)
        case Select(offset=offset) | Comprehension(offset=offset):
            called = re.search(r"\w+\s*$", text[:offset])
            before = start(node.over, text) if isinstance(node, Comprehension) else offset
            return min(before, called.start()) if called else before
        case Call(target=target) if target is not None:
            return start(target, text)
        case Call(function=function, args=(first, *_), offset=offset) if _is_infix(function):
            return min(start(first, text), offset)
        case Call(function=function, offset=offset) if function.isidentifier():
            called = re.search(r"\w+\s*$", text[:offset])
            return called.start() if called else offset
        case _:
            return node.offset


def _is_infix(function: str) -> bool:
    return (function.startswith("_") and function.endswith(("_", "]")) and len(function) > 2) or function == "@in"


def field_offset(text: str, node: Node) -> int:
    """Where the name of a field stands that is selected (a tree has the dot, or the bracket of `has`)."""
    if isinstance(node, Call):
        return node.args[-1].offset
    if not isinstance(node, Select):
        return node.offset
    found = re.compile(rf"\.\s*(?=`?{re.escape(node.field)}\b)").search(text, node.offset)
    return node.offset if found is None else found.end()


def named(node: Node) -> str:
    """What to call a part of an expression in a message."""
    path = path_of(node)
    if path is not None:
        return f"`{'.'.join(path)}`"
    match node:
        case Const(value=value):
            return shown(value)
        case ListOf() | MapOf():
            return "this " + ("list" if isinstance(node, ListOf) else "object")
        case Call(function="_[_]", args=(operand, Const(value=value))) if path_of(operand):
            return f"{named(operand)[:-1]}[{shown(value)}]`"
        case Call(function=function) if function.isidentifier():
            return f"`{function}(...)`"
        case Comprehension(macro=macro):
            return f"`{macro}(...)`"
        case _:
            return "this"


def shown(value: Any) -> str:
    """A value as an expression would write it."""
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{text}'"
    return json.dumps(value, ensure_ascii=False, default=str)


def listed(values: tuple[Any, ...], most: int = 10) -> str:
    return ", ".join(shown(value) for value in values[:most]) + (", ..." if len(values) > most else "")


def described(kind: Type) -> str:
    """The kinds of a type in words."""
    words = list(dict.fromkeys(_KINDS[alt.kind] for alt in kind.alts or ()))
    return " or ".join(words) if words else "nothing"


def written(kind: Type | Alt) -> Part | None:
    """The contract in which a type is written, where there is one."""
    return next((part for part in kind.parts if part.contract.name), None)


def is_absent(kind: Type | Alt) -> bool:
    """Whether null stands for a field that may be left out, and is not what the contract allows itself."""
    part = written(kind)
    nulls = kind.only("null").alts if isinstance(kind, Type) else None
    return part is not None and part.pointer != "" and bool(nulls) and not any(alt.parts for alt in nulls or ())


def null_origin(kind: Type) -> tuple[tuple[Place, str], ...]:
    """The line of a contract that lets a value be null: its type, or the declaration of a field that may be absent."""
    if is_absent(kind):
        return origin(kind, "(not required: an absent field reads as null)")
    return origin(kind.only("null"), "allows null", *KINDS)


ABSENT = "does not require it, and an absent field reads as null"
KINDS = ("type", "enum", "const", "properties", "items")
"""The keywords that say of what kind a value is, the plainest first."""
LISTED = ("enum", "const")


def origin(kind: Type | Alt | None, what: str = "", *keywords: str, field: str = "") -> tuple[tuple[Place, str], ...]:
    """The other end of a finding: the line of a contract in which one of the keywords of a type stands, the first
    that does; of the declaration of a `field`, where there is one. Without them the type itself.
    """
    parts = [] if kind is None else list(_parts(kind))
    for part in parts if field else ():
        properties = part.schema.get("properties")
        if isinstance(properties, Mapping) and field in properties:
            return _standing(part, f"/properties/{_escaped(field)}", what)
    for keyword in keywords:
        for part in parts:
            if keyword in part.schema:
                return _standing(part, f"/{keyword}", what)
    return _standing(parts[0], "", what) if parts else ()


def _parts(kind: Type | Alt) -> Iterator[Part]:
    """Every schema that a type was read from, through choices and references."""
    alts = (kind, *(kind.alts or ())) if isinstance(kind, Type) else (kind,)
    return (part for one in alts for part in one.parts if part.contract.name)  # type: ignore[attr-defined]


def _standing(part: Part, below: str, what: str) -> tuple[tuple[Place, str], ...]:
    pointer = part.pointer + below
    where = f" at {pointer}" if pointer else ""
    return ((part.contract.at(pointer), f"{contract_name(part)}{where}{f' {what}' if what else ''}"),)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def contract_name(part: Part) -> str:
    """`case@1.0.0`, or whose inline schema it is."""
    name = part.contract.name
    return f"the inline schema of `{name[1:-1]}`" if name.startswith("<") else part.contract.ref


def receiver(wanted: Type | Alt) -> str:
    """What to call the side that accepts."""
    part = written(wanted)
    return "the receiver" if part is None else contract_name(part) + (f" at {part.pointer}" if part.pointer else "")
