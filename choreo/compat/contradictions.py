"""A `const` that the `type` beside it refuses: such a schema accepts nothing, which is hardly what was meant.

Whatever is compared with it comes out as compatible, until somebody mends the type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo.compat.document import DATA, NAMED
from choreo.compat.values import exact, type_of


def refuses_its_const(part: Mapping[str, Any]) -> bool:
    """Whether the type of a schema leaves no room for its const."""
    types = part.get("type")
    if "const" not in part or types is None:
        return False
    value, listed = part["const"], [types] if isinstance(types, str) else types
    kind = type_of(value)
    is_whole = kind == "number" and exact(value).denominator == 1
    return kind not in listed and not (is_whole and "integer" in listed)


def mended(part: Any) -> Any:
    """The schema with each such const as it stands, without the type."""
    if isinstance(part, list):
        return [mended(value) for value in part]
    if not isinstance(part, Mapping):
        return part
    is_bad = refuses_its_const(part)
    found: dict[str, Any] = {}
    for key, value in part.items():
        if key in NAMED and isinstance(value, Mapping):
            found[key] = {name: mended(inside) for name, inside in value.items()}
        elif not (is_bad and key == "type"):
            found[key] = value if key in DATA else mended(value)
    return found
