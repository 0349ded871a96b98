"""Passages (texts that know where each character stands) and the `{{ CEL }}` in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from choreo.problem import Place, Problem, Spots, spot_at
from choreo.spec import Expr

Names = tuple[str, ...] | frozenset[str]
_OPENING = re.compile(r"\{\{")
_HALF_OPENED = re.compile(
    r"(?<!\{)\{(?!\{)[ \t]*!?(?P<name>[a-z]\w*)(?:\.[\w`]|\[|[ \t]*[?=!<>&|+*]|[ \t]+\}\})(?:[^{}\n]*\}\}|(?<=\}\}))"
)
_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}))"""
    r"""|(?P<raw>[rR][bB]?(?:"[^"\n]*"|'[^'\n]*'))"""
    r"""|(?P<line>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<brace>[{}])|(?P<word>\w+)|.""",
    re.DOTALL,
)


class Passage(Struct, frozen=True):
    """A text out of a file, and where it stands there."""

    text: str
    path: str
    spots: Spots

    def place(self, offset: int = 0) -> Place:
        return Place(self.path, *spot_at(self.spots, offset))

    def expr(self, start: int = 0, end: int | None = None) -> Expr:
        """The expression in a stretch of the text, without the white space around it."""
        part = self.text[start:end]
        text = part.strip()
        start += len(part) - len(part.lstrip())
        place = self.place(start)
        if len(self.spots) == 1:
            return Expr(text, place)
        inside = tuple((o - start, line, column) for o, line, column in self.spots if start < o < start + len(text))
        return Expr(text, place, ((0, place.line, place.column), *inside) if inside else ())


def split(passage: Passage, problems: list[Problem], names: Names = ()) -> tuple[str | Expr, ...]:
    """Literal text and expressions in turn. An unclosed `{{` and an empty `{{ }}` are Problems.

    So is `{ ... }}` with an expression that begins with one of `names`: other text may well hold braces.
    """
    parts: list[str | Expr] = []
    text, done = passage.text, 0
    for start, end in _openings(passage, problems):
        if start > done:
            parts.append(text[done:start])
            _unopened(passage, done, start, names, problems)
        done = end
        if text[start + 2 : end - 2].strip():
            parts.append(passage.expr(start + 2, end - 2))
        else:
            help = "write an expression between the braces, such as {{ input.subject }}"
            problems.append(Problem(passage.place(start), "empty-expression", "there is nothing in this `{{ }}`", help))
    if done < len(text) or not parts:
        parts.append(text[done:])
        _unopened(passage, done, len(text), names, problems)
    return tuple(parts)


def _unopened(passage: Passage, start: int, end: int, names: Names, problems: list[Problem]) -> None:
    """A Problem for each expression in a stretch of literal text that lost a brace before it."""
    for found in _HALF_OPENED.finditer(passage.text, start, end):
        if found["name"] in names:
            help = f"did you mean `{{{found.group()}`?"
            message = f"`{found.group()}` is text, as it begins with one brace"
            problems.append(Problem(passage.place(found.start()), "unopened-template", message, help))


def _openings(passage: Passage, problems: list[Problem]) -> Iterator[tuple[int, int]]:
    """(start, end) of each `{{ ... }}`, braces included."""
    index = 0
    while (found := _OPENING.search(passage.text, index)) is not None:
        end = _closing(passage.text, found.end())
        if end is None:
            help = "close it with `}}`; for the two characters themselves write {{ '{{' }}"
            problem = Problem(passage.place(found.start()), "unclosed-template", "this `{{` is never closed", help)
            problems.append(problem)
            return
        yield found.start(), end
        index = end


def _closing(text: str, index: int) -> int | None:
    """The offset behind the `}}` that closes an expression: not one inside a text or a map literal."""
    start, depth = index, 0
    while index < len(text):
        if depth == 0 and text.startswith("}}", index):
            return index + 2
        token = _TOKEN.match(text, index)
        if token is None:
            break
        if token.lastgroup == "brace":
            depth = depth + 1 if token.group() == "{" else max(0, depth - 1)
        index = token.end()
    plain = text.find("}}", start)
    return None if plain < 0 else plain + 2
