"""The fields of a contract as a person fills them in, one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo.canonical import NotData, decode
from choreo.gates.base import Asking
from choreo.render.text import one_line

WHOLE = "answer"
"""The name under which a contract without properties is asked as one value."""

_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "y or n",
    "array": "a list, as JSON",
    "object": "an object, as JSON",
    "null": "null",
}


class Unreadable(ValueError):
    """What was typed is not a value of the field's type."""


@dataclass(frozen=True)
class Field:
    """One field: `text` is what the person is asked; `whole` marks the value as the entire answer.

    `suggested` are answers that would do; any other text may be given. `pointer` is where it stands in the answer.
    """

    name: str
    schema: Mapping[str, Any]
    required: bool
    text: str
    whole: bool = False
    suggested: tuple[str, ...] = ()
    pointer: str = ""

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values allowed, where the contract lists them."""
        if "const" in self.schema:
            return (self.schema["const"],)
        listed = self.schema.get("enum")
        return tuple(listed) if isinstance(listed, list) else ()

    @property
    def types(self) -> tuple[str, ...]:
        named = self.schema.get("type", ())
        return (named,) if isinstance(named, str) else tuple(name for name in named if isinstance(name, str))

    @property
    def kind(self) -> str:
        """What may be typed, in words."""
        if self.choices:
            return "a number from the list"
        if self.suggested:
            return "a number from the list, or your own words"
        return " or ".join(_KINDS.get(name, name) for name in self.types) or "text or JSON"


def fields_of(schema: Mapping[str, Any] | None, questions: Mapping[str, str]) -> tuple[Field, ...]:
    """The fields, required ones first, each group in the contract's order."""
    schema = schema or {}
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return (Field(WHOLE, schema, True, questions.get(WHOLE) or _text_of(schema, "Your answer"), whole=True),)
    listed = schema.get("required")
    required = listed if isinstance(listed, list) else []
    fields = [
        Field(name, part, name in required, questions.get(name) or _text_of(part, name))
        for name, part in ((name, _resolved(part, schema)) for name, part in properties.items())
    ]
    return tuple(sorted(fields, key=lambda field: not field.required))


def fields_asked(asks: Sequence[Asking]) -> tuple[Field, ...]:
    """The fields of questions that are data: none has to be answered."""
    return tuple(
        Field(f"answer_{place + 1}", {"type": "string"}, False, ask.text, False, ask.choices, f"/answers/{place}")
        for place, ask in enumerate(asks)
    )


def describe(schema: Mapping[str, Any] | None) -> list[str]:
    """One line per field: name, type or values, whether it is required, what it means."""
    fields = fields_of(schema, {}) if schema else ()
    return [_described(field) for field in fields if not field.whole]


def contract_notes(contract: str | None, schema: Mapping[str, Any] | None) -> list[str]:
    """The contract's fields in short, as lines for the header above a payload in the editor."""
    lines = describe(schema)
    return ["", f"Fields of {contract or 'the contract'}:", *(f"  {line}" for line in lines)] if lines else []


def parse(field: Field, typed: str) -> Any:
    """The value that was typed for a field. Raises Unreadable."""
    said = typed.strip()
    if field.choices:
        return _chosen(field, said)
    if field.suggested and said.isascii() and said.isdigit() and 1 <= int(said) <= len(field.suggested):
        return field.suggested[int(said) - 1]
    if said == '""' and "string" in field.types:
        return ""
    if field.types == ("boolean",):
        return _yes_or_no(said)
    if "string" in field.types and not ("null" in field.types and said == "null"):
        return typed if field.types == ("string",) else _json_or_text(field, typed)
    return _json_or_text(field, typed)


def concerns(field: Field, violation: str) -> bool:
    """True where a violation's JSON pointer lies in the field."""
    if field.pointer:
        return re.search(rf"(?<![\w/~-]){field.pointer}(?![\w~-])", violation) is not None
    token = field.name.replace("~", "~0").replace("/", "~1")
    return field.whole or re.search(rf"(?<![\w/~-])/{re.escape(token)}(?![\w~-])", violation) is not None


def _chosen(field: Field, said: str) -> Any:
    if said.isascii() and said.isdigit() and 1 <= int(said) <= len(field.choices):
        return field.choices[int(said) - 1]
    for choice in field.choices:
        if isinstance(choice, str) and choice == said:
            return choice
    raise Unreadable(f"expected a number from 1 to {len(field.choices)}")


def _yes_or_no(said: str) -> bool:
    if said.lower() in ("y", "yes", "true"):
        return True
    if said.lower() in ("n", "no", "false"):
        return False
    raise Unreadable("expected y or n")


def _json_or_text(field: Field, typed: str) -> Any:
    try:
        return decode(typed)
    except NotData as error:
        if not field.types or "string" in field.types:
            return typed
        raise Unreadable(f"expected {field.kind} ({error.reason})") from error


def _resolved(part: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A property's schema, one local `$ref` followed: enough to name its type and values."""
    if not isinstance(part, Mapping):
        return {}
    ref = part.get("$ref")
    if not isinstance(ref, str) or not ref.startswith("#/"):
        return part
    found: Any = schema
    for token in ref[2:].split("/"):
        found = found.get(token.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return {**found, **part} if isinstance(found, Mapping) else part


def _text_of(schema: Mapping[str, Any], otherwise: str) -> str:
    for key in ("description", "title"):
        text = schema.get(key)
        if isinstance(text, str) and text.strip():
            return text
    return otherwise


def _described(field: Field) -> str:
    kind = " | ".join(json.dumps(choice, ensure_ascii=False) for choice in field.choices) or field.kind
    bounds: Sequence[str] = [f"{key} {field.schema[key]}" for key in _BOUNDS if key in field.schema]
    about = "" if field.text == field.name else f": {field.text}"
    detail = ", ".join([kind, *bounds, "required" if field.required else "optional"])
    return one_line(f"{field.name} ({detail}){about}")


_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems")
