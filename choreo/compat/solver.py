"""Is there a value that some schemas accept and others refuse? A value, a proof that there is none, or a doubt.

`OLD is included in NEW` is asked as: there is no value that OLD accepts and NEW refuses. A goal is a set of
(schema, wanted). Alternatives are tried branch by branch; what a branch demands is met by type. A goal that comes up
again inside itself has no value there: the smallest value that meets it does not hold another one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from choreo.compat import arrays, numbers, objects, texts
from choreo.compat.branch import Branch, Status
from choreo.compat.budget import Budget
from choreo.compat.draft import finds
from choreo.compat.formula import Formula, Goal
from choreo.compat.graph import Graph
from choreo.compat.language import Language
from choreo.compat.meaning import Meaning
from choreo.compat.outcome import NOTHING, Doubt, Found, Nothing, Outcome
from choreo.compat.values import TYPES, key, type_of

Accept = Callable[[Any], bool]
_DEEPEST = 52
_MOST_STATUS_DEPTH = 3
_MANY_CLAUSES = 5
"""From so many on, the values of a field that tells cases apart are gone through one by one."""
_REFUSED = Doubt("what was found is not what the validator says")


class Solver:
    """One comparison's search. Raises TooMuch where the budget ends."""

    def __init__(self, graph: Graph, budget: Budget) -> None:
        self.graph = graph
        self.budget = budget
        self.meaning = Meaning(graph)
        self.language = Language(budget)
        self._known: dict[Goal, Outcome] = {}
        self._open: dict[Goal, int] = {}
        self._lows: list[int] = []
        self._texts: dict[frozenset[Formula], Outcome] = {}

    # -- goals ---------------------------------------------------------------------------------------

    def solve(self, goal: Goal) -> Outcome:
        """A value for a goal, of any type."""
        if any((number, not wanted) in goal for number, wanted in goal):
            return NOTHING
        known = self._known.get(goal)
        if known is not None:
            return known
        if goal in self._open:
            self._lows[-1] = min(self._lows[-1], self._open[goal])
            return NOTHING
        if len(self._open) >= _DEEPEST:
            return Doubt("nested too deeply")
        self.budget.spend()
        return self._fresh(goal)

    def _fresh(self, goal: Goal) -> Outcome:
        place = len(self._open)
        self._open[goal] = place
        self._lows.append(place)
        try:
            outcome = self.any_type(goal)
        finally:
            del self._open[goal]
            low = self._lows.pop()
            if self._lows:
                self._lows[-1] = min(self._lows[-1], low)
        if isinstance(outcome, Found) or low >= place:
            self._known[goal] = outcome
        return outcome

    def any_type(self, goal: Goal, accept: Accept | None = None) -> Outcome:
        """A value of whatever type. `accept` has the last word on a value."""
        doubt: Outcome = NOTHING
        for kind in TYPES:
            outcome = self.of_type(goal, kind, (), accept)
            if isinstance(outcome, Found):
                return outcome
            if isinstance(outcome, Doubt):
                doubt = outcome
        return doubt

    def of_type(self, goal: Goal, kind: str, extra: tuple[Formula, ...] = (), accept: Accept | None = None) -> Outcome:
        """A value of one type that meets a goal and some demands more."""
        lits = [self.graph.lit(number, wanted) for number, wanted in sorted(goal)]
        waiting = [Branch([*reversed(lits), *extra])]
        doubt: Outcome = NOTHING
        while waiting:
            self.budget.spend()
            outcome = self._try(waiting.pop(), goal, kind, extra, waiting)
            if isinstance(outcome, Found):
                if accept is None or accept(outcome.value):
                    return outcome
                outcome = _REFUSED
            if isinstance(outcome, Doubt):
                doubt = outcome
        return doubt

    def _try(self, branch: Branch, goal: Goal, kind: str, extra: tuple[Formula, ...], waiting: list[Branch]) -> Outcome:
        """A branch: its value, or nothing, with what it divides into put on `waiting`."""
        if not branch.settle(self.meaning, kind):
            return NOTHING
        while branch.clauses:
            if branch.is_listed:
                return self._listed(branch, goal, kind, extra)
            if self._conflict(branch, kind):
                return NOTHING
            chosen = self._narrowed(branch, kind)
            if chosen is None:
                continue
            if len(chosen) > 1 and kind == "object" and len(branch.clauses) >= _MANY_CLAUSES:
                cases = objects.cases(list(branch.demands), self)
                if cases:
                    branch.clauses.append(("or", *chosen))
                    chosen = cases
            if len(chosen) > 1:
                waiting += [branch.copy(option) for option in reversed(chosen)]
                return NOTHING
            branch.pending += chosen
            if not chosen or not branch.settle(self.meaning, kind):
                return NOTHING
        if branch.is_listed:
            return self._listed(branch, goal, kind, extra)
        return self._sure(self._leaf(branch, kind), branch, goal)

    def _listed(self, branch: Branch, goal: Goal, kind: str, extra: tuple[Formula, ...]) -> Outcome:
        """One of the values that are listed. Each is judged by the whole goal."""
        lists = [demand[1].pairs for demand in branch.demands if demand[0] == "in"]
        doubt: Outcome = NOTHING
        for _, value in min(lists, key=len):
            self.budget.spend()
            if type_of(value) != kind or not all(_meets(value, demand) for demand in extra):
                continue
            verdicts = [(self.graph.holds(number, value), wanted) for number, wanted in goal]
            if any(verdict is None for verdict, _ in verdicts):
                doubt = Doubt("a schema that the validator does not know by itself")
            elif all(verdict == wanted for verdict, wanted in verdicts):
                return Found(value)
        return doubt

    # -- alternatives --------------------------------------------------------------------------------

    def _narrowed(self, branch: Branch, kind: str) -> list[Formula] | None:
        """The alternatives of the clause with the fewest, which is taken out; None where all are met already."""
        best: list[Formula] | None = None
        best_place = -1
        kept: list[Formula] = []
        for clause in branch.clauses:
            options = self._options(clause, branch, kind) if len(branch.clauses) > 1 else list(clause[1:])
            if options is None:
                continue
            if best is None or len(options) < len(best):
                best, best_place = options, len(kept)
            kept.append(clause)
            if len(options) < 2:
                kept += branch.clauses[branch.clauses.index(clause) + 1 :]
                break
        if best is not None:
            del kept[best_place]
        branch.clauses = kept
        return best

    def _options(self, clause: Formula, branch: Branch, kind: str) -> list[Formula] | None:
        """The alternatives of a clause that are not closed; None where one of them is met."""
        options: list[Formula] = []
        for option in clause[1:]:
            self.budget.spend()
            status = self._status(option, branch, kind, 0)
            if status is Status.MET:
                return None
            if status is Status.OPEN:
                options.append(option)
        return options

    def _status(self, formula: Formula, branch: Branch, kind: str, depth: int) -> Status:
        tag = formula[0]
        if tag in ("true", "false"):
            return Status.MET if tag == "true" else Status.CLOSED
        if tag == "lit":
            _, number, wanted = formula
            if number in branch.seen:
                return Status.MET if branch.seen[number] == wanted else Status.CLOSED
            meant = self.meaning.of(number, wanted, kind)
            return self._status(meant, branch, kind, depth + 1) if depth < _MOST_STATUS_DEPTH else Status.OPEN
        if tag in ("and", "or"):
            return self._combined(formula, branch, kind, depth)
        return self._demand_status(formula, branch, kind)

    def _combined(self, formula: Formula, branch: Branch, kind: str, depth: int) -> Status:
        """For `and` one closed part closes all, for `or` one met part meets all."""
        decisive, other = Status.CLOSED, Status.MET
        if formula[0] == "or":
            decisive, other = other, decisive
        everything = other
        for part in formula[1:]:
            status = self._status(part, branch, kind, depth)
            if status is decisive:
                return decisive
            if status is Status.OPEN:
                everything = Status.OPEN
        return everything

    def _demand_status(self, demand: Formula, branch: Branch, kind: str) -> Status:
        if demand in branch.demands:
            return Status.MET
        if demand[0] in ("opaque", "in"):
            return Status.OPEN
        demands = list(branch.demands)
        if kind == "object":
            return objects.status(demand, demands, self)
        if kind in ("number", "string", "boolean"):
            if self._is_empty([*demands, demand], kind):
                return Status.CLOSED
            opposite = self.meaning.opposite(demand, kind)
            if opposite[0] != "in" and self._is_empty([*demands, opposite], kind):
                return Status.MET
        return Status.OPEN

    def _conflict(self, branch: Branch, kind: str) -> bool:
        demands = list(branch.demands)
        if kind == "object":
            return objects.conflict(demands, self)
        if kind == "array":
            return arrays.conflict(demands)
        return self._is_empty(demands, kind)

    def _is_empty(self, demands: list[Formula], kind: str) -> bool:
        plain = [demand for demand in demands if demand[0] not in ("opaque", "in")]
        return isinstance(self._scalar(plain, kind), Nothing)

    # -- values --------------------------------------------------------------------------------------

    def _leaf(self, branch: Branch, kind: str) -> Outcome:
        demands = [demand for demand in branch.demands if demand[0] != "opaque"]
        if kind == "array":
            return arrays.solve(demands, self)
        if kind == "object":
            return objects.solve(demands, self)
        return self._scalar(demands, kind)

    def _scalar(self, demands: Sequence[Formula], kind: str) -> Outcome:
        if kind == "null":
            return Found(None)
        if kind == "boolean":
            without = {name[1] for demand in demands if demand[0] == "ne" for name in demand[1].keys}
            return next((Found(value) for value in (True, False) if value not in without), NOTHING)
        if kind == "number":
            return numbers.solve(demands)
        together = frozenset(demands)
        if together not in self._texts:
            self._texts[together] = texts.solve(demands, self.language)
        return self._texts[together]

    def _sure(self, outcome: Outcome, branch: Branch, goal: Goal) -> Outcome:
        """A value that leans on something undecided is shown to the validator."""
        if not isinstance(outcome, Found) or (outcome.sure and not branch.doubts):
            return outcome
        verdicts = [self.graph.holds(number, outcome.value) for number, _ in goal]
        if None in verdicts:
            return Found(outcome.value, sure=False)
        if all(verdict == wanted for verdict, (_, wanted) in zip(verdicts, goal, strict=True)):
            return Found(outcome.value)
        return Doubt(
            f"what {branch.doubts[0] or '#'} means is left to the validator" if branch.doubts else "a part is unsure"
        )


def _meets(value: Any, demand: Formula) -> bool:
    """Whether a listed text meets a demand on a field's name."""
    if demand[0] in ("pattern", "npattern"):
        return bool(finds(demand[1], value) == (demand[0] == "pattern"))
    return bool(demand[0] != "ne" or key(value) not in demand[1].keys)
