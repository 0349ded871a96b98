"""`fold`: books one event in a position.

It evaluates nothing and decides nothing: it only books what the events say, so that a position
rebuilt from the rows alone is the position that was. It consumes the position it is given (the same
object comes back, changed), which keeps a hop as cheap at the thousandth as at the first.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

from msgspec.structs import replace

from choreo.engine.lanes import Lanes, Past, Sources, inside, recalled, within
from choreo.engine.position import Answered, Arrival, DelayedArrival, HopState, OpenQuestion, Position
from choreo.engine.thread import conversation
from choreo.plan import Plan
from choreo.spec import END
from choreo.trace import (
    Asked,
    ChildRun,
    Decided,
    Delayed,
    EffectKey,
    Event,
    HandedOver,
    HopFinished,
    HopStarted,
    LimitsRaised,
    PlanChanged,
    RunFinished,
    RunResumed,
    RunStarted,
    TimerFired,
)


def fold(plan: Plan, position: Position, event: Event) -> Position:
    """Book one event. Consumes `position`."""
    _pass_time(position, event)
    match event:
        case RunStarted():
            position.trigger = event.payload
        case HandedOver():
            _handed_over(plan, position, event)
        case HopStarted():
            _hop_started(plan, position, event)
        case HopFinished():
            _hop_finished(plan, position, event)
        case Asked():
            _asked(position, event)
        case Decided():
            _decided(plan, position, event)
        case Delayed():
            position.delayed[event.handoff] = DelayedArrival(event.due, position.waiting.pop(event.handoff))
        case EffectKey():
            position.hops[event.hop].intent = not event.run or event.over
        case TimerFired():
            _timer_fired(plan, position, event)
        case ChildRun():
            _child_told(position, event)
        case LimitsRaised():
            position.limits.update(event.limits)
            position.finished = None
            _let_children_go_on(position)
        case RunFinished():
            position.finished = event
            if event.status != "limit" and not event.stopped:
                _clear(position)
        case RunResumed():
            position.spent.seconds += event.lived or 0.0
            if position.finished is not None and position.finished.stopped:
                position.finished = None
    return position


def _clear(position: Position) -> None:
    """Nothing follows any more. What is played is still awaited, or recorded when it ends."""
    position.queues.clear()
    position.delayed.clear()
    position.unstarted.clear()
    for scope in position.scopes.values():
        scope.slots.clear()


def _pass_time(position: Position, event: Event) -> None:
    """Time counts only while a hop is in play: not while a person thinks or no process is there."""
    if position.running and not isinstance(event, RunResumed | PlanChanged):
        position.spent.seconds += max(0.0, event.at - position.at)
    position.at = event.at


def past_after(position: Position, sources: Sources) -> Past:
    """The causal past of what follows these sources: the union, the highest visit of each name wins."""
    found: Past = {}
    for kind, number in sources:
        if kind == "hop":
            hop = position.hops[number]
            found = _with(found, hop.past, hop.role, number)
        elif kind == "question":
            answer = position.answered[number]
            found = _with(found, answer.past, answer.touchpoint, number)
        elif kind == "lanes":
            # What was visited in the lanes is not known outside of them.
            found = dict(position.lanes[number].past)
    return found


def _with(found: Past, past: Past, name: str, number: int) -> Past:
    # Hop and question numbers grow with the visits of a name, so the higher number is the later visit.
    if found:
        for earlier, its in past.items():
            if its > found.get(earlier, 0):
                found[earlier] = its
    else:
        found = past.copy()
    if number > found.get(name, 0):
        found[name] = number
    return found


def _fly(position: Position, scope: str, name: str) -> None:
    """Something is in play at this role or touchpoint now."""
    state = position.scope(scope)
    if scope and not state.flying and (found := position.lane(scope)) is not None:
        found[0].live += 1
    state.flying[name] = state.flying.get(name, 0) + 1


def _land(position: Position, scope: str, name: str) -> None:
    """Something there is over. In a lane that was given up nothing counts any more."""
    state = position.scopes.get(scope)
    if state is None or name not in state.flying:
        return
    state.flying[name] -= 1
    if not state.flying[name]:
        del state.flying[name]
    if scope and not state.flying and (found := position.lane(scope)) is not None:
        found[0].live -= 1


def _handed_over(plan: Plan, position: Position, event: HandedOver) -> None:
    position.handoffs = max(position.handoffs, event.number)
    if event.state == "superseded":
        position.replaced.remove((event.join, event.sources[0][1]))
    elif event.join >= 0:
        position.scope(event.scope).slots.pop(event.join, None)
    if event.firing:
        position.scope(event.scope).fired[plan.edges[event.edge].counter] = event.firing
    past = _lane_started(position, event) if event.scope else None
    match event.state:
        case "delivered" | "asked" | "delayed":
            _deliver(plan, position, event, past)
        case "over_budget":
            _drop_arrival(position, event)
        case "opened":
            _open(plan, position, event)
        case "lane_failed":
            _lane_failed(plan, position, event)
        case "gathered" | "cancelled":
            _close(plan, position, event)


def _deliver(plan: Plan, position: Position, event: HandedOver, past: Past | None) -> None:
    if event.payload is None:
        return
    arrival = Arrival(
        handoff=event.number,
        edge=event.edge,
        target=event.target,
        scope=event.scope,
        payload=event.payload,
        past=past_after(position, event.sources) if past is None else past,
        sources=event.sources,
        exempt=event.exempt,
    )
    if event.state == "delivered":
        _arrive(plan, position, arrival)
    else:
        position.waiting[event.number] = arrival
        _fly(position, event.scope, plan.edges[event.edge].handoff.touchpoint or event.target)


def _timer_fired(plan: Plan, position: Position, event: TimerFired) -> None:
    arrival = position.delayed.pop(event.handoff).arrival
    if plan.edges[arrival.edge].handoff.touchpoint is not None:
        position.waiting[event.handoff] = arrival
    else:
        _land(position, arrival.scope, arrival.target)
        _arrive(plan, position, arrival)


def _arrive(plan: Plan, position: Position, arrival: Arrival) -> None:
    if arrival.target == END:
        position.ended.append((arrival.handoff, arrival.edge, arrival.payload))
    else:
        position.queues.setdefault((arrival.target, arrival.scope), []).append(arrival)
        heappush(position.ready, (plan.roles[arrival.target].order, arrival.scope, arrival.target))
        _fly(position, arrival.scope, arrival.target)


def _drop_arrival(position: Position, event: HandedOver) -> None:
    queue = position.queues.pop((event.target, event.scope), [])
    left = [arrival for arrival in queue if arrival.handoff != event.of]
    if left:
        position.queues[event.target, event.scope] = left
    _land(position, event.scope, event.target)


# -- lanes ---------------------------------------------------------------------------------------


def _open(plan: Plan, position: Position, event: HandedOver) -> None:
    edge = plan.edges[event.edge]
    role = edge.handoff.targets[0]
    state = position.scope(event.scope)
    times = state.opened[role] = state.opened.get(role, 0) + 1
    name = f"{event.scope}/{role}" if event.scope else role
    items, given = recalled(edge, event.payload) if event.payload is not None else ([], {})
    lanes = Lanes(
        name=name if times == 1 else f"{name}~{times}",
        number=event.number,
        edge=event.edge,
        scope=event.scope,
        items=items,
        sources=event.sources,
        past=past_after(position, event.sources),
        given=given,
    )
    position.lanes[event.number] = position.named[lanes.name] = lanes
    if items:
        position.unstarted[event.number] = lanes
    for target in edge.handoff.targets:
        _fly(position, event.scope, target)


def _lane_started(position: Position, event: HandedOver) -> Past | None:
    """The causal past of a lane that starts with this handoff, None where it is any other one in a lane."""
    found = position.lane(event.scope)
    if found is None or found[0].edge != event.edge or event.state in ("opened", "lane_failed"):
        return None
    lanes, index = found
    if index >= lanes.started:
        lanes.started = index + 1
    if lanes.started == len(lanes.items):
        position.unstarted.pop(lanes.number, None)
    return lanes.past


def _lane_failed(plan: Plan, position: Position, event: HandedOver) -> None:
    found = position.lane(event.scope)
    if found is None:
        return
    lanes, index = found
    state = position.scopes.pop(event.scope, None)
    if state is not None and state.flying:
        lanes.live -= 1
        _give_up(position, lambda scope: inside(scope, event.scope))
    lanes.failed[index] = f"{event.code}: {event.message}"
    lanes.results.pop(index, None)


def _close(plan: Plan, position: Position, event: HandedOver) -> None:
    lanes = position.lanes.get(event.of)
    if lanes is None:
        return
    if lanes.live:
        _give_up(position, lambda scope: within(scope, lanes.name))
    _forget_lanes(position, lanes)
    for target in plan.edges[lanes.edge].handoff.targets:
        _land(position, lanes.scope, target)


def _forget_lanes(position: Position, lanes: Lanes) -> None:
    position.unstarted.pop(lanes.number, None)
    del position.lanes[lanes.number], position.named[lanes.name]
    for index in range(lanes.started):
        position.scopes.pop(lanes.lane(index), None)


def _give_up(position: Position, lost: Callable[[str], bool]) -> None:
    """Nothing that is in play in these scopes leads anywhere any more."""
    for lanes in [lanes for lanes in position.lanes.values() if lost(lanes.scope)]:
        _forget_lanes(position, lanes)
    for key in [key for key in position.queues if lost(key[1])]:
        del position.queues[key]
    for number in [number for number, delayed in position.delayed.items() if lost(delayed.arrival.scope)]:
        del position.delayed[number]
    for hop in position.playing.values():
        hop.cancelled = hop.cancelled or lost(hop.scope)


# -- visits --------------------------------------------------------------------------------------


def _hop_started(plan: Plan, position: Position, event: HopStarted) -> None:
    queue = position.queues[event.role, event.scope]
    arrival = queue.pop(0)
    if not queue:
        del position.queues[event.role, event.scope]
    hop = HopState(
        number=event.hop,
        role=event.role,
        visit=event.visit,
        scope=event.scope,
        handoff=event.handoff,
        input=event.input,
        past=arrival.past,
        effect=event.effect,
        intent=event.effect and plan.roles[event.role].key is None,
        sources=arrival.sources,
        previous=event.previous,
        feedback=event.feedback,
    )
    position.hops[event.hop] = position.playing[event.hop] = position.running[event.hop] = hop
    state = position.scope(event.scope)
    state.visits[event.role] = event.visit
    state.playing.add(event.role)
    position.last_hop = event.hop
    position.spent.hops += 1


def _hop_finished(plan: Plan, position: Position, event: HopFinished) -> None:
    played = position.playing.pop(event.hop, None)
    hop = played or position.hops[event.hop]
    hop.status, hop.output, hop.code, hop.message = event.status, event.output, event.code, event.message
    hop.confidence = event.confidence
    position.running.pop(event.hop, None)
    told = position.children.pop(event.hop, None)
    position.spent.cost += (event.cost or 0.0) - (told.cost if told is not None else 0.0)
    position.spent.priced = position.spent.priced and event.priced
    if hop.cancelled:
        return
    if played is not None:
        position.scope(hop.scope).playing.discard(hop.role)
        _land(position, hop.scope, hop.role)
        if (hop.role, hop.scope) in position.queues:
            heappush(position.ready, (plan.roles[hop.role].order, hop.scope, hop.role))
    if event.status == "done":
        _fill_slots(plan, position, hop)


def _fill_slots(plan: Plan, position: Position, hop: HopState) -> None:
    for join in plan.joins_of.get(hop.role, ()):
        filled = position.scope(hop.scope).slots.setdefault(join.number, {})
        if hop.role in filled:
            position.replaced.append((join.number, filled[hop.role]))
        filled[hop.role] = hop.number
    if hop.role in plan.gathered and hop.output is not None and (found := position.lane(hop.scope)) is not None:
        lanes, index = found
        given = lanes.results.setdefault(index, {})
        given.pop(hop.role, None)
        given[hop.role] = hop.output


def _go_on(position: Position, number: int, goes_on: bool = True) -> None:
    """Whether a visit does not wait."""
    position.running.pop(number, None)
    if goes_on and number in position.playing:
        position.running[number] = position.playing[number]


def _child_told(position: Position, event: ChildRun) -> None:
    """What a child run has spent counts here, too, each part of it once."""
    before = position.children.get(event.hop)
    position.spent.hops += event.hops - (before.hops if before is not None else 0)
    position.spent.cost += event.cost - (before.cost if before is not None else 0.0)
    position.spent.priced = position.spent.priced and event.priced
    position.children[event.hop] = event
    _go_on(position, event.hop, event.state not in ("waiting", "limit"))


def _let_children_go_on(position: Position) -> None:
    for number, child in position.children.items():
        if child.state == "limit":
            position.children[number] = replace(child, state="playing")
            _go_on(position, number)


# -- questions -----------------------------------------------------------------------------------


def _asked(position: Position, event: Asked) -> None:
    position.asked = max(position.asked, event.question)
    arrival = position.waiting.pop(event.handoff, None)
    position.questions[event.question] = OpenQuestion(event, arrival)
    if event.due is not None:
        position.timed[event.question] = event.due
    if arrival is not None:
        position.scope(event.scope).gates.setdefault(event.touchpoint, []).append(event.question)
    else:
        _go_on(position, event.hop, False)


def _decided(plan: Plan, position: Position, event: Decided) -> None:
    question = position.questions.pop(event.question)
    position.timed.pop(event.question, None)
    arrival = question.arrival
    if arrival is None:
        position.answered_hops[event.question] = question.asked.hop
        _go_on(position, question.asked.hop)
        if event.decision == "redo":
            position.hops[question.asked.hop].redo = True
        return
    state = position.scopes.get(arrival.scope)
    if state is not None and event.question in state.gates.get(question.asked.touchpoint, ()):
        state.gates[question.asked.touchpoint].remove(event.question)
    _land(position, arrival.scope, question.asked.touchpoint)
    payload = event.payload if event.decision == "edit" and event.payload is not None else arrival.payload
    position.answered[event.question] = Answered(
        touchpoint=question.asked.touchpoint,
        decision=event.decision,
        payload=payload,
        reason=event.reason,
        by=event.by,
        past=arrival.past,
        scope=arrival.scope,
    )
    if event.decision in ("approve", "edit", "not-asked"):
        arrival.payload = payload
        arrival.past = past_after(position, (("question", event.question),))
        _arrive(plan, position, arrival)


def forget(plan: Plan, position: Position, every: int = 256) -> None:
    """Let go of visits and answers that nothing in flight can name, once in `every` hops."""
    if position.last_hop - position.swept < every:
        return
    position.swept = position.last_hop
    arrivals = [arrival for queue in position.queues.values() for arrival in queue]
    arrivals += [question.arrival for question in position.questions.values() if question.arrival is not None]
    arrivals += [delayed.arrival for delayed in position.delayed.values()]
    slots = (filled for scope in position.scopes.values() for filled in scope.slots.values())
    slotted = [position.hops[number] for filled in slots for number in filled.values()]
    live = [*position.playing.values(), *slotted]
    hops = {hop.number for hop in live}
    answers: set[int] = set()
    ahead: list[Arrival | Lanes] = [*arrivals, *position.lanes.values()]
    causes = (*(hop.sources for hop in live), *(one.sources for one in ahead))
    for kind, number in (source for sources in causes for source in sources):
        (hops if kind == "hop" else answers).add(number)
    sources = [position.hops[number] for number in hops if number in position.hops]
    for past in [*(one.past for one in ahead), *(hop.past for hop in sources)]:
        for name, number in past.items():
            (hops if name in plan.roles else answers).add(number)
    if plan.threads:
        hops = conversation(plan, position, hops)
    position.hops = {number: hop for number, hop in position.hops.items() if number in hops}
    position.answered = {number: answer for number, answer in position.answered.items() if number in answers}
