"""A contract as a model and its server are told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo.canonical import digest_of, encode
from choreo.contract import Contract, bundled
from choreo.problem import Place

_STRICT = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"}
    | {"title", "description", "pattern", "format", "minItems", "maxItems"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)


def contract_of(schema: Mapping[str, Any], ref: str | None) -> Contract:
    """The contract behind a visit's `schema` and `emits` (`name@version`)."""
    name, _, version = (ref or "answer").partition("@")
    return Contract(name, version, schema, digest_of(encode(dict(schema))), Place(""))


def lean(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without what only people and tools read, every reference inside it."""
    return bundled(contract_of(schema, None))


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
