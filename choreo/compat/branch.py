"""One way to meet a goal: the demands made so far, and the alternatives that are still open."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from choreo.compat.formula import Formula
from choreo.compat.meaning import Meaning


class Status(Enum):
    """What a branch says about a formula."""

    MET = "met"
    CLOSED = "closed"
    OPEN = "open"


class Branch:
    """Everything in it must hold. `demands` keeps the order in which they were made."""

    def __init__(self, pending: Iterable[Formula]) -> None:
        self.pending = list(pending)
        self.demands: dict[Formula, None] = {}
        self.seen: dict[int, bool] = {}
        self.clauses: list[Formula] = []

    def copy(self, more: Formula) -> Branch:
        """The same with one more formula to meet."""
        other = Branch([more])
        other.demands = dict(self.demands)
        other.seen = dict(self.seen)
        other.clauses = list(self.clauses)
        return other

    def settle(self, meaning: Meaning, kind: str) -> bool:
        """Take up what is pending. False where it contradicts itself."""
        while self.pending:
            formula = self.pending.pop()
            tag = formula[0]
            if tag == "false":
                return False
            if tag == "and":
                self.pending += reversed(formula[1:])
            elif tag == "or":
                self.clauses.append(formula)
            elif tag == "lit":
                _, number, wanted = formula
                if self.seen.get(number, wanted) != wanted:
                    return False
                if number not in self.seen:
                    self.seen[number] = wanted
                    self.pending.append(meaning.of(number, wanted, kind))
            elif tag != "true":
                self.demands[formula] = None
        return True

    @property
    def is_listed(self) -> bool:
        """Whether the value is one of a list."""
        return any(demand[0] == "in" for demand in self.demands)

    @property
    def doubts(self) -> list[str]:
        """What is left to the validator."""
        return [demand[1] for demand in self.demands if demand[0] == "opaque"]
