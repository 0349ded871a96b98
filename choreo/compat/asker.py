"""What lists and objects ask about the values inside them."""

from __future__ import annotations

from typing import Protocol

from choreo.compat.budget import Budget
from choreo.compat.formula import Formula, Goal
from choreo.compat.graph import Graph
from choreo.compat.outcome import Outcome


class Asker(Protocol):
    """Answers goals: the solver, seen from inside a list or an object."""

    graph: Graph
    budget: Budget

    def solve(self, goal: Goal) -> Outcome:
        """A value for a goal, of any type."""

    def of_type(self, goal: Goal, kind: str, extra: tuple[Formula, ...] = ()) -> Outcome:
        """A value of one type that meets a goal and some demands more."""
