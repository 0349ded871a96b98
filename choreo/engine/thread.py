"""A shared conversation: the visits of one `thread` that a visit comes after."""

from __future__ import annotations

from collections.abc import Iterable

from choreo.engine.position import HopState, Position
from choreo.plan import Plan


def turns(plan: Plan, position: Position, hop: HopState) -> tuple[HopState, ...]:
    """The earlier visits of the thread's roles in the causal past of `hop`, in this lane, in the order they began.

    What a parallel branch said is not among them, so a replay tells the same conversation. A visit that gave nothing
    is no turn.
    """
    numbers = sorted(conversation(plan, position, (hop.number,)) - {hop.number})
    found = (position.hops[number] for number in numbers)
    return tuple(one for one in found if one.scope == hop.scope and one.output is not None and one.status == "done")


def conversation(plan: Plan, position: Position, hops: Iterable[int]) -> set[int]:
    """These visits, and those of their threads that they come after, as far as the position still has them."""
    found: set[int] = set()
    ahead = [number for number in hops if number in position.hops]
    while ahead:
        number = ahead.pop()
        if number in found:
            continue
        found.add(number)
        hop = position.hops[number]
        thread = plan.threads.get(hop.role)
        if thread is not None:
            past = (earlier for role, earlier in hop.past.items() if plan.threads.get(role) == thread)
            ahead.extend(earlier for earlier in past if earlier in position.hops)
    return found
