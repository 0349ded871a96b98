"""Contracts: named, semantically versioned JSON Schemas, and the verdict on a payload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from choreo.problem import Place

Where = Callable[[str, bool], Place]
"""The place of a JSON pointer in a text: of its key where the flag is set, else of its value; the nearest there is."""


class Contract(Struct, frozen=True):
    """One version of one contract. `digest` is that of the schema's canonical bytes.

    An anonymous contract (an inline `emits`) has the name of its role in angle brackets and the
    first twelve hex digits of its digest as version. `where` finds the places of its parts, on
    demand; a contract that was not read from a text has none. One that `is_broken` stands in for a text with mistakes.
    """

    name: str
    version: str
    schema: Mapping[str, Any]
    digest: str
    place: Place
    where: Where | None = None
    is_broken: bool = False

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    def at(self, pointer: str) -> Place:
        """Where the key stands that a JSON pointer of the schema leads to."""
        return self.place if self.where is None else self.where(pointer, True)
