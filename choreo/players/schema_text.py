"""A contract as a model and its server are told it."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from choreo.canonical import digest_of, encode
from choreo.contract import Contract, bundled
from choreo.problem import Place

_STRICT = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"}
    | {"title", "description", "pattern", "format", "minItems", "maxItems"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_MOST_KNOWN = 256


class Told:
    """All that is made of one schema, made once: the same for every call of a role."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.contract = contract_of(schema, None)

    @cached_property
    def lean(self) -> dict[str, Any]:
        """The schema without what only people and tools read, every reference inside it. Callers must not change it."""
        return bundled(self.contract)

    @cached_property
    def text(self) -> str:
        """The lean schema as a model reads it."""
        return as_written(self.lean)

    @cached_property
    def strict(self) -> bool:
        return strict(self.lean)


def as_written(value: Any) -> str:
    """Compact JSON with its keys as they stand: what a model is shown first it takes for what comes first."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_told: OrderedDict[int, Told] = OrderedDict()


def told(schema: Mapping[str, Any]) -> Told:
    """What is made of a schema. Known by the object itself, which nobody changes: a plan keeps its schemas."""
    found = _told.get(id(schema))
    if found is None:
        found = _told[id(schema)] = Told(schema)  # holds the schema, so nothing else can come to have its id
        if len(_told) > _MOST_KNOWN:
            _told.popitem(last=False)
    return found


def contract_of(schema: Mapping[str, Any], ref: str | None) -> Contract:
    """The contract behind a visit's `schema` and `emits` (`name@version`)."""
    name, _, version = (ref or "answer").partition("@")
    return Contract(name, version, schema, digest_of(encode(dict(schema))), Place(""))


def lean(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without what only people and tools read, every reference inside it."""
    return told(schema).lean


def response_format(form: str, schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`response_format` as OpenAI defines it; strict only where the schema qualifies."""
    if form == "json_object":
        return {"type": "json_object"}
    known, plain_name = told(schema), re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": plain_name, "schema": known.lean, "strict": known.strict}}


def strict(schema: Any) -> bool:
    """True where OpenAI's strict mode takes a lean schema: closed objects, every property required, simple words."""
    if not isinstance(schema, Mapping):
        return isinstance(schema, bool)
    if not _STRICT.issuperset(schema):
        return False
    if _is_object(schema) and not _closed(schema):
        return False
    named = [part for key in ("properties", "$defs") for part in schema.get(key, {}).values()]
    single = [schema["items"]] if "items" in schema else []
    return all(isinstance(part, Mapping) and strict(part) for part in [*named, *single, *schema.get("anyOf", [])])


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type", ())
    return kind == "object" or "object" in kind or "properties" in schema


def _closed(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(
        schema.get("properties", {})
    )


def object_at_top(schema: Mapping[str, Any]) -> bool:
    """True where the answer is always an object: the only shape that providers can force."""
    return schema.get("type") == "object"
