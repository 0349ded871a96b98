"""The differences between two JSON values: one entry per JSON pointer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Change:
    """`old` or `new` is ABSENT where a field was added or removed."""

    pointer: str
    old: Any
    new: Any


def changes(old: Any, new: Any, pointer: str = "") -> Iterator[Change]:
    """The differences between two JSON values, in key order. A list is compared place by place."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(old.get(key, ABSENT), new.get(key, ABSENT), f"{pointer}/{_token(key)}")
    elif isinstance(old, list) and isinstance(new, list):
        for place in range(max(len(old), len(new))):
            yield from changes(_at(old, place), _at(new, place), f"{pointer}/{place}")
    elif old is ABSENT or new is ABSENT or type(old) is not type(new) or old != new:
        yield Change(pointer, old, new)


def _token(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _at(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else ABSENT
