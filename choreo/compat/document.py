"""A schema as a document: the schemas in it by pointer, and where its references lead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import isfinite
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from choreo.compat.checks import FORMATS, Check, is_known
from choreo.compat.draft import Unusable, open_schema
from choreo.compat.wellformed import check_parts

DATA = ("enum", "const", "default", "examples", "example")
NAMED = (
    *("properties", "patternProperties", "dependentSchemas", "dependentRequired", "dependencies"),
    *("$defs", "definitions"),
)
_WITHIN = (
    *("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "additionalProperties"),
    *("unevaluatedProperties", "propertyNames", "not", "if", "then", "else", "allOf", "anyOf", "oneOf"),
    "contentSchema",
)
_EXACT = 2**53
TOLD = ("title", "description", "$comment", "default", "examples", "example", "deprecated", "readOnly", "writeOnly")
MAX_DEPTH = 100


def child(pointer: str, *keys: str | int) -> str:
    """The pointer of a part."""
    return pointer + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


class Document:
    """One schema text, with its draft and its validators. Raises Unusable."""

    def __init__(self, schema: Any, draft: int | None = None, *, checked: bool = False) -> None:
        """Read as the draft that is named, else as the one that the schema itself tells of.

        `checked`: by a reader who checks formats and encodings, which are remarks otherwise.
        """
        _check_depth(schema)
        self.schema = _plain(schema)
        self.checked = checked
        self._essences: dict[str, str] = {}
        self.draft, self._validators = open_schema(self.schema, self.words, draft, checked=checked)
        check_parts(self)

    def at(self, pointer: str) -> Any:
        """The part at a pointer. Raises KeyError."""
        here = self.schema
        for key in pointer.split("/")[1:]:
            name = key.replace("~1", "/").replace("~0", "~")
            try:
                here = here[int(name)] if isinstance(here, list) else here[name]
            except (ValueError, IndexError, TypeError) as error:
                raise KeyError(pointer) from error
        return here

    def is_valid(self, value: Any, pointer: str = "") -> bool | None:
        """The validator's verdict under the schema at a pointer; None where it has none."""
        validator = self._validators.get(f"#{pointer}")
        return None if validator is None else bool(validator.is_valid(value))

    def first_error(self, value: Any) -> Any:
        """The validator's first error on a value."""
        return next(iter(self._validators["#"].iter_errors(value)), None)

    @cached_property
    def for_checkers(self) -> Document:
        """The same, read by those who check formats."""
        return Document(self.schema, self.draft, checked=True)

    def checks(self, schema: Mapping[str, Any]) -> list[Check]:
        """What is checked in a text under a schema in here."""
        found: list[Check] = []
        if self.checked and schema.get("format") in FORMATS:
            found.append(("format", schema["format"]))
        content: Check = ("content", schema.get("contentEncoding"), schema.get("contentMediaType"))
        if any(content[1:]) and (self.checked or (self.draft in (6, 7) and is_known(content))):
            found.append(content)
        return found

    # -- references ----------------------------------------------------------------------------------

    @cached_property
    def _bases(self) -> dict[str, str]:
        """Pointer of each schema with an identifier of its own, to its absolute URI. The root is always there."""
        bases = {"": ""}
        for pointer, part in self._objects():
            name = part.get("id" if self.draft == 4 else "$id")
            if isinstance(name, str) and not name.startswith("#") and not ("$ref" in part and self.draft < 19):
                bases[pointer] = urldefrag(urljoin(self._base(pointer, bases), name))[0]
        return bases

    def _base(self, pointer: str, bases: Mapping[str, str]) -> str:
        return bases[self._resource(pointer, bases)]

    @staticmethod
    def _resource(pointer: str, bases: Mapping[str, str]) -> str:
        while pointer not in bases:
            pointer = pointer.rpartition("/")[0]
        return pointer

    @cached_property
    def _anchors(self) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for pointer, part in self._objects():
            names = [part.get("$anchor"), part.get("$dynamicAnchor")]
            local = part.get("id" if self.draft == 4 else "$id")
            if self.draft < 19 and isinstance(local, str) and local.startswith("#"):
                names.append(local[1:])
            for name in names:
                if isinstance(name, str):
                    found[self._resource(pointer, self._bases), name] = pointer
        return found

    def _objects(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every schema: what stands under a keyword that nobody knows is none, and its names count for nothing."""
        waiting: list[tuple[str, Any]] = [("", self.schema)]
        while waiting:
            pointer, part = waiting.pop()
            if isinstance(part, list):
                waiting += [(child(pointer, place), value) for place, value in enumerate(part)]
            if not isinstance(part, Mapping):
                continue
            yield pointer, part
            waiting += [(child(pointer, key), part[key]) for key in _WITHIN if key in part]
            for key in NAMED:
                if isinstance(part.get(key), Mapping):
                    waiting += [(child(pointer, key, name), value) for name, value in part[key].items()]

    @cached_property
    def parts(self) -> Mapping[str, Mapping[str, Any]]:
        """Every schema in it that is an object, by its pointer."""
        return dict(self._objects())

    @cached_property
    def words(self) -> frozenset[str]:
        """Every keyword in use."""
        return frozenset(word for _, part in self._objects() for word in part)

    @cached_property
    def patterns(self) -> frozenset[str]:
        """Every pattern for a text."""
        found = (part.get("pattern") for _, part in self._objects())
        return frozenset(pattern for pattern in found if isinstance(pattern, str))

    def target(self, ref: str, pointer: str) -> str | None:
        """The pointer a reference at `pointer` leads to, or None where it leads to nothing in here."""
        uri, fragment = urldefrag(urljoin(self._base(pointer, self._bases), ref) if not ref.startswith("#") else ref)
        home = self._resource(pointer, self._bases)
        if not ref.startswith("#"):
            named = [place for place, base in self._bases.items() if base == uri]
            if not named:
                return None
            home = named[0]
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._anchors.get((home, fragment))
        try:
            self.at(home + fragment)
        except KeyError:
            return None
        return home + fragment

    @property
    def is_one_resource(self) -> bool:
        """Whether no part of the text has an identifier of its own: then dynamic references are plain ones."""
        return len(self._bases) == 1

    @cached_property
    def is_dynamic(self) -> bool:
        """Whether what a part means may depend on the way that leads to it: then nothing is read into the parts."""
        return not self.is_one_resource and any(word in self._text for word in ('"$dynamicRef"', '"$recursiveRef"'))

    @cached_property
    def _text(self) -> str:
        return json.dumps(self.schema, sort_keys=True)

    # -- sameness ------------------------------------------------------------------------------------

    def essence(self, pointer: str) -> str:
        """A text that two schemas share only where they say the same. All they refer to is in it."""
        if pointer not in self._essences:
            self._essences[pointer] = self._fresh_essence(pointer)
        return self._essences[pointer]

    def _fresh_essence(self, pointer: str) -> str:
        if self.is_dynamic:
            return json.dumps([self.draft, pointer, self._text])
        targets: dict[str, Any] = {}
        first = self._essence(self.at(pointer), pointer, targets)
        done: dict[str, Any] = {}
        while targets:
            place, part = targets.popitem()
            done[place] = None
            done[place] = self._essence(part, place, targets)
            targets = {key: value for key, value in targets.items() if key not in done}
        return json.dumps([self.draft if done or self.draft < 19 else 20, first, done], sort_keys=True)

    def _essence(self, schema: Any, pointer: str, targets: dict[str, Any]) -> Any:
        if isinstance(schema, list):
            return [self._essence(part, child(pointer, place), targets) for place, part in enumerate(schema)]
        if not isinstance(schema, Mapping):
            return schema
        found: dict[str, Any] = {}
        for key, value in schema.items():
            if key in TOLD or key in ("$defs", "definitions", "$schema") or key.startswith("x-"):
                continue
            if key in NAMED and isinstance(value, Mapping):
                found[key] = {
                    name: self._essence(part, child(pointer, key, name), targets) for name, part in value.items()
                }
            elif key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
                target = self.target(value, pointer)
                found[key] = [target]
                if target is not None:
                    targets.setdefault(target, self.at(target))
            else:
                found[key] = value if key in DATA else self._essence(value, child(pointer, key), targets)
        return found


def _plain(part: Any) -> Any:
    """The schema with `2.0` written as `2`: one number, which draft 4 alone would call two. Raises Unusable."""
    if isinstance(part, float):
        if not isfinite(part):
            raise Unusable("a number in it is too large")
        return int(part) if part.is_integer() and abs(part) < _EXACT else part
    if isinstance(part, Mapping):
        return {key: _plain(value) for key, value in part.items()}
    return [_plain(value) for value in part] if isinstance(part, list) else part


def _check_depth(schema: Any) -> None:
    level = [schema]
    for _ in range(MAX_DEPTH + 1):
        level = [
            part
            for parent in level
            if isinstance(parent, Mapping | list)
            for part in (parent.values() if isinstance(parent, Mapping) else parent)
        ]
        if not level:
            return
    raise Unusable(f"it is nested deeper than {MAX_DEPTH} levels")
