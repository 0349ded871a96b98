"""What a runner works with, and what comes back to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from choreo.engine.position import HopState, OpenQuestion, Position
from choreo.engine.react import Check
from choreo.gates.base import Answer, Gate, Parked
from choreo.plan import Plan
from choreo.players.base import Instant, Player
from choreo.runners.clock import Clock, SteadyClock
from choreo.spec import Role
from choreo.store import Store
from choreo.store.writer import HopAttempt, RunWriter
from choreo.trace import Attempt, ChildRun, EffectKey, Event

if TYPE_CHECKING:
    from choreo.runners.replay import Recall

Watch = Callable[[Sequence[Event], Position], None]
"""Told what was committed, after it was."""

_ENDED = "the process ended while this was under way"


@dataclass
class Parts:
    """What a runner works with. `gate` is None where nobody can be asked now."""

    plan: Plan
    position: Position
    writer: RunWriter
    store: Store
    check: Check
    player: Callable[[Role], Player | Instant]
    gate: Gate | None = None
    watch: Watch = lambda events, position: None
    clock: Clock = field(default_factory=SteadyClock)
    spent_before: Mapping[int, tuple[float, bool]] = field(default_factory=dict)
    """Of hops that were in play when the last process ended: (cost so far, all of it known)."""
    lived: float = 0.0
    """Seconds that the last process went on with hops in play, behind the last event that it has recorded."""
    below: Below | None = None
    recall: Recall | None = None
    """In a replay: the record that hops and decisions are taken from."""
    stays: bool = False
    """Whether to stay where nothing is left to do but to wait: a child run leaves with the run above it."""


class HopEnded(Struct, frozen=True):
    """How a visit ended. `first` is booked before it: what its child run has spent."""

    hop: HopState
    fact: Event
    attempts: tuple[HopAttempt, ...] = ()
    first: tuple[Event, ...] = ()


class PersonAnswered(Struct, frozen=True):
    """What a person at the gate said, or that they put the question off."""

    question: OpenQuestion
    answer: Answer | Parked


Mail = HopEnded | ChildRun | PersonAnswered | BaseException | None
"""What hops, persons and child runs bring back: booked one by one, in the order in which it came."""


class Runner(Protocol):
    """What a run's runner is to those that play its hops and ask its persons."""

    parts: Parts
    plan: Plan
    position: Position
    interrupted: bool
    finishes: bool

    @property
    def over(self) -> bool: ...

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def check(self) -> Check: ...

    def post(self, mail: Mail) -> None: ...

    def go_on(self, hop: HopState, begin: Callable[[], Mail | Coroutine[Any, Any, Mail]]) -> None: ...

    def commit(self, fact: Event, attempts: tuple[()] = (), first: tuple[Event, ...] = ()) -> None: ...

    def flush(self) -> None: ...

    def interrupt(self, *, finishes: bool = False) -> None: ...

    async def claim(self, fact: EffectKey) -> bool: ...


class Below(Protocol):
    """Plays the hops that are runs of their own (`choreo.runners.children`)."""

    async def play(self, above: Runner, hop: HopState) -> HopEnded | ChildRun: ...

    def interrupt(self, run: str) -> None:
        """Interrupt the child runs of a run."""

    def rests(self, run: str, hop: int) -> bool:
        """Whether nothing in the child run of a hop can go on by itself."""

    def end(self, above: Runner, hop: HopState, why: str) -> None:
        """Record that the child run of a hop, if it has one, is over from above."""

    def first(self, position: Position, fact: Event) -> tuple[Event, ...]:
        """What must be on record before a fact: limits that were reached elsewhere among these runs."""


def status_of(position: Position) -> str:
    """The status of a run as the table `run` has it."""
    if position.finished is not None:
        return position.finished.status
    return "waiting" if position.waits else "running"


def is_priced(attempt: Attempt) -> bool:
    """Whether what an attempt cost is known. A call that brought no answer back costs nothing."""
    answered = attempt.finish is not None or attempt.code is None or attempt.kind == "interrupted"
    return attempt.cost is not None or not answered


def cut_short(plan: Plan, hop: HopState, now: float, why: str = _ENDED) -> Attempt:
    """The attempt that was under way when the process, or its lane, ended: what it brought and cost is not known."""
    from choreo.spec import ModelPlayer

    paid = isinstance(plan.roles[hop.role].role.player, ModelPlayer)
    return Attempt(
        kind="interrupted",
        request=hop.input.data,
        response=None,
        started=now,
        seconds=0.0,
        code="interrupted",
        message=why,
        cost=None if paid else 0.0,
    )
