"""Violations in words: what was expected, and what was found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from choreo.contract.tree import escaped

_SHOWN = 60
_KINDS = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def explain(error: Any) -> tuple[str, str]:
    """(JSON pointer, sentence) of a validation error of jsonschema_rs."""
    pointer = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
    return pointer, sentence(error)


def sentence(error: Any) -> str:
    """What was expected and what was found, in words. Values are shortened."""
    write = _SENTENCES.get(type(error.kind).__name__)
    return write(error.kind, error) if write else f"{error.message[:200]}"


def shortened(value: Any, length: int = _SHOWN) -> str:
    """A value as JSON on one line, cut after `length` characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else f"{text[:length]}…"


def found(value: Any) -> str:
    """A value and its kind, in words."""
    if isinstance(value, dict):
        return f"an object {shortened(value)}"
    if isinstance(value, list):
        return f"a list {shortened(value)}"
    if isinstance(value, str):
        return f"the text {shortened(value)}"
    return shortened(value) if value is None or isinstance(value, bool) else f"the number {shortened(value)}"


def _names(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _values(values: list[Any]) -> str:
    shown = ", ".join(shortened(value) for value in values[:12])
    return shown + (f" and {len(values) - 12} more" if len(values) > 12 else "")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _type(kind: Any, error: Any) -> str:
    kinds = " or ".join(_KINDS.get(name, name) for name in kind.types)
    return f"expected {kinds}, found {found(error.instance)}"


def _alternatives(kind: Any, error: Any) -> str:
    """The first objection of each alternative, so that one sees which was meant."""
    reasons = []
    for number, errors in enumerate(kind.context[:4], start=1):
        if errors:
            pointer = "".join(f"/{escaped(str(part))}" for part in errors[0].instance_path[len(error.instance_path) :])
            reasons.append(f"({number}) {pointer + ': ' if pointer else ''}{sentence(errors[0])[:150]}")
    count = len(kind.context)
    more = f" and {count - 4} more" if count > 4 else ""
    return f"fits none of the {count} alternatives: {'; '.join(reasons)}{more}"


def _several(kind: Any, error: Any) -> str:
    fitting = [str(place) for place, errors in enumerate(kind.context, start=1) if not errors]
    return f"expected to fit exactly one of {len(kind.context)} alternatives, fits {' and '.join(fitting[:8])}"


def _length(kind: Any, error: Any, bound: str, noun: str) -> str:
    return f"expected {bound} {_plural(kind.limit, noun)}, found {len(error.instance)}: {shortened(error.instance)}"


def _unexpected(kind: Any, error: Any) -> str:
    return f"has {_names(kind.unexpected)}, which the contract does not know"


def _limit(words: str) -> Callable[[Any, Any], str]:
    return lambda kind, error: f"expected {words} {kind.limit}, found {shortened(error.instance)}"


_SENTENCES: dict[str, Callable[[Any, Any], str]] = {
    "Type": _type,
    "Required": lambda kind, _: f"the field `{kind.property}` is missing",
    "AdditionalProperties": _unexpected,
    "UnevaluatedProperties": _unexpected,
    "Enum": lambda kind, error: f"expected one of {_values(kind.options)}, found {shortened(error.instance)}",
    "Constant": lambda kind, error: f"expected {shortened(kind.expected_value)}, found {shortened(error.instance)}",
    "AnyOf": _alternatives,
    "OneOfNotValid": _alternatives,
    "OneOfMultipleValid": _several,
    "MinLength": lambda kind, error: _length(kind, error, "at least", "character"),
    "MaxLength": lambda kind, error: _length(kind, error, "at most", "character"),
    "MinItems": lambda kind, error: _length(kind, error, "at least", "item"),
    "MaxItems": lambda kind, error: _length(kind, error, "at most", "item"),
    "MinProperties": lambda kind, error: _length(kind, error, "at least", "field"),
    "MaxProperties": lambda kind, error: _length(kind, error, "at most", "field"),
    "Minimum": _limit("at least"),
    "Maximum": _limit("at most"),
    "ExclusiveMinimum": _limit("more than"),
    "ExclusiveMaximum": _limit("less than"),
    "MultipleOf": lambda kind, error: f"expected a multiple of {kind.multiple_of}, found {shortened(error.instance)}",
    "Pattern": lambda kind, error: (
        f"expected a text that fits `{kind.pattern[:100]}`, found {shortened(error.instance)}"
    ),
    "UniqueItems": lambda _, error: f"expected every item once, found some twice in {shortened(error.instance)}",
    "Contains": lambda _, error: (
        f"has too few or too many items of the kind that `contains` asks for: {found(error.instance)}"
    ),
    "Not": lambda _, error: f"fits what the contract forbids (`not`): {found(error.instance)}",
    "FalseSchema": lambda _, error: f"nothing may stand here, found {found(error.instance)}",
    "PropertyNames": lambda kind, _: f"has a field name that is not allowed: {sentence(kind.error)}",
    "UnevaluatedItems": lambda kind, _: f"has {_plural(len(kind.unexpected), 'item')} that the contract does not know",
    "BacktrackLimitExceeded": lambda _, error: f"the pattern takes too many steps on {shortened(error.instance)}",
}
