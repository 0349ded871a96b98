"""What starts after a fact: visits that have room, joins that are ready, lanes, what is gathered; or the end."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

from choreo.canonical import Payload
from choreo.engine.join import Ready, ready_join
from choreo.engine.lanes import Lanes, gathered, within
from choreo.engine.limits import reached_limit
from choreo.engine.names import Names
from choreo.engine.position import Arrival, HopState, Position
from choreo.engine.reaction import Firing, Reaction
from choreo.spec import HumanPlayer
from choreo.trace import HopStarted


def settle(reaction: Reaction) -> None:
    """Start what may start, fire the joins that are ready, gather lanes, and end the run when it is at rest.

    What has begun goes before what has not: lanes that were not started yet start last, in the order of their elements.
    """
    goes_on = True
    while goes_on and not reaction.over:
        goes_on = _start_queued(reaction) or _fire_join(reaction) or _start_lane(reaction) or _gather(reaction)
    if not reaction.over:
        _rest(reaction)


# -- visits --------------------------------------------------------------------------------------


def _start_queued(reaction: Reaction) -> bool:
    """Start every visit that may start, in the order of the file, then of the elements. True when something other
    than a start was decided."""
    position = reaction.position
    held: list[tuple[int, str, str]] = []
    decided = False
    while position.ready and not decided and _has_room(reaction):
        _, scope, role = place = heappop(position.ready)
        queue = position.queues.get((role, scope))
        if not queue or role in position.scope(scope).playing:
            continue  # it has started since, or it is its turn when the visit before it is over
        limit = None if queue[0].exempt else reached_limit(position)
        if limit is None:
            _start_hop(reaction, queue[0])
            continue
        held.append(place)
        decided = _over_budget(reaction, queue[0], limit)
    for place in held:
        heappush(position.ready, place)
    return decided


def _has_room(reaction: Reaction) -> bool:
    parallel = reaction.position.limits.get("parallel")
    return parallel is None or reaction.position.machines < parallel


def _start_hop(reaction: Reaction, arrival: Arrival) -> None:
    position, role = reaction.position, arrival.target
    edge = reaction.plan.edges[arrival.edge]
    given: dict[str, Any] = {"input": arrival.payload}
    if edge.handoff.revise:
        before = position.hops[arrival.past[role]]
        given = {"input": before.input, "previous": before.output, "feedback": arrival.payload}
    reaction.book(
        HopStarted(
            at=reaction.at,
            hop=position.last_hop + 1,
            role=role,
            visit=position.scope(arrival.scope).visits.get(role, 0) + 1,
            handoff=arrival.handoff,
            scope=arrival.scope,
            effect=reaction.plan.roles[role].role.effect == "once",
            **given,
        )
    )
    _ask_person(reaction, position.playing[position.last_hop])


def _ask_person(reaction: Reaction, hop: HopState) -> None:
    """A human role waits for its person from the start."""
    player = reaction.plan.roles[hop.role].role.player
    if isinstance(player, HumanPlayer):
        due = reaction.at + player.within if player.within is not None else None
        why = "this role is played by a person"
        reaction.ask(hop.role, hop.input, hop.scope, kind="fill", hop=hop.number, due=due, why=why)


def _over_budget(reaction: Reaction, arrival: Arrival, limit: str) -> bool:
    """Hand the arrival's place to its source's `over_budget` handoff. False when there is none."""
    source, found = reaction.budgeted(arrival.sources), reaction.position.lane(arrival.scope)
    if source is None or (found is not None and source.scope != arrival.scope and _in_play(reaction, found[0])):
        return False
    more: dict[str, Any] = {"of": arrival.handoff, "code": limit, "scope": arrival.scope}
    reaction.hand_over(arrival.edge, arrival.sources, arrival.target, "over_budget", **more)
    reaction.over_budget(source, arrival.sources, arrival.scope, limit)
    return True


# -- joins ---------------------------------------------------------------------------------------


def _fire_join(reaction: Reaction) -> bool:
    if not reaction.plan.joins:
        return False
    while reaction.touched:
        scope = min(reaction.touched)
        ready = ready_join(reaction.plan, reaction.position, scope)
        if ready is not None:
            _fire(reaction, ready, scope)
            return True
        reaction.touched.discard(scope)
    return False


def _fire(reaction: Reaction, ready: Ready, scope: str) -> None:
    outputs: dict[str, Any] = dict.fromkeys(ready.group.sources)
    for source, number in ready.filled.items():
        output = reaction.position.hops[number].output
        outputs[source] = output.value if output is not None else None
    sources = tuple(("hop", number) for number in sorted(ready.filled.values()))
    reaction.fire(ready.group, sources, Payload.of(outputs), scope)


# -- lanes ---------------------------------------------------------------------------------------


def _start_lane(reaction: Reaction) -> bool:
    """Start the next lane that there is room for."""
    if not reaction.position.unstarted or not _has_room(reaction):
        return False
    for lanes in _in_depth(reaction):
        edge = reaction.plan.edges[lanes.edge]
        if edge.handoff.at_once is not None and lanes.live >= edge.handoff.at_once:
            continue
        limit = reached_limit(reaction.position) if edge.handoff.on != "over_budget" else None
        if limit is None:
            scope = lanes.lane(lanes.started)
            names = Names(reaction.plan, reaction.position, lanes.past, scope, **lanes.given)
            reaction.hand_on(Firing(edge, lanes.sources, names), None)
            return True
        source = reaction.budgeted(lanes.sources)
        if source is not None and not _in_play(reaction, lanes):
            reaction.over_budget(source, lanes.sources, lanes.lane(lanes.started), limit)
            return True
    return False


def _in_play(reaction: Reaction, lanes: Lanes) -> bool:
    """Whether something in these lanes still goes on in spite of a limit."""
    position = reaction.position
    hops = (hop.scope for number, hop in position.playing.items() if number not in position.used_up)
    asked = (question.asked.scope for question in position.questions.values())
    delayed = (one.arrival.scope for one in position.delayed.values())
    return any(within(scope, lanes.name) for scopes in (hops, asked, delayed) for scope in scopes)


def _in_depth(reaction: Reaction) -> Iterable[Lanes]:
    """Lanes inside lanes first, then in the order of the file, then of the elements around."""
    waiting = list(reaction.position.unstarted.values())
    if len(waiting) < 2:
        return waiting
    return sorted(waiting, key=lambda lanes: (-lanes.name.count("/"), lanes.edge, lanes.scope, lanes.number))


def _gather(reaction: Reaction) -> bool:
    """Fire the gathering handoffs of lanes that are at rest. True when there were such lanes."""
    while reaction.opened:
        lanes = reaction.position.lanes.get(reaction.opened.pop())
        if lanes is not None and lanes.at_rest:
            _end_of(reaction, lanes)
            return True
    return False


def _end_of(reaction: Reaction, lanes: Lanes) -> None:
    keep = reaction.plan.edges[lanes.edge].handoff.on_failure == "keep"
    sources = (("lanes", lanes.number),)
    for group in reaction.plan.gathers.get(lanes.edge, ()):
        if not reaction.over and lanes.number in reaction.position.lanes:
            out = Payload.of(gathered(lanes, group, keep))
            reaction.fire(group, sources, out, lanes.scope, failures=lanes.failures)
    if not reaction.over and lanes.number in reaction.position.lanes:
        told = f"{len(lanes.items) - len(lanes.failed)} of {len(lanes.items)}"
        reaction.hand_over(lanes.edge, sources, "", "gathered", scope=lanes.scope, of=lanes.number, message=told)


# -- the end -------------------------------------------------------------------------------------


def _plays(position: Position) -> bool:
    """Whether a visit is in play that can go on."""
    return bool(position.playing.keys() - position.used_up if position.children else position.playing)


def _rest(reaction: Reaction) -> None:
    position = reaction.position
    if len(position.ended) > 1:
        where = " and ".join(f"handoff {number}" for number, _, _ in position.ended)
        reaction.finish("failed", "two-results", f"two payloads reached the end: {where}")
    elif position.questions or position.delayed or _plays(position):
        return
    elif any(position.queues.values()) or position.unstarted or position.playing:
        limit = reached_limit(position) or next(iter(position.used_up.values()), None)
        reaction.finish("limit", f"limit-{limit}", f"the limit on {limit} is reached")
    elif position.ended:
        _, edge, payload = position.ended[0]
        outcome = reaction.plan.edges[edge].handoff.outcome or "done"
        reaction.finish("done", outcome=outcome, payload=payload)
    else:
        reaction.finish("failed", "no-result", "the run is at rest and nothing reached the end")
