"""JSON values as JSON Schema compares them: 1 and 1.0 are one number, true is none."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

TYPES = ("null", "boolean", "number", "string", "array", "object")


def type_of(value: Any) -> str:
    """One of `TYPES`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def exact(number: float) -> Fraction:
    """A number as it is written: 0.1 is a tenth. Raises ValueError or OverflowError for NaN and infinity."""
    return Fraction(number) if isinstance(number, int) else Fraction(Decimal(repr(number)))


def plain(number: Fraction) -> int | float | None:
    """A number as JSON data, or None where no float is exactly it."""
    if number.denominator == 1:
        return number.numerator
    try:
        written = float(number)
    except OverflowError:
        return None
    return written if exact(written) == number else None


def key(value: Any) -> Any:
    """A hashable form: two values have the same one where JSON Schema calls them equal."""
    kind = type_of(value)
    if kind == "number":
        return kind, exact(value)
    if kind == "array":
        return kind, tuple(map(key, value))
    if kind == "object":
        return kind, tuple(sorted((name, key(part)) for name, part in value.items()))
    return kind, value
