"""What is wrong with a schema in itself, told at its places; and what stands in for it then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo.contract import Where, inspect_schema, mended
from choreo.problem import Problem

_ABOUT_KEYS = ("unknown-keyword", "old-keyword")
"""Findings about a key; the others are about its value."""


def inspected(schema: Mapping[str, Any], where: Where, problems: list[Problem]) -> tuple[Mapping[str, Any], bool]:
    """The schema, or what it was probably meant to be where a Problem was found; and whether one was."""
    findings = inspect_schema(schema)
    for pointer, code, message, help in findings:
        at_key = code in _ABOUT_KEYS or "/patternProperties/" in pointer
        problems.append(Problem(where(pointer, at_key), code, message, help))
    return (mended(schema, findings), True) if findings else (schema, False)
