"""A list that meets all demands, or the proof that there is none.

Lists need be no longer than what is asked for: each item that is wanted gets a place, and every place before it is
filled with whatever may stand there. Places after the last one with a schema of its own are all alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Any

from choreo.compat.asker import Asker
from choreo.compat.formula import Formula, Goal, Lit
from choreo.compat.outcome import NOTHING, Doubt, Found, Nothing, Outcome
from choreo.compat.values import key

_MOST_ITEMS = 3_000
_LONGEST = 2_000_000
_MOST_UNIQUE = 100
_MOST_NUMBERED = 20_000
_MOST_WANTED = 24
_MOST_TWINNED = 32
_MOST_ASKED = 4

Places = dict[int, frozenset[Lit]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An item that must be there: at place `first`, or anywhere from it on (`open`). A `group` has distinct places."""

    first: int
    open: bool
    lit: Lit
    group: int


class _Lists:
    def __init__(self, demands: Sequence[Formula]) -> None:
        self.least = max((demand[1] for demand in demands if demand[0] == "minItems"), default=0)
        self.most = min((demand[1] for demand in demands if demand[0] == "maxItems"), default=None)
        self.shapes = [demand[1:] for demand in demands if demand[0] == "items"]
        self.alike = max((len(first) for first, _ in self.shapes), default=0)
        self.unique = ("unique",) in demands
        self.twins = ("twins",) in demands
        self.few = [(demand[1], demand[2]) for demand in demands if demand[0] == "atmost"]
        self.wanted = list(_wanted(demands))

    def base(self, place: int) -> frozenset[Lit]:
        """What every item at a place must meet."""
        found: set[Lit] = {(lit[0], not lit[1]) for most, lit in self.few if most == 0}
        for first, rest in self.shapes:
            if place < len(first):
                found.add((first[place], True))
            elif rest is not None:
                found.add((rest, True))
        return frozenset(found)


def _wanted(demands: Sequence[Formula]) -> Iterator[_Wanted]:
    for group, demand in enumerate(demands):
        if demand[0] == "item":
            yield _Wanted(demand[1], False, demand[2], -1)
        elif demand[0] == "later":
            yield _Wanted(demand[1], True, demand[2], -1)
        elif demand[0] == "atleast":
            yield from (_Wanted(0, True, demand[2], group) for _ in range(min(demand[1], _MOST_WANTED + 1)))


def conflict(demands: Sequence[Formula]) -> bool:
    """Whether the counts alone contradict each other."""
    folded = _Lists(demands)
    least = max([folded.least, *(wanted.first + 1 for wanted in folded.wanted)])
    return (folded.most is not None and least > folded.most) or (folded.unique and folded.twins)


def solve(demands: Sequence[Formula], solver: Asker) -> Outcome:
    """A list, a proof that there is none, or a doubt."""
    folded = _Lists(demands)
    if conflict(demands):
        return NOTHING
    if len(folded.wanted) > _MOST_WANTED or any(wanted.first > _MOST_ITEMS for wanted in folded.wanted):
        return Doubt("too many items are asked for")
    outcome = _any_list(folded, solver)
    if not folded.twins or isinstance(outcome, Nothing):
        return outcome
    if isinstance(outcome, Found) and len(set(map(key, outcome.value))) < len(outcome.value):
        return outcome
    return _with_twins(folded, solver)


def _any_list(folded: _Lists, solver: Asker) -> Outcome:
    """A list with all that is wanted in it, be there twins or not."""
    doubt: Outcome = NOTHING
    for places in _placed(folded, solver):
        outcome = _filled(folded, places, solver)
        if isinstance(outcome, Found):
            return outcome
        if isinstance(outcome, Doubt):
            doubt = outcome
    return doubt


def _placed(folded: _Lists, solver: Asker, start: Places | None = None) -> Iterator[Places]:
    """Every way to give each wanted item a place, up to places that are alike. Some may be given at the start."""
    wanted = sorted(folded.wanted, key=lambda item: (item.open, -item.first))

    def place(number: int, places: Places, groups: dict[int, frozenset[int]]) -> Iterator[Places]:
        solver.budget.spend()
        if number == len(wanted):
            yield places
            return
        item = wanted[number]
        for here in _candidates(item, folded, places):
            taken = groups.get(item.group, frozenset())
            if item.group >= 0 and here in taken:
                continue
            lits = places.get(here, frozenset()) | {item.lit}
            if not isinstance(solver.solve(folded.base(here) | lits), Nothing):
                yield from place(number + 1, {**places, here: lits}, {**groups, item.group: taken | {here}})

    yield from place(0, start or {}, {})


def _candidates(item: _Wanted, folded: _Lists, places: Places) -> list[int]:
    if not item.open:
        return [item.first]
    start = max(folded.alike, item.first)
    fresh = next(here for here in range(start, start + len(places) + 1) if here not in places)
    found = {here for here in places if here >= item.first} | set(range(item.first, folded.alike)) | {fresh}
    return sorted(here for here in found if folded.most is None or here < folded.most)


def _filled(folded: _Lists, places: Places, solver: Asker) -> Outcome:
    length = max([folded.least, *(place + 1 for place in places)])
    if folded.most is not None and length > folded.most:
        return NOTHING
    if length > _MOST_ITEMS:
        return _long(folded, places, length, solver)
    goals = [folded.base(place) | places.get(place, frozenset()) for place in range(length)]
    limits = [(most, lit) for most, lit in folded.few if most > 0]
    if not limits:
        return _items(goals, folded, solver)
    return _limited(goals, limits, folded, solver)


def _long(folded: _Lists, places: Places, length: int, solver: Asker) -> Outcome:
    """A list of many items: after the first ones they are all the same one. A place that nothing fits is a proof."""
    rest = solver.solve(folded.base(folded.alike))
    if isinstance(rest, Nothing) or length > _LONGEST or folded.unique or any(most > 0 for most, _ in folded.few):
        return NOTHING if isinstance(rest, Nothing) else Doubt("a list of that many items is not made")
    if isinstance(rest, Doubt):
        return rest
    head = max([folded.alike, *(place + 1 for place in places)])
    first = _items([folded.base(place) | places.get(place, frozenset()) for place in range(head)], folded, solver)
    if not isinstance(first, Found):
        return first
    return Found([*first.value, *[rest.value] * (length - head)], first.sure and rest.sure)


def _limited(goals: list[Goal], limits: list[tuple[int, Lit]], folded: _Lists, solver: Asker) -> Outcome:
    """At most so many items may meet a schema: the others must not. Those that must, do."""
    most, (number, wanted) = limits[0]
    against = (number, not wanted)
    forced = [place for place, goal in enumerate(goals) if isinstance(solver.solve(goal | {against}), Nothing)]
    if len(forced) > most:
        return NOTHING
    free = [place for place in range(len(goals)) if place not in forced]
    doubt: Outcome = NOTHING
    for count in range(min(most - len(forced), len(free), 3) + 1):
        for chosen in combinations(free[:12], count):
            solver.budget.spend()
            kept = {*forced, *chosen}
            told = [goal if place in kept else goal | {against} for place, goal in enumerate(goals)]
            rest = limits[1:]
            outcome = _limited(told, rest, folded, solver) if rest else _items(told, folded, solver)
            if isinstance(outcome, Found):
                return outcome
            if isinstance(outcome, Doubt):
                doubt = outcome
    is_all = len(free) <= 12 and min(most - len(forced), len(free)) <= 3
    return doubt if is_all else Doubt("`maxContains` leaves too many ways")


def _items(goals: list[Goal], folded: _Lists, solver: Asker) -> Outcome:
    if folded.unique and len(goals) > 1:
        return _unique(goals, solver)
    values: list[Any] = []
    sure = True
    doubt: Doubt | None = None
    for goal in goals:
        outcome = solver.solve(goal)
        if isinstance(outcome, Nothing):
            return NOTHING
        if isinstance(outcome, Doubt):
            doubt = outcome
        else:
            values.append(outcome.value)
            sure = sure and outcome.sure
    return doubt or Found(values, sure)


def _unique(goals: list[Goal], solver: Asker) -> Outcome:
    """Items that all differ. A goal with as many values as there are items never lacks one; others are known whole."""
    if any(isinstance(solver.solve(goal), Nothing) for goal in goals):
        return NOTHING
    if len(goals) > _MOST_UNIQUE:
        return _numbered(goals, solver)
    choices: dict[Goal, list[Found]] = {}
    for goal in dict.fromkeys(goals):
        values = _several(goal, len(goals), solver)
        if isinstance(values, Doubt):
            return values
        choices[goal] = values
    chosen = _paired([choices[goal] for goal in goals])
    if chosen is None:
        return NOTHING
    return Found([found.value for found in chosen], all(found.sure for found in chosen))


def _numbered(goals: list[Goal], solver: Asker) -> Outcome:
    """So many items that all differ, found among the whole numbers or among texts with a number in them."""
    if len(goals) <= _MOST_NUMBERED:
        for kind in (int, str):
            values = [kind(place) for place in range(len(goals))]
            fitting = zip(goals, values, strict=True)
            if all(solver.graph.holds(number, value) is wanted for goal, value in fitting for number, wanted in goal):
                return Found(values)
    return Doubt("so many different items are not looked for")


def _several(goal: Goal, most: int, solver: Asker) -> list[Found] | Doubt:
    """So many different values for a goal, or all that there are."""
    values: list[Found] = []
    while len(values) < most:
        others: frozenset[Lit] = frozenset((solver.graph.constant(found.value), False) for found in values)
        outcome = solver.solve(goal | others)
        if isinstance(outcome, Doubt):
            return outcome
        if isinstance(outcome, Nothing):
            break
        values.append(outcome)
    return values


def _paired(choices: list[list[Found]]) -> list[Found] | None:
    """One value for each place, no two the same; None where that cannot be."""
    taken: dict[Any, int] = {}
    chosen: list[Found] = [values[0] for values in choices]

    def settle(place: int, tried: set[Any]) -> bool:
        for found in choices[place]:
            name = key(found.value)
            if name in tried:
                continue
            tried.add(name)
            if name not in taken or settle(taken[name], tried):
                taken[name] = place
                chosen[place] = found
                return True
        return False

    return chosen if all(settle(place, set()) for place in range(len(choices))) else None


def _with_twins(folded: _Lists, solver: Asker) -> Outcome:
    """A list with two equal items."""
    last = max([folded.alike, *(wanted.first + 1 for wanted in folded.wanted)]) + 2
    doubt: Outcome = NOTHING
    for first, second in combinations(range(min(last, 12)), 2):
        if folded.most is not None and second >= folded.most:
            continue
        outcome = _twinned(folded, first, second, solver)
        if isinstance(outcome, Found):
            return outcome
        if isinstance(outcome, Doubt):
            doubt = outcome
    return doubt if last <= 12 else Doubt("two equal items in a long list")


def _twinned(folded: _Lists, first: int, second: int, solver: Asker) -> Outcome:
    """The same value at two places.

    All that matters about it is which of the schemas it meets that are asked for or counted: one value stands for all
    that meet the same ones.
    """
    both = folded.base(first) | folded.base(second)
    asked = dict.fromkeys(number for number, _ in (*(w.lit for w in folded.wanted), *(lit for _, lit in folded.few)))
    if len(asked) > _MOST_ASKED:
        return Doubt("two equal items among too many other demands")
    doubt: Outcome = NOTHING
    for signs in product((True, False), repeat=len(asked)):
        outcome = solver.solve(both | frozenset(zip(asked, signs, strict=True)))
        if isinstance(outcome, Found):
            shared = frozenset({(solver.graph.constant(outcome.value), True)})
            outcome = _around(folded, {first: shared, second: shared}, solver)
        if isinstance(outcome, Found):
            return outcome
        if isinstance(outcome, Doubt):
            doubt = outcome
    return doubt


def _around(folded: _Lists, twins: Places, solver: Asker) -> Outcome:
    """A list with these two in it."""
    doubt: Outcome = NOTHING
    placed = _placed(folded, solver, twins)
    for places in islice(placed, _MOST_TWINNED):
        outcome = _filled(folded, places, solver)
        if isinstance(outcome, Found):
            return outcome
        if isinstance(outcome, Doubt):
            doubt = outcome
    return doubt if next(placed, None) is None else Doubt("two equal items among other demands")
