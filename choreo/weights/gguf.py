"""Reads the few facts choreo needs from a GGUF file's head: architecture, name, training context."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"GGUF"
_SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 20


class NotGguf(ValueError):
    """The file is not a GGUF file, or its head is cut off."""


@dataclass(frozen=True, slots=True)
class Head:
    """`context` is the number of tokens the model was trained for, None where the file does not say."""

    architecture: str
    name: str
    context: int | None


def read_head(path: Path) -> Head:
    """The facts in a file's head. Raises NotGguf, OSError."""
    with path.open("rb") as stream:
        if stream.read(4) != MAGIC:
            raise NotGguf(f"{path} is not a GGUF file (it does not begin with {MAGIC.decode()})")
        try:
            return _read(stream)
        except (struct.error, UnicodeDecodeError, KeyError, MemoryError) as error:
            raise NotGguf(f"{path} is not a complete GGUF file") from error


def _read(stream: BinaryIO) -> Head:
    _, _, count = struct.unpack("<IQQ", stream.read(20))
    found: dict[str, Any] = {}
    for _ in range(min(count, 4096)):
        key = _text(stream)
        if key.startswith("tokenizer."):  # the long lists stand last
            break
        found[key] = _value(stream, _number(stream, "I"))
    architecture = str(found.get("general.architecture", ""))
    context = found.get(f"{architecture}.context_length")
    return Head(architecture, str(found.get("general.name", "")), context if isinstance(context, int) else None)


def _number(stream: BinaryIO, kind: str) -> Any:
    size = struct.calcsize("<" + kind)
    return struct.unpack("<" + kind, stream.read(size))[0]


def _text(stream: BinaryIO) -> str:
    length = _number(stream, "Q")
    if length > _LONGEST:
        raise KeyError(length)
    return stream.read(length).decode("utf-8")


def _value(stream: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(stream)
    if kind == _ARRAY:
        inner, length = _number(stream, "I"), _number(stream, "Q")
        if length > _LONGEST:
            raise KeyError(length)
        return [_value(stream, inner) for _ in range(length)]
    return _number(stream, _SIZES[kind])
