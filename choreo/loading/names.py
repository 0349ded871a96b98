"""Names that an author gives: what is wrong with one, and a name that would do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from typing import Any

from choreo.loading.traps import compiled
from choreo.problem import Place, Problem


def name_problem(name: str, schema: Mapping[str, Any], place: Place, taken: Container[str]) -> Problem | None:
    """The Problem with a name under a `propertyNames` schema (`pattern`, `not: {enum}`), if there is one."""
    reserved = schema.get("not", {}).get("enum", [])
    if name in reserved:
        better = _free(f"my_{name}", taken)
        message = f"`{name}` is a word of the language and cannot be a name"
        return Problem(place, "bad-name", message, f"rename it, for example to `{better}`")
    if compiled(schema["pattern"]).search(name):
        return None
    return Problem(place, "bad-name", f"`{name}` is not {schema.get('title', 'a name')}", _advice(name, schema, taken))


def _advice(name: str, schema: Mapping[str, Any], taken: Container[str]) -> str:
    if "examples" in schema:
        return f"for example `{schema['examples'][0]}`"
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", ascii_text.lower()).strip("_")
    better = slug if slug[:1].isalpha() else f"n_{slug}".rstrip("_")
    rule = "use lower case letters, digits and `_`, starting with a letter"
    return f"{rule}: for example `{_free(better, taken)}`"


def _free(name: str, taken: Container[str]) -> str:
    number, better = 2, name
    while better in taken:
        better, number = f"{name}_{number}", number + 1
    return better
