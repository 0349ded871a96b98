"""Regular expressions as JSON Schema patterns use them, read into trees. What is not regular is refused.

The dialect is that of the validator: ECMA 262 with ASCII `\\d` and `\\w`, searched anywhere in a text, counted in
code points; beyond it `(?i)`, and `\\b` that knows the letters of every script. A tree is a tuple: ("set", ranges),
("cat", ...), ("alt", ...), ("rep", tree, least, most or None), ("begin",), ("end",), ("look", tree, wanted),
("edge", ranges, wanted) for where a word begins or ends.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, product, takewhile
from typing import Any

from choreo.compat import charset
from choreo.compat.charset import Ranges

Tree = tuple[Any, ...]
_MOST_COUNT = 5_000
_MOST_FLAT = 16
_COUNT = re.compile(r"\{(\d+)(,(\d*))?\}")
_PROPERTY = re.compile(r"[A-Za-z]|\{\^?[\w =:!-]+\}", re.ASCII)
_FLAGS = re.compile(r"\?([is]*)(?:-([ims]+))?([:)])")
_ASCII_EDGES = ("(?-u:\\b)", "(?-u:\\B)")
_CODE = re.compile(r"\{([0-9A-Fa-f]{1,6})\}")
_CLASSES = {"d": charset.DIGITS, "w": charset.WORD, "s": charset.SPACE}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


class Irregular(ValueError):
    """A pattern that is no regular expression, or holds what is not read here."""


@lru_cache(maxsize=1_000)
def parse(pattern: str) -> Tree:
    """The tree of a pattern. Raises Irregular."""
    tree = _Reader(pattern).whole()
    if has(tree, "look") and not (pattern.startswith("^(?=") and _is_list_of_looks(tree)):
        tree = _Reader(pattern, as_it_stands=True).whole()
    _check_begin(tree, leading=True)
    return _ends_placed(tree, trailing=True)


def has(tree: Tree, kind: str) -> bool:
    """Whether a part of the tree is of this kind."""
    return tree[0] == kind or any(has(part, kind) for part in tree[1:] if isinstance(part, tuple) and _is_tree(part))


def flat(tree: Tree) -> list[tuple[Tree, ...]]:
    """The alternatives of a tree as sequences in which each edge of a word stands by itself. Raises Irregular."""
    if tree[0] == "alt" and has(tree, "edge"):
        found = [parts for part in tree[1:] for parts in flat(part)]
    elif tree[0] == "cat":
        found = [tuple(chain(*parts)) for parts in product(*map(flat, tree[1:]))]
    elif tree[0] in ("rep", "look") and has(tree, "edge"):
        raise Irregular("a repeated edge of a word")
    else:
        found = [(tree,)]
    if len(found) > _MOST_FLAT:
        raise Irregular("too many alternatives with edges of words")
    return found


def _is_list_of_looks(tree: Tree) -> bool:
    """Whether a pattern looks ahead at its very beginning only: the validator tests each of these by itself."""
    if tree[:2] != ("cat", ("begin",)):
        return False
    looks = list(takewhile(lambda part: part[0] == "look" and part[2], tree[2:]))
    return not any(has(part, "look") for part in (*(look[1] for look in looks), *tree[2 + len(looks) :]))


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


def _ends_placed(tree: Tree, trailing: bool) -> Tree:
    """The tree, with a `$` that something stands behind as a look at the end: only the last one is like a letter."""
    if tree[0] == "end":
        return tree if trailing else ("look", tree, True)
    if tree[0] in ("cat", "alt"):
        last = len(tree) - 2
        return (tree[0], *(_ends_placed(part, trailing and (tree[0] == "alt" or place == last))
                           for place, part in enumerate(tree[1:])))  # fmt: skip
    if tree[0] in ("rep", "look"):
        return (tree[0], _ends_placed(tree[1], tree[0] == "look"), *tree[2:])
    return tree


def _word() -> Ranges:
    """The characters of words, as the validator knows them."""
    return charset.asked(r"^\b.\b$") or charset.WORD


class _Reader:
    """Reads one pattern. The validator takes one that looks ahead `as_it_stands`: as Rust reads it, not ECMA 262."""

    def __init__(self, text: str, *, as_it_stands: bool = False) -> None:
        self.text = text
        self.at = 0
        self.folds = False
        self.dot_is_all = False
        self.as_it_stands = as_it_stands

    def whole(self) -> Tree:
        tree = self.alternatives(0)
        if self.at < len(self.text):
            raise Irregular(self.text)
        return tree

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
            part = self.repeated(self.atom(depth))
            parts += [part] if part != ("cat",) else []
        return parts[0] if len(parts) == 1 else ("cat", *parts)

    def repeated(self, tree: Tree) -> Tree:
        sign = self.peek()
        if sign not in ("*", "+", "?", "{") or sign == "":
            return tree
        if tree[0] in ("begin", "end", "look", "edge", "flags"):
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
            return ("set", self.dot())
        if sign == "^":
            return ("begin",)
        if sign == "$":
            return ("end",)
        if sign == "\\":
            return self.escaped()
        if sign in "*+?{":
            raise Irregular(self.text)
        return ("set", self.cased(((ord(sign), ord(sign)),)))

    def escaped(self) -> Tree:
        sign = self.peek()
        if sign in ("A", "z", "b", "B"):
            self.take()
            return {"A": ("begin",), "z": ("end",)}.get(sign) or ("edge", _word(), sign == "b")
        return ("set", self.cased(self.escape()))

    def dot(self) -> Ranges:
        """What `.` stands for. `(?s)` counts only in what is not translated."""
        if not self.as_it_stands:
            return charset.NO_LINE_END
        return charset.ALL if self.dot_is_all else charset.complement(((10, 10),))

    def kind(self, sign: str) -> Ranges:
        """What `\\d`, `\\w` and `\\s` stand for."""
        if not self.as_it_stands:
            return _CLASSES[sign]
        return _word() if sign == "w" else charset.asked({"d": r"^\p{Nd}$", "s": r"^\p{White_Space}$"}[sign]) or ()

    def cased(self, ranges: Ranges) -> Ranges:
        """The set, with both cases of its letters where case does not count."""
        return charset.folded(ranges) if self.folds else ranges

    def group(self, depth: int) -> Tree:
        edge = self.text[self.at - 1 : self.at - 1 + len(_ASCII_EDGES[0])]
        if edge in _ASCII_EDGES:
            self.at += len(edge) - 1
            return ("edge", charset.WORD, edge == _ASCII_EDGES[0])
        flags = self.folds, self.dot_is_all
        wanted = self.opening() if self.peek() == "?" else None
        if self.text[self.at - 1] == ")":
            return ("cat",)
        tree = self.alternatives(depth + 1)
        self.folds, self.dot_is_all = flags
        if self.take() != ")":
            raise Irregular(self.text)
        return tree if wanted is None else ("look", tree, wanted)

    def opening(self) -> bool | None:
        """What stands behind the parenthesis: whether a look ahead is to succeed, None where it is none.

        Flags without a group of their own (`(?i)`) are read whole: they hold to the end of the group around them.
        """
        named = re.compile(r"\?P?<[A-Za-z_]\w*>").match(self.text, self.at)
        flags = _FLAGS.match(self.text, self.at)
        if named is not None:
            self.at = named.end()
        elif self.peek(2) in ("?=", "?!"):
            return self.take(2) == "?="
        elif flags is None:
            raise Irregular(self.text)
        else:
            self.at = flags.end()
            on, off = flags[1], flags[2] or ""
            self.folds = "i" not in off and (self.folds or "i" in on)
            self.dot_is_all = "s" not in off and (self.dot_is_all or "s" in on)
        return None

    def escape(self) -> Ranges:
        sign = self.take()
        if sign.lower() in _CLASSES:
            found = self.cased(self.kind(sign.lower()))
            return found if sign.islower() else charset.complement(found)
        if sign in "pP":
            return self.property(sign == "P")
        code = self.character(sign)
        return ((code, code),)

    def property(self, negated: bool) -> Ranges:
        found = _PROPERTY.match(self.text, self.at)
        ranges = charset.asked(rf"^\p{found[0]}$") if found else None
        if found is None or ranges is None:
            raise Irregular(self.text)
        self.at = found.end()
        return charset.complement(self.cased(ranges)) if negated else ranges

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
        found = self.cased(charset.union(*sets))
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
