"""What else a contract is used for: defaults of the trigger, and the schema as a model is given it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from choreo.contract.noun import Contract
from choreo.contract.tree import NAMED, ONE, SEVERAL, Tree, grow

_NOT_FOR_MODELS = ("$schema", "$id", "$comment", "$anchor", "$dynamicAnchor", "$defs", "definitions")


def fill_defaults(contract: Contract, value: Any) -> tuple[Any, tuple[str, ...]]:
    """The value with the top-level `default`s of the contract's properties filled in, and the names that were.

    `value` itself is not changed; what is not an object is left as it is.
    """
    properties = contract.schema.get("properties")
    if not isinstance(value, dict) or not isinstance(properties, Mapping):
        return value, ()
    missing = {
        name: copy.deepcopy(part["default"])
        for name, part in properties.items()
        if name not in value and isinstance(part, Mapping) and "default" in part
    }
    return ({**value, **missing}, tuple(missing)) if missing else (value, ())


def optional_fields(contract: Contract) -> tuple[str, ...]:
    """The declared properties that a payload may leave out."""
    properties, required = contract.schema.get("properties"), contract.schema.get("required", ())
    if not isinstance(properties, Mapping) or not isinstance(required, list | tuple):
        return ()
    return tuple(name for name in properties if name not in required)


def bundled(contract: Contract) -> dict[str, Any]:
    """The contract as one schema that stands alone, ready to be sent to a model.

    Without `$schema`, `$id`, `$comment` and `x-...`; every `$ref` leads to `#/$defs/NAME` (or `#`), and only
    what is referred to stands in `$defs`. References that lead nowhere are left as they are.
    """
    return _Bundle(grow(contract.schema)).whole()


class _Bundle:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.names: dict[str, str] = {}
        self.waiting: list[str] = []

    def whole(self) -> dict[str, Any]:
        schema: dict[str, Any] = self.lean("")
        definitions: dict[str, Any] = {}
        while self.waiting:
            pointer = self.waiting.pop(0)
            definitions[self.names[pointer]] = self.lean(pointer)
        return {**schema, "$defs": definitions} if definitions else schema

    def lean(self, pointer: str) -> Any:
        schema = self.tree.schemas[pointer]
        if not isinstance(schema, Mapping):
            return schema
        found: dict[str, Any] = {}
        targets = iter(self.tree.refs.get(pointer, ()))
        parts = [(part.keyword, part.pointer) for part in self.tree.parts[pointer]]
        for key, value in schema.items():
            if key in _NOT_FOR_MODELS or key.startswith("x-"):
                continue
            inside = [place for keyword, place in parts if keyword == key]
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                target = next(targets)
                found[key if target is None else "$ref"] = self.ref(target, value)
            elif key in ONE:
                found[key] = self.lean(inside[0])
            elif key in SEVERAL and isinstance(value, list):
                found[key] = [self.lean(place) for place in inside]
            elif key in NAMED and isinstance(value, Mapping):
                found[key] = {name: self.lean(place) for name, place in zip(value, inside, strict=True)}
            else:
                found[key] = copy.deepcopy(value)
        return found

    def ref(self, target: str | None, written: str) -> str:
        if target is None:
            return written
        if target == "":
            return "#"
        if target not in self.names:
            self.names[target] = self.name(target.rsplit("/", 1)[1])
            self.waiting.append(target)
        return f"#/$defs/{self.names[target]}"

    def name(self, wanted: str) -> str:
        """A name of letters, digits, `_` and `-` that is not taken yet: providers refuse others."""
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", wanted)
        number, name = 1, plain
        while name in self.names.values():
            number += 1
            name = f"{plain}_{number}"
        return name
