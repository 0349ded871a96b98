"""What is recorded about a run: the events of its history, and the attempts inside its hops.

History is the state. Every event is a fact that was committed; `choreo.engine` derives everything
else from the sequence of events alone. Times (`at`) are UTC seconds since 1970, given from outside;
order is the order of events, never the clock's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from choreo.canonical import Payload

HopStatus = Literal["done", "failed", "timeout"]
HandoffState = Literal[
    "delivered",  # the payload went to the receiver (or to the end)
    "asked",  # it stands at a touchpoint
    "delayed",  # it waits for its time (`after`)
    "violation",  # the payload broke the receiver's contract
    "failed",  # a `when` or `pass` could not be evaluated
    "stopped",  # no handoff was selected: the branch ends here
    "exhausted",  # selected, but `at_most` was used up
    "over_budget",  # delivered, but a limit stands before the receiver's hop
    "superseded",  # an older event in a join's slot, replaced by a newer one
    "opened",  # `each`: a lane for every element of the payload
    "lane_failed",  # a lane that failed, and is dropped or kept as null
    "gathered",  # all lanes are at rest
    "cancelled",  # the lanes were given up, all of them
]
ChildState = Literal["playing", "waiting", "limit", "over"]
Blame = Literal["sender", "receiver", "mapping"]
RunStatus = Literal["running", "waiting", "done", "failed", "rejected", "limit", "refused", "stopped", "duplicate"]
QuestionKind = Literal["approve", "fill", "in_doubt"]
DecisionKind = Literal["approve", "edit", "reject", "fill", "expired", "withdrawn", "not-asked", "done", "redo", "stop"]


class Verdict(Struct, frozen=True):
    """One contract check: which contract (`name@version`), its digest, and what broke it.

    `violations` holds (JSON pointer, sentence) pairs; empty means the payload is valid.
    """

    contract: str
    digest: str
    violations: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        return not self.violations


class Attempt(Struct, frozen=True):
    """One call inside a hop: exact request and response. Unknown numbers are None, never 0.

    `code` is None for a call that succeeded; `started` is UTC seconds, `seconds` the latency by a
    monotonic clock; `who` names the person where a person answered.
    """

    kind: str
    request: bytes
    response: bytes | None
    started: float
    seconds: float
    code: str | None = None
    message: str = ""
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    finish: str | None = None
    who: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


# -- events --------------------------------------------------------------------------------------


class RunStarted(Struct, frozen=True):
    """`payload` is the trigger payload with defaults filled in; `defaults` names the fields that were."""

    at: float
    payload: Payload
    defaults: tuple[str, ...] = ()
    verdict: Verdict | None = None


class HandedOver(Struct, frozen=True):
    """One firing of one handoff (or the reason why none fired), from one event to one target.

    `number` counts from 1 in the run. `edge` is the position of the handoff in the plan (-1 when none
    was selected). `sources` are the causes: ("hop", n), ("question", n), ("trigger", 0), or ("lanes", n) for
    what is gathered: n is the number of the handoff that opened them. `scope` is the lane it happened in. `verdict`
    is the receiver's; `blame` says who broke it.
    """

    at: float
    number: int
    edge: int
    sources: tuple[tuple[str, int], ...]
    target: str
    state: HandoffState
    payload: Payload | None = None
    scope: str = ""
    verdict: Verdict | None = None
    blame: Blame | None = None
    code: str | None = None
    message: str = ""
    firing: int = 0
    """On the first event of a firing: how often the handoff has fired now, this time included."""
    join: int = -1
    """The number of the join that fired (its slots are empty now)."""
    of: int = 0
    """For `over_budget`: the number of the arrival that was taken from its queue. For `lane_failed`, `gathered` and
    `cancelled`: that of the handoff that opened the lanes."""
    exempt: bool = False
    """Delivered by an `over_budget` handoff: its hop starts in spite of the limit."""


class HopStarted(Struct, frozen=True):
    """A visit begins. Committed, with the exact input, before anything is called.

    `handoff` is the number of the arrival that caused it; `previous` and `feedback` are set when
    the visit revises an earlier one.
    """

    at: float
    hop: int
    role: str
    visit: int
    handoff: int
    input: Payload
    previous: Payload | None = None
    feedback: Payload | None = None
    scope: str = ""
    effect: bool = False
    """True where this start is the committed intent of an effect that may happen once."""


class HopFinished(Struct, frozen=True):
    at: float
    hop: int
    status: HopStatus
    output: Payload | None = None
    code: str | None = None
    message: str = ""
    confidence: float | None = None
    confidence_source: str = "none"
    confidence_detail: Mapping[str, Any] = field(default_factory=dict)
    cost: float | None = None
    """None where a call's price is unknown; 0.0 where nothing costs."""
    priced: bool = True
    """False when at least one call has no known price."""
    seconds: float = 0.0
    verdict: Verdict | None = None


class Asked(Struct, frozen=True):
    """A question is open. For a human role (`fill`) and an effect in doubt, `touchpoint` is the role's name
    and `hop` the visit that waits; for a touchpoint (`approve`), `handoff` is the arrival that waits."""

    at: float
    question: int
    kind: QuestionKind
    touchpoint: str
    payload: Payload
    handoff: int = 0
    hop: int = 0
    due: float | None = None
    why: str = ""
    scope: str = ""


class Decided(Struct, frozen=True):
    """The answer to a question (or `expired`, `withdrawn`). `shown` is the digest of what was on the screen."""

    at: float
    question: int
    decision: DecisionKind
    shown: str
    by: str
    payload: Payload | None = None
    reason: str = ""
    seconds: float = 0.0


class Delayed(Struct, frozen=True):
    """The arrival `handoff` waits until `due` (UTC seconds); from then on `TimerFired` sends it on its way."""

    at: float
    handoff: int
    due: float


class TimerFired(Struct, frozen=True):
    """The time of the delayed arrival `handoff` has come."""

    at: float
    handoff: int


class ChildRun(Struct, frozen=True):
    """How the child run stands that plays a hop (a role played by a sub-spec), and all it has spent so far.

    `waiting`: it waits for a person or a time (until `due` at the latest), and nothing in it is in play.
    `limit`: it stopped because what this run had left is used up (`code`). `over`: its end follows as the hop's end.
    Hops and cost include those of its own child runs; they count as spent by this run.
    """

    at: float
    hop: int
    run: str
    state: ChildState
    hops: int = 0
    cost: float = 0.0
    priced: bool = True
    due: float | None = None
    code: str | None = None


class EffectKey(Struct, frozen=True):
    """The `key` of the effect of `hop`. From here on the effect may have happened: this is its committed intent.

    `run` and `earlier` name the hop that had the key before: its receipt is taken and nothing happens again. With
    `over` the key is taken from that hop, because its effect failed or because a person said so.
    """

    at: float
    hop: int
    scope: str
    key: str
    run: str = ""
    earlier: int = 0
    over: bool = False


class Recalled(Struct, frozen=True):
    """In a replay: the decision of `question`, which follows, is the one that `earlier` of run `run` was given."""

    at: float
    question: int
    run: str
    earlier: int


class LimitsRaised(Struct, frozen=True):
    """Other limits than before: raised by a person, or (in a child run) what the run above has left."""

    at: float
    limits: Mapping[str, float]
    by: str = ""


class PlanChanged(Struct, frozen=True):
    """From here on the run has another plan (`choreo resume --accept-changes`): its digest, and that of the one before.

    `changed` names the texts that were others. `edges` and `joins` are (place in the plan before, place now) of what
    has fired: events before this one name handoffs and joins by their places then (`choreo.engine.change`).
    """

    at: float
    plan: str
    before: str
    version: str
    by: str
    changed: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    joins: tuple[tuple[int, int], ...] = ()


class RunResumed(Struct, frozen=True, omit_defaults=True):
    """A process took the run up (again). Time since the event before it does not count as time in play, but for the
    `lived` seconds that the process before is known to have gone on for."""

    at: float
    owner: str
    lived: float | None = None
    """None where it is not known, or nothing: left out of the hash chain then, as what older stores have."""


class RunFinished(Struct, frozen=True):
    at: float
    status: RunStatus
    outcome: str | None = None
    payload: Payload | None = None
    code: str | None = None
    message: str = ""

    @property
    def stopped(self) -> bool:
        """Whether a person stopped the run and may have it go on (a cancelled run is over for good)."""
        return self.status == "stopped" and self.code == "stopped"


Event = (
    RunStarted
    | HandedOver
    | HopStarted
    | HopFinished
    | Asked
    | Decided
    | Delayed
    | TimerFired
    | EffectKey
    | ChildRun
    | Recalled
    | LimitsRaised
    | PlanChanged
    | RunResumed
    | RunFinished
)
