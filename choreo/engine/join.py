"""Joins: when every source has had its say (SEMANTICS rules 7 and 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from choreo.engine.position import Position
from choreo.plan import Group, Plan


@dataclass(frozen=True, slots=True)
class Ready:
    """A join that fires now. `filled` maps each source that delivered to its hop."""

    group: Group
    filled: dict[str, int]


def ready_join(plan: Plan, position: Position) -> Ready | None:
    """The first join, in file order, that has a filled slot and no source that can still run.

    A filled join that has not fired counts as something that can still run for the joins behind it;
    where joins wait for each other in a circle, the first in the file goes first.
    """
    pending = [join for join in plan.joins if position.slots.get((join.number, ""))]
    quiet = [join for join in pending if not any(place in join.feeders for place in _in_flight(position))]
    for join in quiet:
        others = (other for other in pending if other is not join)
        if not any(target in join.feeders for other in others for target in other.targets):
            return Ready(join, dict(position.slots[join.number, ""]))
    return Ready(quiet[0], dict(position.slots[quiet[0].number, ""])) if quiet and quiet == pending else None


def _in_flight(position: Position) -> Iterator[str]:
    """Where something is in play: the role of each hop played or queued, the touchpoint of each question."""
    for hop in position.playing.values():
        yield hop.role
    for (role, _), queue in position.queues.items():
        if queue:
            yield role
    for question in position.questions.values():
        yield question.asked.touchpoint
