"""What differs between the texts of two schemas, keyword by keyword."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo.compat.document import TOLD, child
from choreo.compat.noun import Change
from choreo.compat.values import key

_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependentRequired")
_ONE = ("additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames")
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_ABSENT: Any = object()


def changes(old: Any, new: Any) -> tuple[Change, ...]:
    """Every difference, at the smallest part that holds it, in the order of the new text."""
    return tuple(_schemas(old, new, "", told=False))


def _schemas(old: Any, new: Any, pointer: str, *, told: bool) -> Iterator[Change]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield from _leaf(old, new, pointer, told)
        return
    for word in dict.fromkeys((*new, *old)):
        before, after = old.get(word, _ABSENT), new.get(word, _ABSENT)
        place = child(pointer, word)
        quiet = told or word in TOLD or word.startswith("x-") or word == "$schema"
        if word in _NAMED and isinstance(before, Mapping) and isinstance(after, Mapping):
            for name in dict.fromkeys((*after, *before)):
                inside = before.get(name, _ABSENT), after.get(name, _ABSENT)
                yield from _schemas(*inside, child(place, name), told=quiet)
        elif word in _ONE:
            yield from _schemas(before, after, place, told=quiet)
        elif word in _SEVERAL and isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            for number, pair in enumerate(zip(before, after, strict=True)):
                yield from _schemas(*pair, child(place, number), told=quiet)
        else:
            yield from _leaf(before, after, place, quiet)


def _leaf(before: Any, after: Any, pointer: str, told: bool) -> Iterator[Change]:
    if before is _ABSENT:
        yield Change(pointer, "added", None, after, told)
    elif after is _ABSENT:
        yield Change(pointer, "removed", before, None, told)
    elif key(before) != key(after):
        yield Change(pointer, "changed", before, after, told)
