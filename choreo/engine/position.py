"""Where a run stands: what folding its history, event by event, leaves in hand.

`fold` evaluates nothing and decides nothing: it only books what the events say, so that a position
rebuilt from the rows alone is the position that was. It consumes the position it is given (the same
object comes back, changed), which keeps a hop as cheap at the thousandth as at the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from choreo.canonical import Payload
from choreo.plan import Plan
from choreo.spec import END
from choreo.trace import (
    Asked,
    Decided,
    Event,
    HandedOver,
    HopFinished,
    HopStarted,
    LimitsRaised,
    RunFinished,
    RunResumed,
    RunStarted,
)

Past = dict[str, int]
"""The causal past of an event: role or touchpoint to the number of its latest visit or question there."""

DELIVERING = ("delivered", "asked")


@dataclass(slots=True)
class HopState:
    """One visit. `past` is the causal past of its arrival, itself not included."""

    number: int
    role: str
    visit: int
    scope: str
    handoff: int
    input: Payload
    past: Past
    effect: bool
    previous: Payload | None = None
    feedback: Payload | None = None
    output: Payload | None = None
    status: str | None = None
    code: str | None = None
    message: str = ""
    confidence: float | None = None


@dataclass(slots=True)
class Arrival:
    """A payload on its way to a role: queued, or standing at a touchpoint."""

    handoff: int
    edge: int
    target: str
    scope: str
    payload: Payload
    past: Past
    sources: tuple[tuple[str, int], ...]
    exempt: bool = False


@dataclass(slots=True)
class OpenQuestion:
    asked: Asked
    arrival: Arrival | None


@dataclass(slots=True)
class Answered:
    """A touchpoint that was decided: what its name stands for afterwards, and the past of the answer."""

    touchpoint: str
    decision: str
    payload: Payload
    reason: str
    by: str
    past: Past


@dataclass(slots=True)
class Spent:
    """What counts against the limits. `priced` is False once a call without a known price was made."""

    hops: int = 0
    cost: float = 0.0
    priced: bool = True
    seconds: float = 0.0


@dataclass(slots=True)
class Position:
    run: str
    limits: dict[str, float | None]
    trigger: Payload | None = None
    hops: dict[int, HopState] = field(default_factory=dict)
    playing: dict[int, HopState] = field(default_factory=dict)
    queues: dict[tuple[str, str], list[Arrival]] = field(default_factory=dict)
    slots: dict[tuple[int, str], dict[str, int]] = field(default_factory=dict)
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """(join, older hop) where a newer event took a slot and that is not yet said."""
    answered_hops: dict[int, int] = field(default_factory=dict)
    """Answered questions that a hop waited for (a human role, an effect in doubt), to that hop."""
    waiting: dict[int, Arrival] = field(default_factory=dict)
    """Arrivals at a touchpoint, by handoff number, until the question itself is booked."""
    questions: dict[int, OpenQuestion] = field(default_factory=dict)
    answered: dict[int, Answered] = field(default_factory=dict)
    fired: dict[tuple[int, str], int] = field(default_factory=dict)
    visits: dict[tuple[str, str], int] = field(default_factory=dict)
    ended: list[tuple[int, int, Payload]] = field(default_factory=list)
    """What reached the end: (handoff number, edge, payload)."""
    spent: Spent = field(default_factory=Spent)
    handoffs: int = 0
    asked: int = 0
    last_hop: int = 0
    swept: int = 0
    at: float = 0.0
    finished: RunFinished | None = None

    @property
    def in_play(self) -> list[HopState]:
        """The visits that a machine plays now: those that wait for a person are not among them."""
        asked = {question.asked.hop for question in self.questions.values()}
        return [hop for number, hop in self.playing.items() if number not in asked]

    def busy(self, role: str, scope: str) -> bool:
        return any(hop.role == role and hop.scope == scope for hop in self.playing.values())


def start(plan: Plan, run: str) -> Position:
    """The position before the first event."""
    limits = plan.spec.limits
    return Position(run, {"cost": limits.cost, "hops": limits.hops, "time": limits.time, "parallel": limits.parallel})


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
        case LimitsRaised():
            position.limits.update(event.limits)
            position.finished = None
        case RunFinished():
            position.finished = event
            if event.status != "limit":
                position.queues.clear()
                position.slots.clear()
        case RunResumed():
            pass
    return position


def _pass_time(position: Position, event: Event) -> None:
    """Time counts only while a hop is in play: not while a person thinks or no process is there."""
    if position.playing and position.in_play and not isinstance(event, RunResumed):
        position.spent.seconds += max(0.0, event.at - position.at)
    position.at = event.at


def past_after(position: Position, sources: tuple[tuple[str, int], ...]) -> Past:
    """The causal past of what follows these sources: the union, the highest visit of each name wins."""
    found: Past = {}
    for kind, number in sources:
        if kind == "hop":
            hop = position.hops[number]
            _merge(found, hop.past)
            _merge(found, {hop.role: number})
        elif kind == "question":
            answer = position.answered[number]
            _merge(found, answer.past)
            _merge(found, {answer.touchpoint: number})
    return found


def _merge(into: Past, other: Past) -> None:
    # Hop and question numbers grow with the visits of a name, so the higher number is the later visit.
    for name, number in other.items():
        if number > into.get(name, 0):
            into[name] = number


def _handed_over(plan: Plan, position: Position, event: HandedOver) -> None:
    position.handoffs = max(position.handoffs, event.number)
    if event.state == "superseded":
        position.replaced.remove((event.join, event.sources[0][1]))
    elif event.join >= 0:
        position.slots.pop((event.join, event.scope), None)
    if event.firing:
        position.fired[plan.edges[event.edge].counter, event.scope] = event.firing
    if event.state == "over_budget":
        _drop_arrival(position, event)
    if event.state not in DELIVERING or event.payload is None:
        return
    arrival = Arrival(
        handoff=event.number,
        edge=event.edge,
        target=event.target,
        scope=event.scope,
        payload=event.payload,
        past=past_after(position, event.sources),
        sources=event.sources,
        exempt=event.exempt,
    )
    if event.state == "asked":
        position.waiting[event.number] = arrival
    else:
        _arrive(position, arrival)


def _arrive(position: Position, arrival: Arrival) -> None:
    if arrival.target == END:
        position.ended.append((arrival.handoff, arrival.edge, arrival.payload))
    else:
        position.queues.setdefault((arrival.target, arrival.scope), []).append(arrival)


def _drop_arrival(position: Position, event: HandedOver) -> None:
    queue = position.queues.get((event.target, event.scope), [])
    position.queues[event.target, event.scope] = [arrival for arrival in queue if arrival.handoff != event.of]


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
        previous=event.previous,
        feedback=event.feedback,
    )
    position.hops[event.hop] = position.playing[event.hop] = hop
    position.visits[event.role, event.scope] = event.visit
    position.last_hop = event.hop
    position.spent.hops += 1


def _hop_finished(plan: Plan, position: Position, event: HopFinished) -> None:
    hop = position.playing.pop(event.hop, None) or position.hops[event.hop]
    hop.status, hop.output, hop.code, hop.message = event.status, event.output, event.code, event.message
    hop.confidence = event.confidence
    position.spent.cost += event.cost or 0.0
    position.spent.priced = position.spent.priced and event.priced
    if event.status == "done":
        for join in plan.joins_of.get(hop.role, ()):
            filled = position.slots.setdefault((join.number, hop.scope), {})
            if hop.role in filled:
                position.replaced.append((join.number, filled[hop.role]))
            filled[hop.role] = hop.number


def _asked(position: Position, event: Asked) -> None:
    position.asked = max(position.asked, event.question)
    position.questions[event.question] = OpenQuestion(event, position.waiting.pop(event.handoff, None))


def _decided(plan: Plan, position: Position, event: Decided) -> None:
    question = position.questions.pop(event.question)
    arrival = question.arrival
    if arrival is None:
        position.answered_hops[event.question] = question.asked.hop
        return
    payload = event.payload if event.decision == "edit" and event.payload is not None else arrival.payload
    position.answered[event.question] = Answered(
        touchpoint=question.asked.touchpoint,
        decision=event.decision,
        payload=payload,
        reason=event.reason,
        by=event.by,
        past=arrival.past,
    )
    if event.decision in ("approve", "edit", "not-asked"):
        arrival.payload = payload
        arrival.past = past_after(position, (("question", event.question),))
        _arrive(position, arrival)


def forget(plan: Plan, position: Position, every: int = 256) -> None:
    """Let go of visits and answers that nothing in flight can name, once in `every` hops."""
    if position.last_hop - position.swept < every:
        return
    position.swept = position.last_hop
    arrivals = [arrival for queue in position.queues.values() for arrival in queue]
    arrivals += [question.arrival for question in position.questions.values() if question.arrival is not None]
    slotted = [position.hops[number] for filled in position.slots.values() for number in filled.values()]
    live = [*position.playing.values(), *slotted]
    hops = {hop.number for hop in live}
    answers: set[int] = set()
    for kind, number in (source for arrival in arrivals for source in arrival.sources):
        (hops if kind == "hop" else answers).add(number)
    sources = [position.hops[number] for number in hops if number in position.hops]
    for past in [*(arrival.past for arrival in arrivals), *(hop.past for hop in sources)]:
        for name, number in past.items():
            (hops if name in plan.roles else answers).add(number)
    position.hops = {number: hop for number, hop in position.hops.items() if number in hops}
    position.answered = {number: answer for number, answer in position.answered.items() if number in answers}
