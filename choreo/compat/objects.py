"""An object that meets all demands, or the proof that there is none.

Every field that is wanted gets a name: one that the schemas mention, or a new one. Which patterns a new name fits
is all that matters about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from choreo.compat import draft
from choreo.compat.asker import Asker
from choreo.compat.branch import Status
from choreo.compat.formula import Formula, Goal, Lit
from choreo.compat.meaning import Values
from choreo.compat.outcome import NOTHING, Doubt, Found, Nothing, Outcome
from choreo.compat.values import key

_MOST_FRESH = 128
_MOST_CASES = 40
_MOST_FIELDS = 400
_MOST_NUMBERED = 20_000
_MOST_WANTED = 8

Fields = dict[str, frozenset[Lit]]


@lru_cache(maxsize=20_000)
def _finds(pattern: str, text: str) -> bool:
    return bool(draft.finds(pattern, text))


class _Objects:
    """The demands, folded."""

    def __init__(self, demands: Sequence[Formula]) -> None:
        self.least, self.most = 0, 10**9
        self.absent: set[str] = set()
        self.present: Fields = {}
        self.shapes: list[tuple[dict[str, int], tuple[tuple[str, int], ...], int | None]] = []
        self.names: list[Lit] = []
        self.wanted: list[Formula] = []
        for demand in demands:
            self._take(demand)
        patterns = [pattern for _, found, _ in self.shapes for pattern, _ in found]
        patterns += [demand[1] for demand in self.wanted if demand[0] == "matching"]
        patterns += [pattern for demand in self.wanted if demand[0] == "other" for pattern in demand[2]]
        self.patterns = tuple(dict.fromkeys(patterns))

    def _take(self, demand: Formula) -> None:
        kind = demand[0]
        if kind == "minProperties":
            self.least = max(self.least, demand[1])
        elif kind == "maxProperties":
            self.most = min(self.most, demand[1])
        elif kind == "need":
            self.present.setdefault(demand[1], frozenset())
        elif kind == "at":
            self.present[demand[1]] = self.present.get(demand[1], frozenset()) | {demand[2]}
        elif kind == "absent":
            self.absent.add(demand[1])
        elif kind == "fields":
            self.shapes.append((dict(demand[1]), demand[2], demand[3]))
        elif kind == "names":
            self.names.append(demand[1])
        else:
            self.wanted.append(demand)

    def known(self) -> list[str]:
        """Every name that is mentioned."""
        found = dict.fromkeys(self.present)
        for names, _, _ in self.shapes:
            found.update(dict.fromkeys(names))
        for demand in self.wanted:
            if demand[0] == "other":
                found.update(dict.fromkeys(demand[1]))
        return [*found, *sorted(self.absent - set(found))]

    def goal(self, name: str, more: frozenset[Lit] = frozenset()) -> Goal:
        """What the value of a field must meet."""
        found = set(self.present.get(name, frozenset()) | more)
        for names, patterns, rest in self.shapes:
            here = [number for pattern, number in patterns if _finds(pattern, name)]
            if name in names:
                here.append(names[name])
            if not here and rest is not None:
                here.append(rest)
            found.update((number, True) for number in here)
        return frozenset(found)


def conflict(demands: Sequence[Formula], solver: Asker) -> bool:
    """Whether what is said about single fields contradicts itself. Says no where it is not sure."""
    folded = _Objects(demands)
    if folded.absent & set(folded.present) or len(folded.present) > folded.most or folded.least > folded.most:
        return True
    return any(_is_closed(folded, name, frozenset(), solver) for name in folded.present)


def _is_closed(folded: _Objects, name: str, more: frozenset[Lit], solver: Asker) -> bool:
    if not _is_name(folded, name, solver):
        return True
    return isinstance(solver.solve(folded.goal(name, more)), Nothing)


def _is_name(folded: _Objects, name: str, solver: Asker) -> bool:
    """Whether a field may be called so. A name the validator cannot judge may be one."""
    return all(solver.graph.holds(number, name) in (wanted, None) for number, wanted in folded.names)


def status(demand: Formula, demands: Sequence[Formula], solver: Asker) -> Status:
    """What the demands so far say about one more."""
    folded = _Objects(demands)
    kind: str = demand[0]
    if kind in ("need", "absent"):
        return _presence(folded, demand[1], kind == "need", solver)
    if kind == "at":
        return _field_status(folded, demand[1], demand[2], solver)
    if kind == "minProperties":
        return Status.CLOSED if demand[1] > folded.most else Status.MET if demand[1] <= folded.least else Status.OPEN
    if kind == "maxProperties":
        least = max(folded.least, len(folded.present))
        return Status.CLOSED if demand[1] < least else Status.MET if demand[1] >= folded.most else Status.OPEN
    return Status.OPEN


def _presence(folded: _Objects, name: str, wanted: bool, solver: Asker) -> Status:
    """Whether a field is there or not. One that nothing fits is not."""
    if name in folded.present:
        return Status.MET if wanted else Status.CLOSED
    if name in folded.absent or _is_closed(folded, name, frozenset(), solver):
        return Status.CLOSED if wanted else Status.MET
    return Status.OPEN


def _field_status(folded: _Objects, name: str, lit: Lit, solver: Asker) -> Status:
    if name in folded.absent or _is_closed(folded, name, frozenset({lit}), solver):
        return Status.CLOSED
    against = folded.goal(name, frozenset({(lit[0], not lit[1])}))
    return Status.MET if name in folded.present and isinstance(solver.solve(against), Nothing) else Status.OPEN


def cases(demands: Sequence[Formula], solver: Asker) -> list[Formula]:
    """The values of a field that must be there and has but a few, such as the kind in a union."""
    folded = _Objects(demands)
    graph = solver.graph
    for name in folded.present:
        wanted = [graph.nodes[number].schema for number, is_wanted in folded.goal(name) if is_wanted]
        texts = [schema for schema in wanted if isinstance(schema, Mapping) and "$ref" not in schema]
        listed: list[Any] = next((schema["enum"] for schema in texts if isinstance(schema.get("enum"), list)), [])
        if 1 < len(listed) <= _MOST_CASES and not any("const" in schema for schema in texts):
            return [("at", name, (graph.constant(value), True)) for value in listed]
    return []


def solve(demands: Sequence[Formula], solver: Asker) -> Outcome:
    """An object, a proof that there is none, or a doubt."""
    if conflict(demands, solver):
        return NOTHING
    folded = _Objects(demands)
    if len(folded.wanted) > _MOST_WANTED:
        return Doubt("too many fields are asked for")
    search = _Search(folded, solver)
    for fields in search.placed(0, folded.present):
        outcome = search.completed(fields)
        if isinstance(outcome, Found):
            return outcome
        if isinstance(outcome, Doubt):
            search.doubt = outcome
    return search.doubt or NOTHING


class _Search:
    """The names that are tried. `doubt` is the last thing that could not be decided."""

    def __init__(self, folded: _Objects, solver: Asker) -> None:
        self.folded = folded
        self.solver = solver
        self.doubt: Doubt | None = None
        self.known = folded.known()

    # -- names for what is wanted --------------------------------------------------------------------

    def placed(self, number: int, fields: Fields) -> Iterator[Fields]:
        """Every way to give each wanted field a name."""
        self.solver.budget.spend()
        if number == len(self.folded.wanted):
            yield fields
            return
        demand = self.folded.wanted[number]
        more: frozenset[Lit] = frozenset() if demand[0] == "badname" else frozenset({demand[-1]})
        for name in self._names(demand, fields):
            lits = fields.get(name, frozenset()) | more
            outcome = self.solver.solve(self.folded.goal(name, lits))
            if not isinstance(outcome, Nothing):
                yield from self.placed(number + 1, {**fields, name: lits})

    def _names(self, demand: Formula, fields: Fields) -> Iterator[str]:
        tried = [*fields, *(name for name in self.known if name not in fields)]
        for name in tried:
            if name not in self.folded.absent and self._suits(demand, name) and self.may_be(name):
                yield name
        yield from self.fresh(demand, tried)

    def may_be(self, name: str) -> bool:
        return _is_name(self.folded, name, self.solver)

    def _suits(self, demand: Formula, name: str) -> bool:
        if demand[0] == "matching":
            return _finds(demand[1], name)
        if demand[0] == "other":
            return name not in demand[1] and not any(_finds(pattern, name) for pattern in demand[2])
        verdict = self.solver.graph.holds(demand[1][0], name)
        if verdict is None:
            self.doubt = Doubt("a field's name that the validator does not judge by itself")
        return bool(verdict == demand[1][1])

    def fresh(self, demand: Formula | None, tried: Sequence[str]) -> Iterator[str]:
        """A new name for each set of patterns that it may fit."""
        lits = [*self.folded.names, *([demand[1]] if demand is not None and demand[0] == "badname" else [])]
        others = ("ne", Values(tuple((key(name), name) for name in tried)))
        names = self._fitting(demand, frozenset(lits), (others,), self.folded.patterns)
        yield from islice(names, _MOST_FRESH)
        if next(names, None) is not None:
            self.doubt = Doubt("too many patterns for names")

    def _fitting(
        self, demand: Formula | None, lits: Goal, tests: tuple[Formula, ...], patterns: Sequence[str]
    ) -> Iterator[str]:
        """Names that meet the tests, one for each way to fit some of the patterns and not the others."""
        outcome = self.solver.of_type(lits, "string", tests)
        if isinstance(outcome, Doubt):
            self.doubt = outcome
        if not patterns and isinstance(outcome, Found):
            yield outcome.value
        if not patterns or isinstance(outcome, Nothing):
            return
        for fits in (False, True):
            if _agrees(demand, patterns[0], fits):
                test = ("pattern" if fits else "npattern", patterns[0])
                yield from self._fitting(demand, lits, (*tests, test), patterns[1:])

    # -- the whole object ----------------------------------------------------------------------------

    def completed(self, fields: Fields) -> Outcome:
        """The object with these fields and as many more as it must have."""
        if len(fields) > self.folded.most or not all(map(self.may_be, fields)):
            return NOTHING
        values: dict[str, Any] = {}
        sure = True
        for name, lits in fields.items():
            outcome = self.solver.solve(self.folded.goal(name, lits))
            if not isinstance(outcome, Found):
                return outcome
            values[name] = outcome.value
            sure = sure and outcome.sure
        filled = self._filled(values)
        return Found(values, sure) if filled is None else filled

    def _filled(self, values: dict[str, Any]) -> Outcome | None:
        """Add fields until there are enough. None where there are."""
        doubt: Outcome = NOTHING
        for name in [name for name in self.known if name not in values and name not in self.folded.absent]:
            if len(values) >= self.folded.least:
                return None
            outcome = self.solver.solve(self.folded.goal(name)) if self.may_be(name) else NOTHING
            if isinstance(outcome, Found):
                values[name] = outcome.value
            elif isinstance(outcome, Doubt):
                doubt = outcome
        self._number(values)
        if self.folded.least - len(values) > _MOST_FIELDS:
            return Doubt("an object with that many fields is not made")
        while len(values) < self.folded.least:
            more = self._another(values)
            if not isinstance(more, Found):
                return self.doubt or (more if isinstance(more, Doubt) else doubt)
            values[more.value[0]] = more.value[1]
        return None

    def _another(self, values: dict[str, Any]) -> Outcome:
        """A new field, as (name, value)."""
        doubt: Outcome = NOTHING
        for name in self.fresh(None, [*values, *(name for name in self.known if name not in values)]):
            outcome = self.solver.solve(self.folded.goal(name))
            if isinstance(outcome, Found):
                return Found((name, outcome.value))
            if isinstance(outcome, Doubt):
                doubt = outcome
        return doubt

    def _number(self, values: dict[str, Any]) -> None:
        """Add many fields that have a number for their name, while they fit."""
        for place in range(min(self.folded.least - len(values), _MOST_NUMBERED)):
            name = f"n{place}"
            if name in values or name in self.folded.absent or not self.may_be(name):
                return
            outcome = self.solver.solve(self.folded.goal(name))
            if not isinstance(outcome, Found):
                return
            values[name] = outcome.value


def _agrees(demand: Formula | None, pattern: str, fits: bool) -> bool:
    """Whether a name that fits this pattern, or does not, may be one that is asked for."""
    if demand is None or demand[0] == "badname":
        return True
    if demand[0] == "matching":
        return fits or pattern != demand[1]
    return not fits or pattern not in demand[2]
