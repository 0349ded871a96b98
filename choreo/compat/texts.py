"""A text that meets all demands, or the proof that there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from choreo.compat.checks import Check, implied, passes, tried
from choreo.compat.draft import finds
from choreo.compat.formula import Formula
from choreo.compat.language import Language, TooLong
from choreo.compat.outcome import NOTHING, Doubt, Found, Outcome
from choreo.compat.regex import Irregular

_MOST_TRIED = 12
_LONGEST = 2_000_000
_MOST_FORBIDDEN = 30_000
_ENDS = frozenset("\n\r\u2028\u2029")
_LINE = r"^[^\n\r\u2028\u2029]*$"
"""What all readers of patterns agree about: some let `$` stand before the last line end, or `.` stand for one."""
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"


class _Texts:
    """The demands, folded. `odd` are patterns that are left to the validator, and so are `checks`."""

    def __init__(self, demands: Sequence[Formula], language: Language) -> None:
        self.least, self.most = 0, None if not demands else _most(demands)
        self.terms: list[int] = []
        self.odd: list[tuple[str, bool]] = []
        self.patterns: list[tuple[str, bool]] = []
        self.checks: list[tuple[Check, bool]] = []
        self.without: list[str] = []
        for demand in demands:
            if demand[0] == "minLength":
                self.least = max(self.least, demand[1])
            elif demand[0] in ("pattern", "npattern"):
                self._pattern(demand[1], demand[0] == "pattern", language)
            elif demand[0] in ("check", "uncheck"):
                self.checks.append((demand[1], demand[0] == "check"))
            elif demand[0] == "ne":
                self.without += [value for _, value in demand[1].pairs]

    @property
    def is_crossed(self) -> bool:
        """Whether lengths or checks contradict each other."""
        passed, failed = ([check for check, wanted in self.checks if wanted == side] for side in (True, False))
        return (self.most is not None and self.least > self.most) or any(
            implied(check, by) for check in failed for by in passed
        )

    def suits(self, text: str) -> bool | None:
        """Whether a text meets all demands; None where nobody can tell."""
        if len(text) < self.least or (self.most is not None and len(text) > self.most) or text in self.without:
            return False
        if any(finds(pattern, text) != wanted for pattern, wanted in self.patterns):
            return False
        verdicts = [(passes(check, text), wanted) for check, wanted in self.checks]
        if any(verdict is not None and verdict != wanted for verdict, wanted in verdicts):
            return False
        return None if any(verdict is None for verdict, _ in verdicts) else True

    def _pattern(self, pattern: str, wanted: bool, language: Language) -> None:
        self.patterns.append((pattern, wanted))
        try:
            term = language.pattern(pattern)
            self.terms.append(term if wanted else language.inverse(term))
        except Irregular:
            self.odd.append((pattern, wanted))


def _most(demands: Sequence[Formula]) -> int | None:
    return min((demand[1] for demand in demands if demand[0] == "maxLength"), default=None)


def solve(demands: Sequence[Formula], language: Language) -> Outcome:
    """A text, a proof that there is none, or a doubt. Raises TooMuch."""
    folded = _Texts(demands, language)
    if folded.is_crossed:
        return NOTHING
    if folded.terms and language.both(folded.terms) == language.nothing:
        return NOTHING
    found = _patterned(folded, language) if folded.terms else _unpatterned(folded)
    try:
        return _first(found, folded) if folded.odd or folded.checks else _plainest(found)
    except TooLong:
        return Doubt("a text of that length under a pattern is not looked for")


def _plainest(found: Iterator[str]) -> Outcome:
    text = next(found, None)
    return NOTHING if text is None else Found(text)


def _first(found: Iterator[str], folded: _Texts) -> Outcome:
    """The first text that the validator accepts, too, where it has the last word."""
    sure = True
    known = [text for text in tried([check for check, _ in folded.checks]) if folded.suits(text)]
    for text in chain(known, islice(found, _MOST_TRIED)):
        verdict = folded.suits(text)
        if verdict:
            return Found(text)
        sure = sure and verdict is False
    if sure and next(found, None) is None:
        return NOTHING
    if folded.checks:
        return Doubt(f"whether a text may pass the check for `{_told(folded.checks[0][0])}` cannot be decided")
    return Doubt(f"the pattern {folded.odd[0][0]!r} cannot be decided")


def _told(check: Check) -> str:
    return " ".join(part for part in check[1:] if part)


def _unpatterned(folded: _Texts) -> Iterator[str]:
    """Texts of the least length and then longer ones, without the forbidden ones."""
    without = set(folded.without)
    if folded.least > _LONGEST or len(without) > _MOST_FORBIDDEN:
        raise TooLong
    for length in _lengths(folded.least, folded.most, len(without) + _MOST_TRIED):
        for text in _of_length(length, len(without)):
            if text not in without:
                yield text


def _lengths(least: int, most: int | None, count: int) -> Iterator[int]:
    """Lengths in rising order, the empty text after those of one character."""
    last = least + count if most is None else min(most, least + count)
    yield from sorted(range(least, last + 1), key=lambda length: (length or 1.5, length))


def _of_length(length: int, forbidden: int) -> Iterator[str]:
    """At least one text that is not forbidden, where there are any others at all."""
    if length == 0:
        yield ""
        return
    yield from (sign * length for sign in _SIGNS)
    yield from (chr(0x4E00 + place) * length for place in range(forbidden + 1))


def _patterned(folded: _Texts, language: Language) -> Iterator[str]:
    term = language.both((*folded.terms, *(language.inverse(language.word(text)) for text in folded.without)))
    while True:
        text = language.shortest(term, folded.least, folded.most)
        if text is None:
            return
        if not _ENDS.isdisjoint(text):
            line = language.both((term, language.pattern(_LINE)))
            text = language.shortest(line, folded.least, folded.most) or text
        yield text
        term = language.both((term, language.inverse(language.word(text))))
