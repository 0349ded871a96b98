"""Inclusion that can be seen at once: every demand of the receiver stands at least as narrow on the sender's side.

`covers` never says yes wrongly; a no means that a proof needs more (`choreo.lint.inclusion`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from choreo.lint.bounds import begins
from choreo.lint.operators import group
from choreo.lint.schemas import declared_fields, field_of, is_closed, item_of, required_fields, sends_no_more
from choreo.lint.types import Alt, Type

TOLD = frozenset(
    (
        *(
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions",
            "$anchor",
            "title",
            "description",
            "default",
            "examples",
        ),
        *("deprecated", "readOnly", "writeOnly", "format", "contentEncoding", "contentMediaType", "contentSchema"),
    )
)
"""Keywords that demand nothing of a value."""
_READ = frozenset(("type", "enum", "const", "properties", "required", "items", "$ref", "allOf", "anyOf"))
"""Keywords that types are made of: what they demand is in the alternatives and their fields."""
_DEEPEST = 12

_BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"), operator.le),
    **dict.fromkeys(("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"), operator.ge),
}
_OF_VALUES: Mapping[str, Callable[[Any, Any], bool]] = {
    "maxLength": lambda value, most: len(value) <= most,
    "minLength": lambda value, least: len(value) >= least,
    "maximum": lambda value, most: value <= most,
    "minimum": lambda value, least: value >= least,
}
_KIND = {"maxLength": "string", "minLength": "string", "pattern": "string", "maximum": "number", "minimum": "number"}
_KIND |= {"exclusiveMaximum": "number", "exclusiveMinimum": "number", "multipleOf": "number"}
_KIND |= dict.fromkeys(("maxItems", "minItems", "uniqueItems", "prefixItems", "contains"), "list")
_KIND |= dict.fromkeys(("maxProperties", "minProperties", "propertyNames", "patternProperties"), "object")
_KIND |= dict.fromkeys(("additionalProperties", "dependentRequired"), "object")


SIMPLE = frozenset((*_BOUNDS, "pattern", "multipleOf", "uniqueItems"))
"""Demands that a computed value meets for sure only where it plainly does."""


def covers(wanted: Type, given: Type, unmet: list[str] | None = None, depth: int = 0) -> bool:
    """Whether every value of `given` is plainly one of `wanted`. `unmet` takes the demands that do not plainly hold."""
    unmet = [] if unmet is None else unmet
    if wanted.alts is None:
        return all(_is_silent(part.schema) for part in wanted.parts)
    if given.alts is None or depth > _DEEPEST:
        return False
    return all(any(_covers(theirs, mine, unmet, depth) for theirs in wanted.alts) for mine in given.alts)


def _is_silent(schema: Mapping[str, Any]) -> bool:
    return all(keyword in TOLD or keyword.startswith("x-") for keyword in schema)


def _covers(wanted: Alt, given: Alt, unmet: list[str], depth: int) -> bool:
    if group(wanted.kind) != group(given.kind) or (wanted.kind == "int" and given.kind != "int"):
        return False
    if wanted.values is not None and not _all_listed(wanted.values, given):
        return False
    if wanted.parts and _own(wanted) == _own(given):
        return True
    failing = demands_unmet(wanted, given)
    unmet += failing
    if failing:
        return False
    if wanted.kind == "object":
        return _covers_fields(wanted, given, unmet, depth)
    return wanted.kind != "list" or covers(item_of(wanted), item_of(given), unmet, depth + 1)


def _all_listed(values: tuple[Any, ...], given: Alt) -> bool:
    if given.kind in ("list", "object"):  # 1 and true in them are equal to Python
        known = set(map(repr, values))
        return given.values is not None and all(repr(value) in known for value in given.values)
    return given.values is not None and all(value in values for value in given.values)


def _own(alt: Alt) -> tuple[object, ...]:
    return (alt.kind, repr(alt.values), *((part.contract.digest, part.pointer) for part in alt.parts))


def demands_unmet(wanted: Alt, given: Alt) -> list[str]:
    """The keywords by which the receiver demands more of a value than its type and its fields, and not plainly met."""
    return [
        keyword
        for part in wanted.parts
        for keyword, value in part.schema.items()
        if not (keyword in TOLD or keyword in _READ or keyword.startswith("x-") or _is_met(keyword, value, given))
    ]


def _is_met(keyword: str, value: Any, given: Alt) -> bool:
    if _KIND.get(keyword, group(given.kind)) != group(given.kind):
        return True
    if keyword == "additionalProperties":
        return isinstance(value, bool)
    own = [part.schema[keyword] for part in given.parts if keyword in part.schema]
    if keyword in ("pattern", "multipleOf", "uniqueItems") and value in own:
        return True
    if keyword == "pattern" and isinstance(value, str):
        return begins(given, value)
    if keyword not in _BOUNDS or not isinstance(value, int | float):
        return False
    if any(_BOUNDS[keyword](one, value) for one in own if isinstance(one, int | float)):
        return True
    holds = _OF_VALUES.get(keyword)
    return holds is not None and given.values is not None and all(holds(one, value) for one in given.values)


def _covers_fields(wanted: Alt, given: Alt, unmet: list[str], depth: int) -> bool:
    """Field by field; what the sender leaves open must be left open by the receiver too."""
    theirs, mine = declared_fields(wanted), declared_fields(given)
    closed = sends_no_more(given)
    if is_closed(wanted) and not (closed and set(mine) <= set(theirs)):
        return False
    for name in theirs:
        needed = field_of(wanted, name)
        found = field_of(given, name) if name in mine else None
        if needed is None or (found is None and (needed.required or not closed)):
            return False
        if found is not None and needed.required and not found.required:
            return False
        if found is not None and not covers(needed.type, found.type, unmet, depth + 1):
            return False
    return set(required_fields(wanted)) <= set(theirs)
