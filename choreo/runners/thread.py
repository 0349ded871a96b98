"""A thread as those who take part in it get it: a model as turns, a person as what was said."""

from __future__ import annotations

from choreo.canonical import Payload
from choreo.engine.position import HopState, Position
from choreo.engine.thread import turns
from choreo.plan import Plan
from choreo.players.base import Turn


def turns_for(plan: Plan, position: Position, hop: HopState) -> tuple[Turn, ...]:
    """The conversation that a visit goes on with; none where its role has no thread."""
    if hop.role not in plan.threads:
        return ()
    return tuple(
        Turn(one.number, plan.roles[one.role].role, one.input, one.output, one.previous, one.feedback)
        for one in turns(plan, position, hop)
        if one.output is not None
    )


def told_so_far(plan: Plan, position: Position, hop: HopState) -> Payload | None:
    """The conversation as a person reads it: each turn, with what was handed to it where nobody had said that."""
    earlier = turns_for(plan, position, hop)
    said = {turn.output for turn in earlier}
    told: list[dict[str, object]] = []
    for turn in earlier:
        handed = {} if turn.input in said else {"was handed": turn.input.value}
        told.append({"role": turn.role.name, **handed, "said": turn.output.value})
    return Payload.of(told) if told else None
