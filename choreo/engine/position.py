"""Where a run stands: what folding its history, event by event, leaves in hand (see `choreo.engine.fold`)."""

from __future__ import annotations

from msgspec import Struct, field

from choreo.canonical import Payload
from choreo.engine.lanes import Lanes, Past, ScopeState, Sources, split
from choreo.plan import Plan
from choreo.trace import Asked, ChildRun, RunFinished


class HopState(Struct):
    """One visit. `past` is the causal past of its arrival, itself not included."""

    number: int
    role: str
    visit: int
    scope: str
    handoff: int
    input: Payload
    past: Past
    effect: bool
    intent: bool = False
    """Whether the effect may have happened: at once, or from its `key` on."""
    redo: bool = False
    """Whether a person has said that the effect is to be done (again), whoever has its key."""
    sources: Sources = ()
    previous: Payload | None = None
    feedback: Payload | None = None
    output: Payload | None = None
    status: str | None = None
    code: str | None = None
    message: str = ""
    confidence: float | None = None
    cancelled: bool = False
    """Its lane is over: how it ends is recorded, and nothing follows from it."""


class Arrival(Struct):
    """A payload on its way to a role: queued, or standing at a touchpoint."""

    handoff: int
    edge: int
    target: str
    scope: str
    payload: Payload
    past: Past
    sources: Sources
    exempt: bool = False


class OpenQuestion(Struct):
    asked: Asked
    arrival: Arrival | None


class DelayedArrival(Struct):
    """Something on its way that arrives at `due` (UTC seconds)."""

    due: float
    arrival: Arrival


class Answered(Struct):
    """A touchpoint that was decided: what its name stands for afterwards, and the past of the answer."""

    touchpoint: str
    decision: str
    payload: Payload
    reason: str
    by: str
    past: Past
    scope: str = ""


class Spent(Struct):
    """What counts against the limits. `priced` is False once a call without a known price was made."""

    hops: int = 0
    cost: float = 0.0
    priced: bool = True
    seconds: float = 0.0


class Position(Struct):
    run: str
    limits: dict[str, float | None]
    trigger: Payload | None = None
    hops: dict[int, HopState] = field(default_factory=dict)
    playing: dict[int, HopState] = field(default_factory=dict)
    queues: dict[tuple[str, str], list[Arrival]] = field(default_factory=dict)
    """What has arrived and not started, by role and scope."""
    ready: list[tuple[int, str, str]] = field(default_factory=list)
    """A heap of (place of the role in the file, scope, role): where something may start next. What has started since,
    or was dropped, may still be in here."""
    scopes: dict[str, ScopeState] = field(default_factory=lambda: {"": ScopeState()})
    lanes: dict[int, Lanes] = field(default_factory=dict)
    """Open lanes, by the number of the handoff that opened them."""
    named: dict[str, Lanes] = field(default_factory=dict)
    """The same by name."""
    unstarted: dict[int, Lanes] = field(default_factory=dict)
    """Those of which some have not started."""
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """(join, older hop) where a newer event took a slot and that is not yet said."""
    answered_hops: dict[int, int] = field(default_factory=dict)
    """Answered questions that a hop waited for (a human role, an effect in doubt), to that hop."""
    waiting: dict[int, Arrival] = field(default_factory=dict)
    """Arrivals at a touchpoint or delayed, by handoff number, until the question or the delay itself is booked."""
    delayed: dict[int, DelayedArrival] = field(default_factory=dict)
    questions: dict[int, OpenQuestion] = field(default_factory=dict)
    timed: dict[int, float] = field(default_factory=dict)
    """Those of them that run out, and when (UTC seconds)."""
    running: dict[int, HopState] = field(default_factory=dict)
    """Those of `playing` that do not wait, for a person or for what their child run waits for."""
    children: dict[int, ChildRun] = field(default_factory=dict)
    """The latest word of the child run that plays a hop, by hop, until the hop ends."""
    answered: dict[int, Answered] = field(default_factory=dict)
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
        """The visits that a machine plays now: those that wait, here or in a child run, are not among them."""
        if len(self.running) < 2:
            return list(self.running.values())
        return [self.running[number] for number in sorted(self.running)]

    @property
    def machines(self) -> int:
        """How many visits a machine plays now."""
        return len(self.running)

    @property
    def used_up(self) -> dict[int, str]:
        """The visits whose child run has stopped because nothing is left here, each with the limit's name."""
        stopped = {number: child.code or "" for number, child in self.children.items() if child.state == "limit"}
        return {number: code.removeprefix("limit-") for number, code in stopped.items()}

    @property
    def waits(self) -> bool:
        """Whether nothing is in play, and a person or a time can bring the run on."""
        waiting = self.questions or self.delayed or any(child.state == "waiting" for child in self.children.values())
        return bool(waiting) and not self.machines

    @property
    def due(self) -> float | None:
        """When the first thing here comes due: a delayed arrival, or an open question that expires. None: nothing."""
        if self.finished is not None or not (self.timed or self.delayed or self.children):
            return None
        below = [child.due for child in self.children.values() if child.due is not None]
        return min([*self.timed.values(), *below, *(delayed.due for delayed in self.delayed.values())], default=None)

    def scope(self, name: str) -> ScopeState:
        """What is counted apart in this scope."""
        found = self.scopes.get(name)
        if found is None:
            found = self.scopes[name] = ScopeState()
        return found

    def lane(self, scope: str) -> tuple[Lanes, int] | None:
        """The lanes that a scope is one of, and its element; None for the run itself and for a lane that is over."""
        if not scope:
            return None
        name, index = split(scope)
        lanes = self.named.get(name)
        return None if lanes is None or index in lanes.failed else (lanes, index)

    def is_open(self, scope: str) -> bool:
        """Whether things can still happen in a scope."""
        return not scope or self.lane(scope) is not None


def start(plan: Plan, run: str) -> Position:
    """The position before the first event."""
    return Position(run, limits_of(plan))


def limits_of(plan: Plan) -> dict[str, float | None]:
    """The limits that a spec declares, by name; None is no limit."""
    limits = plan.spec.limits
    return {name: getattr(limits, name) for name in limits.__struct_fields__}
