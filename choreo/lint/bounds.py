"""What is known of computed texts, lists and numbers (how long, how large): types with a demand no contract wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from choreo.contract import Contract
from choreo.lint.types import Alt, Kind, Part, Type, either
from choreo.problem import Place

_SIZES: Mapping[Kind, tuple[str, str]] = {"string": ("minLength", "maxLength"), "list": ("minItems", "maxItems")}
_WORDS = {"string": "string", "list": "array"}
_SPECIAL = r"\\^$.|?*+()\[\]{}"
"""What has a meaning of its own in a pattern, for a class of a pattern."""
_UNKNOWN = object()


def demanded(schema: Mapping[str, Any]) -> Part:
    """A schema of our own, in a contract without a name."""
    return Part(schema, Contract("", "", schema, repr(sorted(schema.items())), Place("")), "")


def at_least(kind: Kind, word: str, **demands: Any) -> Type:
    """A type of one kind (`word` in JSON Schema) that meets some demands; not all that meets them need come."""
    return Type((Alt(kind, None, (demanded({"type": word, **demands}),), loose=True),))


def sized(kind: Kind, least: int, most: int | None, item: Type | None = None, begin: str = "") -> Type:
    """Texts or lists of a size. Their size is known to lie between the two; that every such size occurs is not.

    `begin` is how all of the texts begin.
    """
    low, high = _SIZES[kind]
    schema: dict[str, Any] = {"type": _WORDS[kind]}
    if least:
        schema[low] = least
    if most is not None:
        schema[high] = most
    if begin:
        schema["pattern"] = "^" + re.sub(f"([{_SPECIAL}])", r"\\\1", begin)
    return Type((Alt(kind, None, (demanded(schema),), item=item, loose=kind == "string" or least != most),))


def written_out(items: Sequence[Type]) -> Type:
    """A list that is written out: the list itself, where each of its elements can be one value only."""
    size, values = len(items), [_only(item) for item in items]
    whole = None if any(value is _UNKNOWN for value in values) else (values,)
    part = demanded({"type": "array", "minItems": size, "maxItems": size})
    return Type((Alt("list", whole, (part,), item=either(items), items=tuple(items)),))


def _only(kind: Type) -> Any:
    """The one value that a type can be."""
    alt = kind.alts[0] if kind.alts is not None and len(kind.alts) == 1 else None
    if alt is not None and alt.values is not None and len(alt.values) == 1:
        return alt.values[0]
    if alt is None or alt.fields is None or alt.parts or alt.optional:
        return _UNKNOWN
    fields = {name: _only(field) for name, field in alt.fields.items()}
    return _UNKNOWN if any(value is _UNKNOWN for value in fields.values()) else fields


def text_of(kind: Type) -> Type:
    """What `string(x)` gives."""
    alts = [_text(alt) for alt in kind.alts or ()]
    return either(alts) if alts else Type((Alt("string"),))


def _text(alt: Alt) -> Type:
    if alt.kind == "string":
        return Type((alt,))
    if alt.kind == "bool":
        return Type((Alt("string", ("true", "false")),))
    return sized("string", 1, 20 if alt.kind == "int" else 64)


# -- how texts begin -------------------------------------------------------------------------------


def begin_of(kind: Type) -> str:
    """What all texts of a type begin with."""
    return _shared([_begin(alt) for alt in kind.alts or () if alt.kind == "string"])


def _begin(alt: Alt) -> str:
    if alt.values is not None:
        return _shared(alt.values)
    return max((begin_in(pattern)[0] for pattern in _patterns(alt)), key=len, default="")


def _shared(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last of them in order do."""
    begin, last = min(texts, default=""), max(texts, default="")
    while not last.startswith(begin):
        begin = begin[:-1]
    return begin


def begins(alt: Alt, pattern: str) -> bool:
    """Whether a pattern asks for nothing but a beginning, and every text of `alt` has it."""
    wanted, no_more = begin_in(pattern)
    return no_more and _begin(alt).startswith(wanted)


def begin_in(pattern: str) -> tuple[str, bool]:
    """What every text that matches begins with, as far as it is plain to see; whether the pattern asks no more."""
    found = re.match(rf"\^((?:[^{_SPECIAL}]|\\[{_SPECIAL}/-])*)", pattern)
    if found is None or "|" in re.sub(r"\\.", "", pattern):
        return "", False
    plain, rest = re.sub(r"\\(.)", r"\1", found[1]), pattern[found.end() :]
    return plain[:-1] if rest[:1] in ("?", "*", "+", "{") else plain, not rest


def _patterns(alt: Alt) -> list[str]:
    return [part.schema["pattern"] for part in alt.parts if isinstance(part.schema.get("pattern"), str)]


def size_of(kind: Type, of: Kind) -> tuple[int, int | None]:
    """The least and the largest size of the texts or lists that a type can be."""
    sizes = [_size(alt) for alt in kind.alts or () if alt.kind == of]
    most = [high for _, high in sizes if high is not None]
    return min((low for low, _ in sizes), default=0), max(most) if most and len(most) == len(sizes) else None


def _size(alt: Alt) -> tuple[int, int | None]:
    if alt.values is not None:
        sizes = [len(value) for value in alt.values]
        return min(sizes, default=0), max(sizes, default=0)
    low, high = _SIZES[alt.kind]
    least = [part.schema[low] for part in alt.parts if isinstance(part.schema.get(low), int)]
    most = [part.schema[high] for part in alt.parts if isinstance(part.schema.get(high), int)]
    return max(least, default=0), min(most, default=None)


VISITS = at_least("int", "integer", minimum=0)
CONFIDENCE = at_least("number", "number", minimum=0, maximum=1)
NAME = at_least("string", "string", minLength=1, maxLength=64)
