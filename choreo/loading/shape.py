"""The shape of a spec: a small interpreter of `choreo/schema/spec.v1.json` over positioned nodes.

It knows just the JSON Schema keywords which that file uses, and says in words what another
validator would say in pointers. What is invalid is left out of the value it returns (or replaced by
what was probably meant), so that the checks after it still see the rest.
"""

from __future__ import annotations

import functools
import json
import os
import unicodedata
from collections.abc import Mapping
from typing import Any

from choreo.loading.names import name_problem
from choreo.loading.node import Document, Node
from choreo.loading.traps import compiled, example, expected, fits, found, recovered, short, type_help
from choreo.problem import Place, Problem, closest, suggestion

Schema = Mapping[str, Any]
_SCHEMA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "schema", "spec.v1.json")


@functools.cache
def spec_schema() -> dict[str, Any]:
    """The JSON Schema of the spec language. Callers must not change it."""
    schema: dict[str, Any] = json.loads(schema_text())
    return schema


def schema_text() -> str:
    """The same, as it stands in the package."""
    with open(_SCHEMA, encoding="utf-8") as file:
        return file.read()


def check_shape(document: Document, schema: Schema | None = None) -> tuple[Node | None, list[Problem]]:
    """The document's root with invalid parts left out, and what was wrong with them."""
    if document.root is None:
        return None, []
    shape = _Shape(document, schema or spec_schema())
    top = shape.visit(document.root, shape.schema, Place(document.path), "the file")
    return top, shape.problems


class _Shape:
    def __init__(self, document: Document, schema: Schema) -> None:
        self.document = document
        self.schema = schema
        self.problems: list[Problem] = []
        self._resolved: dict[int, Schema] = {}

    def visit(self, node: Node, schema: Schema, owner: Place, label: str) -> Node | None:
        """`owner` is where the thing is named (its key), `label` what to call it in a message."""
        schema = self._branch(node, self._resolve(schema))
        types = schema.get("type")
        if types is not None and not fits(node, types):
            return self._wrong_type(node, schema, label)
        if node.kind == "map":
            return self._map(node, schema, owner)
        if node.kind == "list":
            return self._list(node, schema, label)
        return self._scalar(node, schema, label)

    def _resolve(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        known = self._resolved.get(id(schema))
        if known is None:
            target = self.schema["$defs"][schema["$ref"].removeprefix("#/$defs/")]
            known = {**self._resolve(target), **{key: part for key, part in schema.items() if key != "$ref"}}
            self._resolved[id(schema)] = known
        return known

    def _branch(self, node: Node, schema: Schema) -> Schema:
        """The branch of a `oneOf` over types that a node belongs to; the schema itself where there is none."""
        if "oneOf" not in schema or "type" in schema:
            return schema
        branches = [self._resolve(branch) for branch in schema["oneOf"]]
        for branch in branches:
            if fits(node, branch["type"]):
                return branch
        types = [branch["type"] for branch in branches]
        return {"type": types, "title": expected(schema), "examples": schema.get("examples", [])}

    def _report(self, place: Place, code: str, message: str, help: str, *also: tuple[Place, str]) -> None:
        self.problems.append(Problem(place, code, message, help, also=also))

    # -- scalars ---------------------------------------------------------------------------------

    def _wrong_type(self, node: Node, schema: Schema, label: str) -> Node | None:
        if node.refused:
            return recovered(node, schema)
        message = f"{label} must be {expected(schema)}, found {found(node)}"
        self._report(self.document.place(node), "wrong-type", message, type_help(node, schema))
        return recovered(node, schema)

    def _scalar(self, node: Node, schema: Schema, label: str) -> Node | None:
        value = node.value
        if "enum" in schema and value not in schema["enum"]:
            near = closest(value, schema["enum"])
            help = suggestion(value, schema["enum"], expected(schema))
            self._report(self.document.place(node), "bad-value", f"`{short(value)}` is not {expected(schema)}", help)
            return None if near is None else Node("text", near, node.line, node.column, node.start, node.end)
        if "const" in schema and value != schema["const"]:
            wanted = f"write `{schema['const']}`"
            self._report(
                self.document.place(node), "bad-value", f"{label} is `{value}`, which is not known here", wanted
            )
            return None
        if node.kind == "text":
            return self._text(node, schema, label)
        if node.kind == "float" and schema.get("type") == "integer":
            node = Node("int", int(value), node.line, node.column, node.start, node.end, node.style, node.written)
        return self._number(node, schema, label)

    def _text(self, node: Node, schema: Schema, label: str) -> Node | None:
        pattern = schema.get("pattern")
        if pattern is None or compiled(pattern).search(node.value):
            return node
        what = f"`{short(node.value)}` is not {expected(schema)}" if node.value.strip() else f"{label} is empty"
        self._report(self.document.place(node), "bad-value", what, example(schema) or "write a value")
        return recovered(node, schema)

    def _number(self, node: Node, schema: Schema, label: str) -> Node | None:
        if node.kind not in ("int", "float"):
            return node
        wrong = ""
        if "minimum" in schema and node.value < schema["minimum"]:
            wrong = f"at least {schema['minimum']}"
        elif "exclusiveMinimum" in schema and node.value <= schema["exclusiveMinimum"]:
            wrong = f"more than {schema['exclusiveMinimum']}"
        elif "maximum" in schema and node.value > schema["maximum"]:
            wrong = f"at most {schema['maximum']}"
        if not wrong:
            return node
        self._report(self.document.place(node), "bad-value", f"{label} is {node.value}", f"it must be {wrong}")
        return recovered(node, schema)

    # -- lists -----------------------------------------------------------------------------------

    def _list(self, node: Node, schema: Schema, label: str) -> Node | None:
        items: list[Node] = node.value
        if len(items) < schema.get("minItems", 0):
            self._report(self.document.place(node), "bad-value", f"{label} is empty", "write at least one")
            return None
        if "items" not in schema:
            return node
        if schema.get("uniqueItems"):
            items = self._unique(items)
        kept = [self.visit(item, schema["items"], self.document.place(item), "this") for item in items]
        if all(new is old for new, old in zip(kept, node.value, strict=False)) and len(kept) == len(node.value):
            return node
        return Node("list", [item for item in kept if item is not None], node.line, node.column, node.start, node.end)

    def _unique(self, items: list[Node]) -> list[Node]:
        seen: dict[Any, Node] = {}
        for item in items:
            first = seen.setdefault(item.value, item) if item.kind == "text" else seen.setdefault(id(item), item)
            if first is not item:
                also = (self.document.place(first), "the first one")
                message = f"`{short(item.value)}` stands twice in this list"
                self._report(self.document.place(item), "duplicate-item", message, "keep one of the two", also)
        return list(seen.values())

    # -- maps ------------------------------------------------------------------------------------

    def _map(self, node: Node, schema: Schema, owner: Place) -> Node:
        known, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
        if "propertyNames" in schema:
            self._names(node, self._resolve(schema["propertyNames"]))
        kept: dict[str, Node] = {}
        unknown: list[str] = []
        for key, part in node.entries():
            below = known.get(key, extra)
            if below is False:
                unknown.append(key)
                continue
            new = part if below is True else self.visit(part, below, self.document.key(node, key), f"`{key}`")
            if new is not None:
                kept[key] = new
        keys = self._recover(node, schema, unknown, kept) if unknown else node.keys
        self._together(node, schema, keys, owner)
        if len(kept) == len(node.value) and all(kept.get(key) is part for key, part in node.entries()):
            return node
        return Node("map", kept, node.line, node.column, node.start, node.end, keys=keys)

    def _recover(
        self, node: Node, schema: Schema, unknown: list[str], kept: dict[str, Node]
    ) -> dict[str, tuple[int, int]]:
        """Report unknown keys; read on as if each were the known key it stands for, where that is clear."""
        known, keys = schema["properties"], dict(node.keys)
        for key in unknown:
            near = _nearest(key, list(known))
            help = f"did you mean `{near}`?" if near else self._elsewhere(key) or _list_of(list(known))
            message = f"`{short(key)}` is not a key of {expected(schema)}"
            self._report(self.document.key(node, key), "unknown-key", message, help)
            if near is None or near in keys:
                continue
            before = len(self.problems)
            value = self.visit(node.value[key], known[near], self.document.key(node, key), f"`{near}`")
            if len(self.problems) > before:
                del self.problems[before:]
            elif value is not None:
                kept[near] = value
            keys[near] = node.keys[key]
        return keys

    def _elsewhere(self, key: str) -> str:
        parts = (self.schema, *self.schema["$defs"].values())
        titles = [part["title"] for part in parts if key in part.get("properties", {})]
        return f"it is a key of {' and of '.join(titles)}" if titles else ""

    def _names(self, node: Node, schema: Schema) -> None:
        """The names that an author gave: each fits its pattern, and no two differ in case only."""
        seen: dict[str, str] = {}
        for key in node.value:
            place = self.document.key(node, key)
            first = seen.setdefault(unicodedata.normalize("NFC", key).casefold(), key)
            if first != key:
                also = (self.document.key(node, first), "the other one")
                message = f"the names `{first}` and `{key}` differ in upper and lower case only"
                self._report(place, "twin-keys", message, "rename one of them", also)
                continue
            problem = name_problem(key, schema, place, node.value)
            if problem is not None:
                self.problems.append(problem)

    def _together(self, node: Node, schema: Schema, keys: Mapping[str, Any], owner: Place) -> None:
        """Which keys must, and which must not, stand beside each other."""
        what = expected(schema)
        for key in schema.get("required", ()):
            if key not in keys:
                help = example(self._resolve(schema["properties"][key]))
                help = help.replace("for example `", f"for example `{key}: ", 1) or f"add `{key}`"
                self._report(owner, "missing-key", f"{what} needs `{key}`", help)
        if "oneOf" in schema:
            self._exactly_one(node, [branch["required"][0] for branch in schema["oneOf"]], keys, what, owner)
        for key, needed in schema.get("dependentRequired", {}).items():
            if key in node.value and needed[0] not in keys:
                message = f"`{key}` only means something beside `{needed[0]}`, which is not here"
                help = f"remove `{key}`, or add `{needed[0]}`"
                self._report(self.document.key(node, key), "bad-combination", message, help)
        self._never_both(node, schema.get("not", {}).get("required", []))
        if not node.value and schema.get("minProperties"):
            self._report(self.document.place(node), "bad-value", f"{what}: there are none", "write at least one")

    def _exactly_one(self, node: Node, names: list[str], keys: Mapping[str, Any], what: str, owner: Place) -> None:
        present = [key for key in keys if key in names]
        if not present:
            message = f"{what} needs one of {_list_of(names, '')}"
            self._report(owner, "missing-key", message, f"add one of them, such as `{names[0]}`")
        elif len(present) > 1:
            also = (self.document.key(node, present[0]), "the first one")
            message = f"`{present[0]}` and `{present[1]}` exclude each other in {what}"
            self._report(self.document.key(node, present[1]), "bad-combination", message, "keep one of the two", also)

    def _never_both(self, node: Node, names: list[str]) -> None:
        if names and all(name in node.value for name in names):
            first, second = sorted(names, key=lambda name: node.keys[name])
            also = (self.document.key(node, first), f"`{first}` stands here")
            message = f"`{first}` and `{second}` exclude each other"
            self._report(self.document.key(node, second), "bad-combination", message, "keep one of the two", also)


def _nearest(key: str, known: list[str]) -> str | None:
    """The known key that was probably meant. Two letters swapped (`ot`) count as near."""
    letters = sorted(key.lower())
    swapped = next((name for name in known if sorted(name) == letters), None)
    return swapped or closest(key.lower(), known)


def _list_of(names: list[str], start: str = "the keys here are ") -> str:
    return start + ", ".join(f"`{name}`" for name in names)
