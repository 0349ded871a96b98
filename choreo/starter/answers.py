"""Answers of a person, read one by one: each reader returns the value, or raises Unclear with what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from typing import TypeVar

from choreo.expression import ExpressionSyntax, parse
from choreo.loading.names import name_problem
from choreo.loading.shape import spec_schema
from choreo.problem import Place
from choreo.starter.draft import KINDS, Field, FieldKind

LONGEST = 300
W = TypeVar("W", bound=str)


class Unclear(ValueError):
    """An answer that cannot be taken: why, and what might be meant instead."""

    def __init__(self, message: str, better: str = "") -> None:
        super().__init__(message)
        self.better = better


_FORBIDDEN = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def plain(answer: str) -> str:
    """An answer as text on one line. Raises Unclear where it cannot be shown as it is."""
    text = " ".join(answer.split(" ")).strip()
    odd = next((char for char in text if unicodedata.category(char) in _FORBIDDEN or char in _TURNING), None)
    if odd is not None:
        raise Unclear(f"there is a character in it that does not show (U+{ord(odd):04X}): type the answer again")
    if "${env:" in text:
        raise Unclear("`${env:NAME}` belongs into the settings of a model or a service, not into a text")
    if len(text) > LONGEST:
        raise Unclear(f"{len(text):,} characters are too many, {LONGEST} are kept: say it shorter")
    return text


def some(answer: str) -> str:
    """An answer that may not be empty."""
    text = plain(answer)
    if not text:
        raise Unclear("an answer is needed here")
    return text


def slug(text: str, sign: str = "_") -> str:
    """A name made of a text: lower case letters, digits and `sign`, a letter first; empty where nothing is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"^[^a-z]+", "", re.sub(r"[^a-z0-9]+", sign, ascii_text)).strip(sign)[:40].rstrip(sign)


def project_name(answer: str) -> str:
    """The name of a spec, and of its file."""
    return _name(answer, "-")


def plain_name(answer: str) -> str:
    """The name of a contract or a person."""
    return _name(answer, "_")


def _name(answer: str, sign: str) -> str:
    text = some(answer)
    if re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", text) and text not in _YAML_WORDS:
        return text
    better = slug(text, sign)
    better = f"my{sign}{better}" if better in _YAML_WORDS else better
    raise Unclear("a name is lower case letters, digits, `-` and `_`, at most 40, a letter first", better)


_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def role_name(answer: str, taken: Collection[str] = ()) -> str:
    """A name that expressions use: no word of the expression language, none twice. Raises Unclear with another."""
    text = some(answer)
    schema = spec_schema()["$defs"]["expressionName"]
    found = name_problem(text, schema, Place(""), taken)
    if found is not None:
        better = slug(text)
        raise Unclear(found.message, f"my_{text}" if better == text else better)
    if len(text) > 40:
        raise Unclear("a name has at most 40 characters", slug(text))
    if text in taken:
        raise Unclear(f"`{text}` is there already", unused(text, taken))
    return text


def unused(name: str, taken: Collection[str]) -> str:
    """The name, or the name with a number where it is taken."""
    number, better = 2, name
    while better in taken:
        better, number = f"{name}_{number}", number + 1
    return better


def people(answer: str) -> tuple[tuple[str, str], ...]:
    """`lead: Team lead; agent` as (name, who this is) pairs."""
    found: dict[str, str] = {}
    for part in some(answer).split(";"):
        head, colon, text = part.partition(":")
        name = slug(head)
        if not name or name in _YAML_WORDS:
            raise Unclear(f"`{part.strip()}` gives no name: write `lead: Team lead`, several with `;` between")
        found[name] = (text if colon else head).strip() or name
    return tuple(found.items())


def kinds(answer: str) -> tuple[str, ...]:
    """`reader, drafter, actor`; the beginning of a kind is enough where it is the only one."""
    found = []
    for word in re.split(r"[,\s]+", some(answer).lower().strip(", ")):
        meant = [kind for kind in KINDS if kind == word or kind.startswith(word)]
        if len(meant) != 1:
            raise Unclear(f"`{word}` is none of the kinds: {', '.join(KINDS)}")
        found.append(meant[0])
    if len(found) > 20:
        raise Unclear("more than 20 roles: begin with fewer, more are added in the spec")
    return tuple(found)


def fields(answer: str) -> tuple[Field, ...]:
    """`sender, amount number, urgent yes/no, tags list, action pay|decline`. Raises Unclear."""
    found: dict[str, Field] = {}
    for part in some(answer).split(","):
        if part.strip():
            field = _field(part.strip())
            if field.name in found:
                raise Unclear(f"`{field.name}` is there twice")
            found[field.name] = field
    if not found:
        raise Unclear("name at least one field")
    return tuple(found.values())


def _field(text: str) -> Field:
    name, _, kind = text.partition(" ")
    kind = kind.strip()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or not _can_be_read(name):
        better = slug(name)
        hint = f", such as `{f'the_{name}' if better == name else better}`" if better else ""
        raise Unclear(f"`{name}` cannot be a field's name: lower case letters, digits and `_`{hint}")
    if "|" in kind:
        choices = tuple(dict.fromkeys(choice.strip() for choice in kind.split("|") if choice.strip()))
        if len(choices) < 2:
            raise Unclear(f"`{name}` has one value only: write at least two, such as pay|decline")
        return Field(name, "choice", choices)
    known = _FIELD_KINDS.get(kind.lower())
    if known is None:
        raise Unclear(f"`{kind}` is no type: text, number, whole, yes/no, list, or values such as pay|decline")
    return Field(name, known)


_FIELD_KINDS: dict[str, FieldKind] = {
    "": "text",
    "text": "text",
    "string": "text",
    "number": "number",
    "whole": "whole",
    "whole number": "whole",
    "integer": "whole",
    "yes/no": "yes/no",
    "boolean": "yes/no",
    "list": "list",
}


def _can_be_read(name: str) -> bool:
    """Whether an expression can say `input.NAME`: a few words of the expression language cannot be said so."""
    try:
        parse(f"input.{name}")
    except ExpressionSyntax:
        return False
    return True


def duration(answer: str) -> str:
    """`48h`, as the language writes durations."""
    text = some(answer).replace(" ", "")
    if not re.fullmatch(r"[1-9][0-9]{0,5}(ms|s|m|h|d)", text):
        raise Unclear("a duration is a number and s, m, h or d: 30s, 10m, 48h, 7d")
    return text


def whole(answer: str) -> int:
    text = some(answer)
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise Unclear("a whole number from 1 on is needed")
    return int(text)


def amount(answer: str) -> float | None:
    """A number, or None for no answer."""
    text = plain(answer)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}([.][0-9]{1,4})?", text) or not float(text):
        raise Unclear("a number is needed, such as 12 or 2.5")
    return float(text)


def one_of(*words: W) -> Callable[[str], W]:
    """A reader of one of several words; the beginning of one is enough where it is the only one."""

    def read(answer: str) -> W:
        text = some(answer)
        exactly = [word for word in words if word == text]
        meant = exactly or [word for word in words if word.startswith(text.lower())]
        if len(meant) != 1:
            raise Unclear(f"one of these is needed: {', '.join(words)}")
        return meant[0]

    return read
