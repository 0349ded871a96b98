"""Contracts: named, semantically versioned JSON Schemas, and the verdict on a payload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from choreo.problem import Place


class Contract(Struct, frozen=True):
    """One version of one contract. `digest` is that of the schema's canonical bytes.

    An anonymous contract (an inline `emits`) has the name of its role in angle brackets and the
    first twelve hex digits of its digest as version.
    """

    name: str
    version: str
    schema: Mapping[str, Any]
    digest: str
    place: Place

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"
