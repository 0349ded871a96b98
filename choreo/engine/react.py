"""What follows from a fact: the one place that decides.

`react` books a fact (a run started, a hop finished, a person decided, time ran out) and everything that follows
from it, up to the hops that start now, as one list of events: what a runner commits in one
transaction. No clock, no I/O; contract checks come in through `check`.
"""

from __future__ import annotations

from choreo.engine.fold import forget
from choreo.engine.position import Position
from choreo.engine.reaction import Reaction
from choreo.engine.select import Check
from choreo.engine.settle import settle
from choreo.plan import Plan
from choreo.trace import Event

__all__ = ["Check", "react"]


def react(plan: Plan, position: Position, fact: Event, check: Check, *, starts: bool = True) -> tuple[Event, ...]:
    """Book `fact` and all that follows. Changes `position`; gives the events in their order.

    Without `starts` nothing starts and the run does not end: that is left to when the run is taken up again.
    """
    forget(plan, position)
    reaction = Reaction(plan, position, fact.at, check)
    reaction.take(fact)
    if starts and not reaction.over:
        settle(reaction)
    return tuple(reaction.events)
