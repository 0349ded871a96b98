"""JSON Schemas as types, opened only as far as an expression looks into them.

Keywords that only narrow a schema further (`if`, `not`, `pattern`, `minimum`, ...) are passed over: the
type then allows more than the schema does, never less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from choreo.contract import Contract
from choreo.lint.types import ANY, MOST, Alt, Kind, Part, Type, kind_of

_KINDS: Mapping[str, Kind] = {
    "null": "null",
    "boolean": "bool",
    "integer": "int",
    "number": "number",
    "string": "string",
    "array": "list",
    "object": "object",
}
_OPENING = ("if", "dependentSchemas", "patternProperties", "unevaluatedProperties", "$dynamicRef", "not")
"""With one of these, a field that is not declared may be declared all the same."""
_CHOICES = frozenset(("$ref", "allOf", "anyOf", "oneOf"))
_DEEPEST = 24

Way = tuple[Part, ...]
"""Schemas that all hold, without any choice between them left."""


class Field(Struct, frozen=True):
    """`required` is False where the object may be without it."""

    type: Type
    required: bool


def of_contract(contract: Contract | None) -> Type:
    return ANY if contract is None else of_parts((Part(contract.schema, contract, ""),))


def of_parts(parts: Way) -> Type:
    """The type of a value for which all these schemas hold."""
    simple = all(_CHOICES.isdisjoint(part.schema) for part in parts)
    ways = [parts] if simple else _together([_ways(part, 0) for part in parts])
    if ways is None:
        return Type(None, parts)
    found: list[Alt] = []
    for way in ways:
        alts = _alts(way)
        if alts is None:
            return Type(None, parts)
        found += alts
    return Type(tuple(found), parts) if len(found) <= MOST else Type(None, parts)


# -- choices -------------------------------------------------------------------------------------


def _together(several: Sequence[list[Way] | None]) -> list[Way] | None:
    """Every way in which all of several hold; None where one is not known or they are too many."""
    known = [ways for ways in several if ways is not None]
    size = 1
    for ways in known:
        size *= len(ways)
    if len(known) < len(several) or size > MOST:
        return None
    return [tuple(part for way in chosen for part in way) for chosen in product(*known)]


def _ways(part: Part, depth: int) -> list[Way] | None:
    """The ways in which a schema can hold, its `$ref`, `allOf`, `anyOf` and `oneOf` unfolded."""
    if depth > _DEEPEST:
        return None
    if _CHOICES.isdisjoint(part.schema):
        return [(part,)]
    schema = part.schema
    several: list[list[Way] | None] = [[(part,)]]
    if "$ref" in schema:
        target = _target(part)
        several.append(None if target is None else _ways(target, depth + 1))
    for below in _listed(part, "allOf"):
        several.append(_ways(below, depth + 1))
    for keyword in ("anyOf", "oneOf"):
        choices = [_ways(below, depth + 1) for below in _listed(part, keyword)]
        if any(choice is None for choice in choices):
            return None
        if choices:
            several.append([way for choice in choices for way in choice or ()])
    return _together(several)


def _listed(part: Part, keyword: str) -> Iterator[Part]:
    found = part.schema.get(keyword)
    for place, schema in enumerate(found if isinstance(found, list) else ()):
        yield Part(_mapping(schema), part.contract, f"{part.pointer}/{keyword}/{place}")


def _target(part: Part) -> Part | None:
    """What a `$ref` leads to, within the same contract."""
    reference = part.schema["$ref"]
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    found: Any = part.contract.schema
    pointer = unquote(reference[1:])
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            return None
    return Part(found, part.contract, pointer) if isinstance(found, Mapping) else None


# -- one way -------------------------------------------------------------------------------------


def _alts(way: Way) -> list[Alt] | None:
    """The kinds of value for which a way can hold; None where it says nothing about kinds."""
    values = _values(way)
    kinds = _kinds(way)
    if values is not None:
        return _of_values(values, kinds, way)
    if kinds is None:
        return None
    return [_alt(kind, way) for kind in kinds]


def _alt(kind: Kind, way: Way) -> Alt:
    if kind == "bool":
        return Alt(kind, (True, False), way)
    if kind == "null":
        return Alt(kind, (None,), way)
    return Alt(kind, None, way)


def _of_values(values: list[Any], kinds: list[Kind] | None, way: Way) -> list[Alt]:
    by_kind: dict[Kind, list[Any]] = {}
    for value in values:
        kind = kind_of(value)
        if kinds is None or kind in kinds or (kind in ("int", "double") and "number" in kinds):
            by_kind.setdefault(kind, []).append(value)
    return [Alt(kind, tuple(found), way) for kind, found in by_kind.items()]


def _values(way: Way) -> list[Any] | None:
    """What `enum` and `const` leave."""
    found: list[Any] | None = None
    for part in way:
        listed = [part.schema["const"]] if "const" in part.schema else part.schema.get("enum")
        if isinstance(listed, list):
            found = listed if found is None else [value for value in found if value in listed]
    return found


def _kinds(way: Way) -> list[Kind] | None:
    """What `type` leaves. Without it, `properties` make an object and `items` a list."""
    found: list[Kind] | None = None
    for part in way:
        written = part.schema.get("type")
        names = [written] if isinstance(written, str) else written
        if isinstance(names, list):
            kinds = [_KINDS[name] for name in names if isinstance(name, str) and name in _KINDS]
            found = kinds if found is None else _common(found, kinds)
    if found is None and any("properties" in part.schema for part in way):
        return ["object"]
    if found is None and any("items" in part.schema for part in way):
        return ["list"]
    return found


def _common(some: list[Kind], others: list[Kind]) -> list[Kind]:
    kept: list[Kind] = []
    for kind in some:
        if kind in others:
            kept.append(kind)
        elif (kind == "number" and "int" in others) or (kind == "int" and "number" in others):
            kept.append("int")
    return kept


# -- looking inside ------------------------------------------------------------------------------


def field_of(alt: Alt, name: str) -> Field | None:
    """A field of an object; None where it is not declared. What cannot be told is a field of any type."""
    if alt.fields is not None and (name in alt.fields or not alt.parts):
        return Field(alt.fields[name], name not in alt.optional) if name in alt.fields else None
    declared = [below for part in alt.parts if (below := _property(part, name)) is not None]
    if declared:
        required = any(name in _names(part.schema.get("required")) for part in alt.parts)
        return Field(of_parts(tuple(declared)), required)
    if any(_may_declare(part) for part in alt.parts) or not any("properties" in part.schema for part in alt.parts):
        return Field(ANY, True)
    return None


def _property(part: Part, name: str) -> Part | None:
    properties = part.schema.get("properties")
    if isinstance(properties, Mapping) and name in properties:
        return Part(_mapping(properties[name]), part.contract, f"{part.pointer}/properties/{_escaped(name)}")
    return None


def _may_declare(part: Part) -> bool:
    more = part.schema.get("additionalProperties")
    return more is True or isinstance(more, Mapping) or any(keyword in part.schema for keyword in _OPENING)


def declared_fields(alt: Alt) -> tuple[str, ...]:
    """The names of the fields of an object that are declared."""
    if alt.fields is not None and not alt.parts:
        return tuple(alt.fields)
    names = (name for part in alt.parts for name in _mapping(part.schema.get("properties")))
    return tuple(dict.fromkeys(names))


def required_fields(alt: Alt) -> tuple[str, ...]:
    """The names of the fields that an object always has."""
    if alt.fields is not None and not alt.parts:
        return tuple(name for name in alt.fields if name not in alt.optional)
    names = (name for part in alt.parts for name in _names(part.schema.get("required")))
    return tuple(dict.fromkeys(names))


def is_closed(alt: Alt) -> bool:
    """Whether an object can have no field that is not declared."""
    if alt.fields is not None and not alt.parts:
        return True
    return any(
        part.schema.get("additionalProperties") is False and "patternProperties" not in part.schema
        for part in alt.parts
    )


def sends_no_more(alt: Alt) -> bool:
    """Whether a sender's object has no field but those that are declared: what is not declared is not expected."""
    if alt.fields is not None and not alt.parts:
        return True
    return any("properties" in part.schema for part in alt.parts) and not any(map(_may_declare, alt.parts))


def item_of(alt: Alt) -> Type:
    """The type of a list's elements."""
    if alt.item is not None:
        return alt.item
    items = [
        Part(_mapping(part.schema["items"]), part.contract, f"{part.pointer}/items")
        for part in alt.parts
        if isinstance(part.schema.get("items"), Mapping)
    ]
    prefixed = any("prefixItems" in part.schema for part in alt.parts)
    return of_parts(tuple(items)) if items and not prefixed else ANY


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is False:
        return {"not": {}}
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
