"""Joins: when every source has had its say (SEMANTICS rules 7 and 8)."""

from __future__ import annotations

from dataclasses import dataclass

from choreo.engine.position import Position
from choreo.plan import Group, Plan


@dataclass(frozen=True, slots=True)
class Ready:
    """A join that fires now. `filled` maps each source that delivered to its hop."""

    group: Group
    filled: dict[str, int]


def ready_join(plan: Plan, position: Position, scope: str) -> Ready | None:
    """The first join of a scope, in file order, that has a filled slot and no source that can still run.

    A filled join that has not fired counts as something that can still run for the joins behind it;
    where joins wait for each other in a circle, the first in the file goes first. What runs in lanes can lead back
    here only by way of gathering them: open lanes count as something at their first roles.
    """
    state = position.scopes.get(scope)
    if state is None or not state.slots:
        return None
    pending = [join for join in plan.joins if state.slots.get(join.number)]
    quiet = [join for join in pending if join.feeders.isdisjoint(state.flying)]
    for join in quiet:
        others = (other for other in pending if other is not join)
        if not any(target in join.feeders for other in others for target in other.targets):
            return Ready(join, dict(state.slots[join.number]))
    return Ready(quiet[0], dict(state.slots[quiet[0].number])) if quiet and quiet == pending else None
