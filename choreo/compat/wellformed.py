"""What the metaschema of a draft does not look at: definitions nobody refers to, and where references lead.

A mistake there breaks nothing today. Whoever refers to the definition tomorrow has it, and a comparison that passes
over it says that all is well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urldefrag

from choreo.compat.draft import Unusable, check_definitions, finds

_METASCHEMAS = ("http://json-schema.org/", "https://json-schema.org/")
_REFS = ("$ref", "$dynamicRef", "$recursiveRef")


class Text(Protocol):
    """A schema with its parts, as `document.Document` is one."""

    schema: Any
    draft: int

    @property
    def parts(self) -> Mapping[str, Mapping[str, Any]]:
        """Every schema in it that is an object, by its pointer."""

    def at(self, pointer: str) -> Any:
        """The part at a pointer. Raises KeyError."""

    def target(self, ref: str, pointer: str) -> str | None:
        """Where a reference leads, or None."""


def check_parts(text: Text) -> None:
    """Raises Unusable for a reference to nothing or to what is no schema, and for a pattern that is none."""
    for pointer, part in text.parts.items():
        for word in _REFS:
            if word in part and (word == "$ref" or text.draft >= 19):
                _check_reference(text, pointer, word)
        patterns = list(part["patternProperties"]) if isinstance(part.get("patternProperties"), Mapping) else []
        for pattern in [*([part["pattern"]] if "pattern" in part else []), *patterns]:
            if not isinstance(pattern, str) or finds(pattern, "") is None:
                raise Unusable(f"the pattern {pattern!r} at #{pointer} cannot be used")


def _check_reference(text: Text, pointer: str, word: str) -> None:
    ref = text.at(pointer)[word]
    if not isinstance(ref, str):
        raise Unusable(f"`{word}` at #{pointer} is no text")
    place = text.target(ref, pointer)
    if place is None:
        if urldefrag(ref)[0].startswith(_METASCHEMAS):
            return
        raise Unusable(f"`{word}: {ref}` at #{pointer} leads to nothing in it")
    part = text.at(place)
    if not isinstance(part, Mapping | bool):
        raise Unusable(f"`{word}: {ref}` at #{pointer} leads to what is no schema")
    if place not in text.parts and isinstance(part, Mapping):
        try:
            check_definitions({"definitions": {"here": part}}, text.draft)
        except Unusable as error:
            raise Unusable(str(error).replace("#/definitions/here", f"#{place}")) from error
