"""What to say where a value has the wrong type: the words, the YAML traps behind it, and what was probably meant."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from choreo.loading.node import NO_KEYS, Kind, Node
from choreo.spec import ANY_VERSION

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}
_YES = frozenset({"yes", "y", "on", "true", "1"})
_NO = frozenset({"no", "n", "off", "false", "0"})


def fits(node: Node, types: str | list[str]) -> bool:
    """Whether a node is of one of the JSON Schema types."""
    names = [types] if isinstance(types, str) else types
    return any(name in _TYPES_OF[node.kind] for name in names) or (
        node.kind == "float" and "integer" in names and node.value.is_integer()
    )


_TYPES_OF: dict[Kind, tuple[str, ...]] = {
    "map": ("object",),
    "list": ("array",),
    "text": ("string",),
    "int": ("integer", "number"),
    "float": ("number",),
    "bool": ("boolean",),
    "null": ("null",),
}


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the schema. Its `$` is the very end, as in JSON Schema: not the place before a last line end."""
    whole = pattern.endswith("$") and not pattern.endswith("\\$")
    return re.compile(pattern[:-1] + r"\Z" if whole else pattern)


def short(text: str, limit: int = 60) -> str:
    """A text as it stands in a message: one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def expected(schema: Mapping[str, Any]) -> str:
    """What a schema wants, in words."""
    if "title" in schema:
        return str(schema["title"])
    types = schema.get("type") or [branch.get("type", "object") for branch in schema.get("oneOf", [])]
    names = [types] if isinstance(types, str) else types
    words = [_TYPE_WORDS[name] for name in names]
    return " or ".join(words) if words else "something else"


def found(node: Node) -> str:
    """What a node is, in words."""
    if node.kind in ("map", "list"):
        return f"a {'mapping' if node.kind == 'map' else 'list'}"
    if node.kind == "null":
        return f"null (written `{node.written}`)" if node.written else "nothing"
    if node.kind == "text":
        return f"the text `{short(node.value)}`"
    if node.kind == "bool":
        return f"the boolean {node.written}"
    written = f" (written `{node.written}`)" if node.written != str(node.value) else ""
    return f"the number {node.value}{written}"


def type_help(node: Node, schema: Mapping[str, Any]) -> str:
    """What to do about a value of the wrong type."""
    types = schema.get("type", [])
    if schema.get("title") == "a choreo spec":
        return "a spec is a mapping that starts with `choreo: 1`; a key needs a blank behind its colon"
    if node.kind == "null":
        return "write a value, or leave the key out"
    if schema.get("title") == "a duration" and node.kind in ("int", "float"):
        return f"give the unit: `{node.written}s`, `{node.written}m` or `{node.written}h`"
    if schema.get("title") == "a version" and re.fullmatch(r"[0-9]+(\.[0-9]+)?", node.written):
        return f"a version has three numbers: `{'.'.join([*node.written.split('.'), '0', '0'][:3])}`"
    if "string" in types and node.kind in ("int", "float", "bool"):
        if compiled(schema.get("pattern", "")).search(node.written):
            return f'write it in quotes: "{node.written}"'
        return example(schema) or "write it in quotes"
    if "boolean" in types and node.kind == "text":
        meant = meant_boolean(node.value)
        said = "only `true` and `false` are booleans"
        return said if meant is None else f"{said}: write {str(meant).lower()}"
    if "boolean" in types:
        return "write true or false"
    if schema.get("title") == "a JSON Schema" and node.kind == "text":
        return "write the schema itself here; one in a file `schemas/<name>/<version>.json` is found by its name"
    if node.kind == "text" and (only := _only_key(schema)) is not None:
        return f"write `{{{only}: {short(node.value)}}}`"
    if types in ("integer", "number") and node.kind == "text":
        return "write a plain decimal number, without quotes, leading zeros or separators"
    return example(schema)


def _only_key(schema: Mapping[str, Any]) -> str | None:
    """The key of a map that needs no other and takes a text: somebody may have written just that text."""
    required = schema.get("required", ())
    if len(required) != 1 or schema["properties"][required[0]].get("type") != "string":
        return None
    return str(required[0])


def example(schema: Mapping[str, Any]) -> str:
    """`for example ...` from a schema's examples, or nothing."""
    examples = schema.get("examples") or [
        text for branch in schema.get("oneOf", []) for text in branch.get("examples", [])[:1]
    ]
    return f"for example `{_flow(examples[0])}`" if examples else ""


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(part) for part in value) + "]"
    return str(value)


def meant_boolean(text: str) -> bool | None:
    word = text.lower()
    return True if word in _YES else False if word in _NO else None


def recovered(node: Node, schema: Mapping[str, Any]) -> Node | None:
    """The value that was probably meant, so that one slip does not hide or cause other findings."""
    types = schema.get("type")
    if schema.get("title") in _REFERENCES:
        return _like(node, "text", _reference(node))
    if schema.get("title") == "a JSON Schema":  # the contract is there, whatever was meant to be in it
        return Node("map", {}, node.line, node.column, node.start, node.end)
    if types == "string" and node.kind in ("int", "float", "bool"):
        fine = compiled(schema.get("pattern", "")).search(node.written) and "enum" not in schema
        return _like(node, "text", node.written) if fine else None
    if types == "boolean" and node.kind == "text":
        meant = meant_boolean(node.value)
        return None if meant is None else _like(node, "bool", meant)
    if types == "integer" and node.kind not in ("map", "list"):
        digits = node.kind == "text" and re.fullmatch(r"[0-9]{1,9}", node.value)
        least = schema.get("minimum", 1)
        return _like(node, "int", max(least, int(node.value)) if digits else least)
    return None


_REFERENCES = ("an exact contract version", "a contract with a version or range", "a contract")
_RANGE = re.compile(r"[a-z][a-z0-9_-]*@[~^]?[0-9]{1,9}(\.[0-9]{1,9}){0,2}")


def _reference(node: Node) -> str:
    """A contract, as far as it can be read: with a range where one version belongs, or with no version at all."""
    written = node.value.strip() if node.kind == "text" else ""
    return written if _RANGE.fullmatch(written) else f"{written.partition('@')[0]}@{ANY_VERSION}"


def _like(node: Node, kind: Kind, value: Any) -> Node:
    return Node(kind, value, node.line, node.column, node.start, node.end, node.style, node.written, NO_KEYS)
