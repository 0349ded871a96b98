"""Languages of texts: intersections and complements of patterns, decided by derivatives.

A text is read as BEGIN, its characters, END, so that `^` and `$` are letters like others. Terms are
small numbers in a table; equal terms are one. The shortest text of a language is found breadth first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from choreo.compat import charset, regex
from choreo.compat.budget import Budget
from choreo.compat.charset import Ranges, contains, representatives
from choreo.compat.regex import Irregular, Tree, flat, has

BEGIN, END = -1, -2
NOTHING, EMPTY_TEXT = 0, 1
_UNROLLED = 4
_MOST_COUNTED = 300
"""Characters of a wanted length that a search counts one by one."""
_LONGEST = 200_000

Term = int


class TooLong(Exception):
    """A text of the wanted length is not looked for."""


class Language:
    """The terms of one comparison."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._terms: list[tuple[Any, ...]] = [("nothing",), ("empty",)]
        self._numbers: dict[tuple[Any, ...], int] = {term: place for place, term in enumerate(self._terms)}
        self._nullable: dict[int, bool] = {}
        self._derived: dict[tuple[int, int], int] = {}
        self._sets: set[Ranges] = set()
        self._letters: tuple[int, ...] | None = None
        self._patterns: dict[str, Term] = {}
        self.nothing = NOTHING
        self.anything = self.inverse(NOTHING)
        self._rest = self.star(self.letters(charset.ALL))

    # -- building ------------------------------------------------------------------------------------

    def pattern(self, text: str) -> Term:
        """The texts in which a pattern is found. Raises Irregular."""
        known = self._patterns.get(text)
        if known is None:
            tree = regex.parse(text)
            tail = self.either((self.chain(self._rest, self.letter(END)), EMPTY_TEXT))
            if has(tree, "edge"):
                known = self.either(self._edged(parts, tail) for parts in flat(tree))
            else:
                here = self._build(tree, tail)
                known = self.either((here, self.chain(self.chain(self.letter(BEGIN), self._rest), here)))
            self._patterns[text] = known
        return known

    def word(self, text: str) -> Term:
        """Exactly this text."""
        term = self.letter(END)
        for char in reversed(text):
            term = self.chain(self.letters(((ord(char), ord(char)),)), term)
        return self.chain(self.letter(BEGIN), term)

    def letter(self, code: int) -> Term:
        return self._number(("set", ((code, code),)))

    def letters(self, ranges: Ranges) -> Term:
        if not ranges:
            return NOTHING
        if ranges not in self._sets:
            self._sets.add(ranges)
            self._letters = None
        return self._number(("set", ranges))

    def chain(self, first: Term, second: Term) -> Term:
        if NOTHING in (first, second):
            return NOTHING
        if first == EMPTY_TEXT:
            return second
        if second == EMPTY_TEXT:
            return first
        head = self._terms[first]
        if head[0] == "chain":
            return self.chain(head[1], self.chain(head[2], second))
        return self._number(("chain", first, second))

    def either(self, terms: Iterable[Term]) -> Term:
        parts = self._flat("either", terms) - {NOTHING}
        if self.anything in parts:
            return self.anything
        if len(parts) < 2:
            return next(iter(parts), NOTHING)
        return self._number(("either", frozenset(parts)))

    def both(self, terms: Iterable[Term]) -> Term:
        parts = self._flat("both", terms) - {self.anything}
        if NOTHING in parts or any(self.inverse(part) in parts for part in parts):
            return NOTHING
        if len(parts) < 2:
            return next(iter(parts), self.anything)
        return self._number(("both", frozenset(parts)))

    def inverse(self, term: Term) -> Term:
        found = self._terms[term]
        return int(found[1]) if found[0] == "inverse" else self._number(("inverse", term))

    def star(self, term: Term) -> Term:
        return EMPTY_TEXT if term in (NOTHING, EMPTY_TEXT) else self._number(("star", term))

    def times(self, term: Term, least: int, most: int | None) -> Term:
        if most is None:
            return self.chain(self.times(term, least, least), self.star(term))
        if most == 0 or term == EMPTY_TEXT:
            return EMPTY_TEXT
        if term == NOTHING:
            return EMPTY_TEXT if least == 0 else NOTHING
        return term if (least, most) == (1, 1) else self._number(("times", term, least, most))

    def _flat(self, kind: str, terms: Iterable[Term]) -> set[Term]:
        parts: set[Term] = set()
        for term in terms:
            found = self._terms[term]
            parts.update(found[1]) if found[0] == kind else parts.add(term)
        return parts

    def _number(self, term: tuple[Any, ...]) -> Term:
        number = self._numbers.get(term)
        if number is None:
            self._budget.spend()
            number = self._numbers[term] = len(self._terms)
            self._terms.append(term)
        return number

    def _build(self, tree: Tree, rest: Term) -> Term:
        """The tree, and then `rest`: what looks ahead sees what follows."""
        kind = tree[0]
        if kind == "set":
            return self.chain(self.letters(tree[1]), rest)
        if kind in ("begin", "end"):
            return self.chain(self.letter(BEGIN if kind == "begin" else END), rest)
        if kind == "cat":
            for part in reversed(tree[1:]):
                rest = self._build(part, rest)
            return rest
        if kind == "alt":
            return self.either(self._build(part, rest) for part in tree[1:])
        if kind == "look":
            seen = self._build(tree[1], self.anything)
            return self.both((seen if tree[2] else self.inverse(seen), rest))
        return self._repeat(tree, rest)

    def _repeat(self, tree: Tree, rest: Term) -> Term:
        _, part, least, most = tree
        if not has(part, "look"):
            return self.chain(self.times(self._build(part, EMPTY_TEXT), least, most), rest)
        if most is None or most > _UNROLLED:
            raise Irregular("a repeated look ahead")
        term = rest
        for turn in range(most, 0, -1):
            taken = self._build(part, term)
            term = taken if turn <= least else self.either((taken, rest))
        return term

    def _edged(self, parts: tuple[Tree, ...], tail: Term) -> Term:
        """The texts in which these are found one after the other, some of them edges of words."""
        before = self.letter(BEGIN)
        if parts[:1] == (("begin",),):
            parts = parts[1:]
        else:
            before = self.chain(before, self._rest)
        return self._after(before, parts, tail)

    def _after(self, before: Term, parts: tuple[Tree, ...], tail: Term) -> Term:
        """The parts behind `before`: at an edge there is a sign of a word on one side of it and none on the other."""
        place = next((place for place, part in enumerate(parts) if part[0] == "edge"), len(parts))
        if place == len(parts):
            return self.chain(before, self._build(("cat", *parts), tail))
        if has(("cat", *parts[:place]), "look"):
            raise Irregular("a look ahead before the edge of a word")
        before = self.chain(before, self._build(("cat", *parts[:place]), EMPTY_TEXT))
        if self.is_nullable(before):
            raise Irregular("nothing between two edges of words")
        _, signs, wanted = parts[place]
        after = self._after(EMPTY_TEXT, parts[place + 1 :], tail)
        inside = self.chain(self.anything, self.letters(signs)), self.chain(self.letters(signs), self.anything)
        outside = self.inverse(inside[0]), self.inverse(inside[1])
        pairs = ((inside, outside), (outside, inside)) if wanted else ((inside, inside), (outside, outside))
        return self.either(
            self.chain(self.both((before, left[0])), self.both((after, right[1]))) for left, right in pairs
        )

    # -- deciding ------------------------------------------------------------------------------------

    def shortest(self, term: Term, least: int, most: int | None) -> str | None:
        """The shortest text of a language with at least `least` and at most `most` characters, or None.

        Raises TooLong, and TooMuch where the budget ends first.
        """
        if least > _MOST_COUNTED:
            return self._long(term, least, most)
        start = self._derive(term, BEGIN)
        waiting: deque[tuple[Term, int, str]] = deque([(start, 0, "")])
        known = {(start, 0)}
        while waiting:
            here, counted, text = waiting.popleft()
            if counted >= least and self.is_nullable(self._derive(here, END)):
                return text
            if most is not None and len(text) >= most:
                continue
            for code in self._alphabet():
                self._budget.spend()
                there = self._derive(here, code)
                state = (there, min(counted + 1, least))
                if there != NOTHING and state not in known:
                    known.add(state)
                    waiting.append((*state, text + chr(code)))
        return None

    def _long(self, term: Term, least: int, most: int | None) -> str | None:
        """A text of at least so many characters: which terms are left after so many of them repeats after a while."""
        if least > _LONGEST:
            raise TooLong
        levels = [frozenset({self._derive(term, BEGIN)})]
        seen: dict[frozenset[Term], int] = {}
        while levels[-1] not in seen:
            seen[levels[-1]] = len(levels) - 1
            levels.append(frozenset(there for _, _, there in self._steps(levels[-1])))
        first = seen[levels[-1]]
        period = len(levels) - 1 - first

        def level(length: int) -> frozenset[Term]:
            return levels[length if length < first else first + (length - first) % period]

        for length in range(least, max(least, first) + period):
            last = next((here for here in sorted(level(length)) if self.is_nullable(self._derive(here, END))), None)
            if (most is None or length <= most) and last is not None:
                return self._spelled([level(place) for place in range(length)], last)
        return None

    def _steps(self, terms: Iterable[Term]) -> Iterator[tuple[Term, int, Term]]:
        """Each character that may follow: the term before it, the character, the term after it."""
        for here in sorted(terms):
            for code in self._alphabet():
                self._budget.spend()
                there = self._derive(here, code)
                if there != NOTHING:
                    yield here, code, there

    def _spelled(self, levels: list[frozenset[Term]], last: Term) -> str:
        """The text that leads through these levels to this term."""
        known: dict[tuple[frozenset[Term], Term], tuple[Term, int]] = {}
        codes: list[int] = []
        for level in reversed(levels):
            if (level, last) not in known:
                known[level, last] = next((here, code) for here, code, there in self._steps(level) if there == last)
            last, code = known[level, last]
            codes.append(code)
        return "".join(map(chr, reversed(codes)))

    def _alphabet(self) -> tuple[int, ...]:
        if self._letters is None:
            self._letters = representatives(self._sets)
        return self._letters

    def is_nullable(self, term: Term) -> bool:
        known = self._nullable.get(term)
        if known is None:
            known = self._nullable[term] = self._is_nullable(self._terms[term])
        return known

    def _is_nullable(self, term: tuple[Any, ...]) -> bool:
        kind = term[0]
        if kind == "inverse":
            return not self.is_nullable(term[1])
        if kind == "chain":
            return self.is_nullable(term[1]) and self.is_nullable(term[2])
        if kind == "either":
            return any(map(self.is_nullable, term[1]))
        if kind == "both":
            return all(map(self.is_nullable, term[1]))
        if kind == "times":
            return term[2] == 0 or self.is_nullable(term[1])
        return kind in ("empty", "star")

    def _derive(self, term: Term, code: int) -> Term:
        known = self._derived.get((term, code))
        if known is None:
            known = self._derived[term, code] = self._derivative(self._terms[term], code)
        return known

    def _derivative(self, term: tuple[Any, ...], code: int) -> Term:
        kind = term[0]
        if kind == "set":
            return EMPTY_TEXT if contains(term[1], code) else NOTHING
        if kind == "chain":
            first = self.chain(self._derive(term[1], code), term[2])
            return self.either((first, self._derive(term[2], code))) if self.is_nullable(term[1]) else first
        if kind == "either":
            return self.either(self._derive(part, code) for part in term[1])
        if kind == "both":
            return self.both(self._derive(part, code) for part in term[1])
        if kind == "inverse":
            return self.inverse(self._derive(term[1], code))
        if kind == "star":
            return self.chain(self._derive(term[1], code), self.star(term[1]))
        if kind == "times":
            _, part, least, most = term
            return self.chain(self._derive(part, code), self.times(part, max(least - 1, 0), most - 1))
        return NOTHING
