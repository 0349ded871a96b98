"""Alternatives that together say something else than each of them: what was meant by a change in one of them?

`anyOf: [{type: string}, {maxLength: 5}]` says nothing at all, since what is no text has no length; and under
`oneOf: [{type: string}, {maxLength: 5}]` it is the long texts that pass. Neither is what anybody would write down on
purpose, and whoever changes one of the alternatives means to change something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from choreo.compat.document import Document
from choreo.compat.draft import Unusable

Breaks = Callable[[Document, Document], bool]
"""Whether a reader refuses something that a writer may write."""

_MOST = 8


def odd_alternatives(writer: Document, reader: Document, breaks: Breaks) -> Iterator[str]:
    """Where alternatives hardly say what was meant, and one of the writer's is included in none of the reader's."""
    for pointer, part in reader.parts.items():
        other = writer.parts.get(pointer, {})
        for word in ("anyOf", "oneOf"):
            written, read = other.get(word), part.get(word)
            if not isinstance(written, list) or not isinstance(read, list) or written == read:
                continue
            if len(written) == len(read) <= _MOST and _is_odd(writer, reader, word, (written, read), breaks):
                yield f"{pointer}/{word}"


def _is_odd(writer: Document, reader: Document, word: str, pair: tuple[list[Any], list[Any]], breaks: Breaks) -> bool:
    test = _says_nothing if word == "anyOf" else _overlaps
    try:
        if not all(test(document, parts, breaks) for document, parts in zip((writer, reader), pair, strict=True)):
            return False
        wide = [_alone(reader, part) for part in pair[1]]
        return any(all(breaks(_alone(writer, part), other) for other in wide) for part in pair[0])
    except Unusable:
        return False


def _says_nothing(document: Document, parts: list[Any], breaks: Breaks) -> bool:
    """Whether every value fits one of the alternatives, and none of them is fitted by every value."""
    anything = _alone(document, {})
    if breaks(anything, _alone(document, {"anyOf": parts})):
        return False
    return all(breaks(anything, _alone(document, part)) for part in parts)


def _overlaps(document: Document, parts: list[Any], breaks: Breaks) -> bool:
    """Whether a value is refused because it fits more than one alternative."""
    return breaks(_alone(document, {"anyOf": parts}), _alone(document, {"oneOf": parts}))


def _alone(document: Document, part: Any) -> Document:
    """A part with the definitions of the whole."""
    known = document.schema if isinstance(document.schema, Mapping) else {}
    kept = {word: known[word] for word in ("$schema", "$id", "id", "$defs", "definitions") if word in known}
    return Document({"allOf": [part], **kept}, document.draft)
