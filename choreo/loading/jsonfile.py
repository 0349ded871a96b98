"""JSON files with positions: what is wrong with the text, and where a JSON pointer stands in it."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

from msgspec import Struct

from choreo.canonical import NotData, check
from choreo.loading.text import place_at
from choreo.problem import Place, Problem

MAX_CONTRACT = 1_000_000
"""Characters of a contract file beyond which it is refused: a contract is read by people."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_SAFE_DEPTH = 200


class _Twice(ValueError):
    """A key that stands twice in one object."""


def read_json(text: str, path: str, problems: list[Problem]) -> Any:
    """The value of a JSON text, or None with a Problem added."""
    problem = _too_much(text, path)
    if problem is None:
        try:
            value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
            check(value)
            return value
        except json.JSONDecodeError as error:
            place = place_at(text, error.pos, path)
            problem = Problem(
                place, "bad-json", f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", _advice(text, error.pos)
            )
        except _Twice:
            problem = _duplicate(text, path)
        except (NotData, ValueError, RecursionError) as error:
            place = json_place(text, path, error.pointer) if isinstance(error, NotData) else Place(path)
            reason = error.reason if isinstance(error, NotData) else str(error)
            problem = Problem(place, "bad-json", reason, "a contract is plain JSON")
    problems.append(problem)
    return None


def _too_much(text: str, path: str) -> Problem | None:
    if len(text) > MAX_CONTRACT:
        message = f"the file holds {len(text):,} characters; a contract may hold {MAX_CONTRACT:,}"
        return Problem(
            Place(path), "contract-too-large", message, "split the contract, or describe less of the payload"
        )
    if text.count("{") + text.count("[") <= _SAFE_DEPTH:
        return None
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token.group() in "{[") - (token.group() in "}]")
        if depth > _SAFE_DEPTH:
            return Problem(place_at(text, token.start(), path), "contract-too-deep", "nested too deeply", "flatten it")
    return None


def _advice(text: str, index: int) -> str:
    before = text[:index].rstrip()[-1:]
    if text[index : index + 1] in "}]" and before == ",":
        return "remove the comma before it"
    if text[index : index + 1] in "}]" or before == ",":
        return "check the commas around it: none after the last item"
    if text[index : index + 2] in ("//", "/*") or text[index : index + 1] == "#":
        return "JSON has no comments: use the keyword `$comment`"
    if text[index : index + 1] == "'":
        return "use double quotes"
    return "check the quotes and commas around it"


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _duplicate(text: str, path: str) -> Problem:
    seen: dict[str, int] = {}
    for pointer, key_at, _ in _walk(text):
        if key_at >= 0 and pointer in seen:
            key = pointer.rsplit("/", 1)[1].replace("~1", "/").replace("~0", "~")
            also = ((place_at(text, seen[pointer], path), "the first one"),)
            message = f"the key `{key}` stands twice in one object"
            return Problem(place_at(text, key_at, path), "duplicate-key", message, "keep one of the two", also=also)
        seen.setdefault(pointer, key_at)
    return Problem(Place(path), "duplicate-key", "a key stands twice in one object", "keep one of the two")


def json_place(text: str, path: str, pointer: str, *, at_key: bool = False) -> Place:
    """Where a pointer stands in a JSON text: its key, or its value. The nearest part above that exists."""
    return JsonText(text, path)(pointer, at_key)


class JsonText(Struct, frozen=True, dict=True):
    """Where JSON pointers stand in a valid JSON text: found on the first call, none of it before."""

    text: str
    path: str

    def __call__(self, pointer: str, at_key: bool) -> Place:
        while pointer not in self._spots and pointer:
            pointer = pointer.rpartition("/")[0]
        key_at, value_at = self._spots.get(pointer, (-1, 0))
        return place_at(self.text, key_at if at_key and key_at >= 0 else value_at, self.path)

    @cached_property
    def _spots(self) -> dict[str, tuple[int, int]]:
        return {found: (key_at, value_at) for found, key_at, value_at in _walk(self.text)}


def _walk(text: str) -> list[tuple[str, int, int]]:
    """(pointer, offset of its key or -1, offset of its value) of every value of a valid JSON text."""
    found: list[tuple[str, int, int]] = []
    stack: list[tuple[str, int]] = []  # (pointer of the open object or list, next index or -1 for an object)
    key, key_at, wants_key = "", -1, False
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word in "}]":
            stack.pop()
            wants_key = False
        elif word == ",":
            wants_key = bool(stack) and stack[-1][1] < 0
        elif wants_key and word != ":":
            key, key_at, wants_key = json.loads(word), token.start(), False
        elif word != ":":
            pointer, here = _below(stack, key), key_at if stack and stack[-1][1] < 0 else -1
            found.append((pointer, here, token.start()))
            if word in "{[":
                stack.append((pointer, -1 if word == "{" else 0))
                wants_key = word == "{"
    return found


def _below(stack: list[tuple[str, int]], key: str) -> str:
    """The pointer of the value that comes next; counts on where it is a list's."""
    if not stack:
        return ""
    above, index = stack[-1]
    if index < 0:
        return f"{above}/{key.replace('~', '~0').replace('/', '~1')}"
    stack[-1] = (above, index + 1)
    return f"{above}/{index}"
