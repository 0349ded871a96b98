"""A number that meets all demands, or the proof that there is none. Exact: a tenth is a tenth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import ceil, floor, gcd, lcm

from choreo.compat.formula import Formula
from choreo.compat.outcome import NOTHING, Doubt, Found, Outcome
from choreo.compat.values import exact, plain

_MOST_TRIED = 5_000
_MOST_PLAINER = 50
_EXACT = 2**53


class _Numbers:
    """The demands, folded."""

    def __init__(self, demands: Sequence[Formula]) -> None:
        self.low: tuple[Fraction, bool] | None = None
        self.high: tuple[Fraction, bool] | None = None
        self.step: Fraction | None = None
        self.not_steps: list[Fraction] = []
        self.without: set[Fraction] = set()
        for demand in demands:
            self._take(demand)

    def _take(self, demand: Formula) -> None:
        kind = demand[0]
        if kind == "min":
            self.low = max(self.low or demand[1:], demand[1:])
        elif kind == "max":
            bound, strict = demand[1:]
            if self.high is None or (bound, not strict) < (self.high[0], not self.high[1]):
                self.high = (bound, strict)
        elif kind == "mult":
            self.step = abs(demand[1]) if self.step is None else _common(self.step, abs(demand[1]))
        elif kind == "nmult":
            self.not_steps.append(abs(demand[1]))
        elif kind == "ne":
            self.without.update(name[1] for name in demand[1].keys)

    def fits(self, number: Fraction) -> bool:
        if self.low is not None and (number < self.low[0] or (self.low[1] and number == self.low[0])):
            return False
        if self.high is not None and (number > self.high[0] or (self.high[1] and number == self.high[0])):
            return False
        if self.step is not None and (number / self.step).denominator != 1:
            return False
        return number not in self.without and all((number / step).denominator != 1 for step in self.not_steps)

    def is_plain(self, number: float) -> bool:
        """Whether a validator that divides floats says of its steps what is true: of 10.1 and a tenth it does not."""
        steps = [*self.not_steps, *([self.step] if self.step is not None else [])]
        try:
            return all(
                (number / float(step)).is_integer() == ((exact(number) / step).denominator == 1)
                for step in steps
                if step.denominator != 1
            )
        except ArithmeticError:
            return False


def solve(demands: Sequence[Formula]) -> Outcome:
    """A number, a proof that there is none, or a doubt."""
    folded = _Numbers(demands)
    if _is_crossed(folded):
        return NOTHING
    if folded.step is not None:
        if any((folded.step / step).denominator == 1 for step in folded.not_steps):
            return NOTHING
        return _stepped(folded, folded.step)
    if folded.low is not None and folded.high is not None and folded.low[0] == folded.high[0]:
        return _written(folded.low[0]) if folded.fits(folded.low[0]) else NOTHING
    fitting = (number for number in _between(folded) if folded.fits(number))
    found = list(islice((value for value in map(plain, fitting) if value is not None), _MOST_PLAINER))
    if found:
        return Found(next(filter(folded.is_plain, found), found[0]))
    return Doubt("no plain number was found between the bounds")


def _is_crossed(folded: _Numbers) -> bool:
    if folded.low is None or folded.high is None:
        return False
    (low, low_strict), (high, high_strict) = folded.low, folded.high
    return low > high or (low == high and (low_strict or high_strict))


def _common(first: Fraction, second: Fraction) -> Fraction:
    """The least common multiple of two fractions."""
    return Fraction(lcm(first.numerator, second.numerator), gcd(first.denominator, second.denominator))


def _written(number: Fraction) -> Outcome:
    value = plain(number)
    if value is None:
        return Doubt("a number that no float is exactly")
    return Found(value)


def _stepped(folded: _Numbers, step: Fraction) -> Outcome:
    """Multiples of the step, from a bound away; which of them are forbidden repeats after a while."""
    first = ceil(folded.low[0] / step) if folded.low is not None else None
    last = floor(folded.high[0] / step) if folded.high is not None else None
    places = _places(first, last)
    second: Outcome = NOTHING
    for turn in range(_MOST_TRIED):
        place = next(places, None)
        if place is None or (turn > _MOST_PLAINER and isinstance(second, Found)):
            return second
        if folded.fits(place * step):
            found = _written(place * step)
            if isinstance(found, Found) and folded.is_plain(found.value):
                return found
            second = second if isinstance(second, Found) else found
    return second if isinstance(second, Found) else Doubt("no number was found among the first multiples")


def _places(first: int | None, last: int | None) -> Iterator[int]:
    if first is not None and last is not None:
        yield from range(first, last + 1)
        return
    first = None if first is None else _clear(first, 1)
    last = None if last is None else _clear(last, -1)
    place = 0
    while True:
        if first is not None:
            yield first + place
        elif last is not None:
            yield last - place
        else:
            yield from (place, -place - 1)
        place += 1


def _clear(bound: int, sign: int) -> int:
    """A number on this side of a bound that no validator takes for the bound: floats are far apart out there."""
    return bound if abs(bound) < _EXACT else bound + sign * abs(bound)


def _between(folded: _Numbers) -> Iterator[Fraction]:
    """Numbers in a gap that has no end of them: whole ones, then ever finer ones."""
    low = folded.low[0] if folded.low is not None else None
    high = folded.high[0] if folded.high is not None else None
    if (low is None) != (high is None):
        yield Fraction(_clear(ceil(low), 1) if low is not None else _clear(floor(high or 0), -1))
    yield from (bound for bound in (low, high) if bound is not None)
    if low is None and high is not None:
        yield from (Fraction(floor(high) - place) for place in range(40))
    start = ceil(low) if low is not None else 0
    yield from (Fraction(start + place) for place in range(40))
    sign = -1 if low is None and high is not None else 1
    for finer in range(12):
        unit = Fraction(1, 10**finer)
        bound = low if low is not None else high if high is not None else Fraction(0)
        base = Fraction(floor(bound / unit)) * unit
        yield from (base + sign * unit * part / 2 for part in range(82))
    if low is not None and high is not None:
        yield from (low + (high - low) * Fraction(part, 1024) for part in range(1, 1024))
