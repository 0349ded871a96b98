"""Regular expressions as JSON Schema patterns use them, read into trees. What is not regular is refused.

The dialect is that of the validator: ECMA 262 with ASCII `\\d` and `\\w`, searched anywhere in a text,
counted in code points. A tree is a tuple: ("set", ranges), ("cat", ...), ("alt", ...),
("rep", tree, least, most or None), ("begin",), ("end",), ("look", tree, wanted).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from choreo.compat import charset
from choreo.compat.charset import Ranges

Tree = tuple[Any, ...]
_MOST_COUNT = 5_000
_COUNT = re.compile(r"\{(\d+)(,(\d*))?\}")
_PROPERTY = re.compile(r"([LMNPSZ])|\{(?:(?:gc|General_Category)=)?([A-Za-z][A-Za-z_ -]*)\}")
_CODE = re.compile(r"\{([0-9A-Fa-f]{1,6})\}")
_CLASSES = {"d": charset.DIGITS, "w": charset.WORD, "s": charset.SPACE}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


class Irregular(ValueError):
    """A pattern that is no regular expression, or holds what is not read here."""


@lru_cache(maxsize=1_000)
def parse(pattern: str) -> Tree:
    """The tree of a pattern. Raises Irregular."""
    reader = _Reader(pattern)
    tree = reader.alternatives(0)
    if reader.at < len(pattern):
        raise Irregular(pattern)
    _check_begin(tree, leading=True)
    _check_end(tree, trailing=True)
    return tree


def has(tree: Tree, kind: str) -> bool:
    """Whether a part of the tree is of this kind."""
    return tree[0] == kind or any(has(part, kind) for part in tree[1:] if isinstance(part, tuple) and _is_tree(part))


def _is_tree(part: tuple[Any, ...]) -> bool:
    return bool(part) and isinstance(part[0], str)


def _check_begin(tree: Tree, leading: bool) -> None:
    """`^` may stand only where nothing stands before it: elsewhere its meaning is not that of a letter."""
    if tree[0] == "begin" and not leading:
        raise Irregular("^")
    if tree[0] in ("cat", "alt"):
        for place, part in enumerate(tree[1:]):
            _check_begin(part, leading and (tree[0] == "alt" or place == 0))
    if tree[0] in ("rep", "look"):
        _check_begin(tree[1], leading=False)


def _check_end(tree: Tree, trailing: bool) -> None:
    if tree[0] == "end" and not trailing:
        raise Irregular("$")
    if tree[0] in ("cat", "alt"):
        for place, part in enumerate(tree[1:]):
            _check_end(part, trailing and (tree[0] == "alt" or place == len(tree) - 2))
    if tree[0] in ("rep", "look"):
        _check_end(tree[1], tree[0] == "look")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def take(self, length: int = 1) -> str:
        found = self.peek(length)
        if len(found) < length:
            raise Irregular(self.text)
        self.at += length
        return found

    def alternatives(self, depth: int) -> Tree:
        if depth > 30:
            raise Irregular(self.text)
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence(depth))
        return branches[0] if len(branches) == 1 else ("alt", *branches)

    def sequence(self, depth: int) -> Tree:
        parts: list[Tree] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated(self.atom(depth)))
        return parts[0] if len(parts) == 1 else ("cat", *parts)

    def repeated(self, tree: Tree) -> Tree:
        sign = self.peek()
        if sign not in ("*", "+", "?", "{") or sign == "":
            return tree
        if tree[0] in ("begin", "end", "look"):
            raise Irregular(self.text)
        if sign == "{":
            least, most = self.count()
        else:
            self.take()
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        if self.peek() == "?":
            self.take()
        if self.peek() in ("*", "+", "{") and self.peek():
            raise Irregular(self.text)
        return ("rep", tree, least, most)

    def count(self) -> tuple[int, int | None]:
        found = _COUNT.match(self.text, self.at)
        if found is None:
            raise Irregular(self.text)
        self.at = found.end()
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if least > _MOST_COUNT or (most is not None and (most > _MOST_COUNT or most < least)):
            raise Irregular(self.text)
        return least, most

    def atom(self, depth: int) -> Tree:
        sign = self.take()
        if sign == "(":
            return self.group(depth)
        if sign == "[":
            return ("set", self.bracket())
        if sign == ".":
            return ("set", charset.NO_NEWLINE)
        if sign == "^":
            return ("begin",)
        if sign == "$":
            return ("end",)
        if sign == "\\":
            return ("set", self.escape())
        if sign in "*+?{":
            raise Irregular(self.text)
        return ("set", ((ord(sign), ord(sign)),))

    def group(self, depth: int) -> Tree:
        wanted: bool | None = None
        if self.peek() == "?":
            named = re.compile(r"\?P?<[A-Za-z_]\w*>").match(self.text, self.at)
            if named is not None:
                self.at = named.end()
            elif self.take(2) != "?:":
                sign = self.text[self.at - 1]
                if sign not in "=!":
                    raise Irregular(self.text)
                wanted = sign == "="
        tree = self.alternatives(depth + 1)
        if self.take() != ")":
            raise Irregular(self.text)
        return tree if wanted is None else ("look", tree, wanted)

    def escape(self) -> Ranges:
        sign = self.take()
        if sign.lower() in _CLASSES:
            found = _CLASSES[sign.lower()]
            return found if sign.islower() else charset.complement(found)
        if sign in "pP":
            return self.property(sign == "P")
        code = self.character(sign)
        return ((code, code),)

    def property(self, negated: bool) -> Ranges:
        found = _PROPERTY.match(self.text, self.at)
        ranges = charset.category(found[1] or found[2]) if found else None
        if found is None or ranges is None:
            raise Irregular(self.text)
        self.at = found.end()
        return charset.complement(ranges) if negated else ranges

    def character(self, sign: str) -> int:
        """The one character that `\\sign...` means."""
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if sign == "c":
            letter = self.take()
            if not (letter.isascii() and letter.isalpha()):
                raise Irregular(self.text)
            return ord(letter) % 32
        if sign in "xu":
            return self.code(2 if sign == "x" else 4)
        if sign.isascii() and sign.isalnum():
            raise Irregular(self.text)
        return ord(sign)

    def code(self, length: int) -> int:
        """A character by its number: so many hexadecimal digits, or any in braces."""
        braced = _CODE.match(self.text, self.at)
        digits = self.take(len(braced[0]))[1:-1] if braced else self.take(length)
        if not re.fullmatch("[0-9A-Fa-f]+", digits) or not charset.contains(charset.ALL, int(digits, 16)):
            raise Irregular(self.text)
        return int(digits, 16)

    def bracket(self) -> Ranges:
        negated = self.peek() == "^"
        if negated:
            self.take()
        sets: list[Ranges] = []
        while self.peek() != "]" or not sets:
            if self.peek(2) in ("&&", "--", "~~") or self.peek() in ("[", ""):
                raise Irregular(self.text)
            sets.append(self.range())
        self.take()
        found = charset.union(*sets)
        return charset.complement(found) if negated else found

    def range(self) -> Ranges:
        low = self.member()
        if self.peek() != "-" or self.peek(2) in ("-]", "-"):
            return low
        self.take()
        high = self.member()
        first, last = low[0][0], high[0][0]
        if (low, high) != (((first, first),), ((last, last),)) or last < first:
            raise Irregular(self.text)
        return charset.union(tuple((max(first, a), min(last, b)) for a, b in charset.ALL if first <= b and a <= last))

    def member(self) -> Ranges:
        sign = self.take()
        if sign == "]":
            raise Irregular(self.text)
        return self.escape() if sign == "\\" else ((ord(sign), ord(sign)),)
