"""Two runs compared: hops paired by role, visit and lane (in child runs, too), decisions by place, and the ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo.canonical import Payload
from choreo.render.changes import ABSENT, Change, changes
from choreo.store import RunRecord
from choreo.trace import Asked, Decided, Event, HopFinished, HopStarted, RunFinished, RunStarted

Part = tuple[str, Change]
"""What changed of something (`input`, `output`, `decision`, ...), and where in it."""


@dataclass(frozen=True)
class Told:
    """One run, as it is compared. `taken`: by hop, how it took its output from an earlier one (`reused`, ...).

    `below`: its child runs, by hop.
    """

    record: RunRecord
    events: Sequence[Event]
    taken: Mapping[int, str] = field(default_factory=dict)
    below: Mapping[int, Told] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A hop or a decision of one run. `parts` are what is compared; cost (None: not known) and seconds are told."""

    parts: Mapping[str, Any]
    cost: float | None = 0.0
    seconds: float = 0.0
    taken: str | None = None


@dataclass(frozen=True)
class Pair:
    """What stands at one place in both runs, or in one of them only."""

    name: str
    before: Entry | None
    after: Entry | None
    parts: tuple[Part, ...] = ()

    @property
    def differs(self) -> bool:
        return self.before is None or self.after is None or bool(self.parts)

    @property
    def other_price(self) -> bool:
        """Whether both were played, at another cost."""
        both = self.before is not None and self.after is not None
        played = both and not any(one.taken for one in (self.before, self.after) if one is not None)
        return bool(played and self.before and self.after and self.before.cost != self.after.cost)


@dataclass(frozen=True)
class Compared:
    before: Told
    after: Told
    run: Pair
    hops: tuple[Pair, ...]
    decisions: tuple[Pair, ...]

    @property
    def differs(self) -> bool:
        return any(pair.differs for pair in (self.run, *self.hops, *self.decisions))


def compare(before: Told, after: Told) -> Compared:
    """What changed from one run to the other."""
    whole = _pair("run", _whole(before), _whole(after))
    hops = _pairs(dict(_hops(before)), dict(_hops(after)))
    return Compared(before, after, whole, hops, _pairs(dict(_decisions(before)), dict(_decisions(after))))


def seconds_in(told: Told) -> float:
    """Seconds in the hops of a run, what its child runs took is in those of the hops they play."""
    return sum(event.seconds for event in told.events if isinstance(event, HopFinished))


# -- pairs ---------------------------------------------------------------------------------------


def _pairs(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> tuple[Pair, ...]:
    names = [*before, *(name for name in after if name not in before)]
    return tuple(_pair(name, before.get(name), after.get(name)) for name in names)


def _pair(name: str, before: Entry | None, after: Entry | None) -> Pair:
    if before is None or after is None:
        return Pair(name, before, after)
    found: list[Part] = []
    for part in (*before.parts, *(part for part in after.parts if part not in before.parts)):
        old, new = before.parts.get(part, ABSENT), after.parts.get(part, ABSENT)
        if isinstance(old, Payload) and isinstance(new, Payload) and old == new:
            continue
        found += [(part, change) for change in changes(_value(old), _value(new))]
    return Pair(name, before, after, tuple(found))


def _value(part: Any) -> Any:
    return part.value if isinstance(part, Payload) else part


def _given(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part is not None}


# -- what is compared of a run -------------------------------------------------------------------


def _whole(told: Told) -> Entry:
    record = told.record
    ends = [event for event in told.events if isinstance(event, RunFinished)]
    trigger = next((event.payload for event in told.events if isinstance(event, RunStarted)), None)
    parts = {
        "spec": f"{record.spec} {record.version}",
        "trigger": trigger,
        "status": record.status,
        "outcome": record.outcome,
        "code": record.code,
        "message": record.message or None,
        "result": ends[-1].payload if ends else None,
    }
    return Entry(_given(parts), record.cost if record.priced else None, seconds_in(told))


def _hops(told: Told, above: str = "") -> Iterable[tuple[str, Entry]]:
    ends = {event.hop: event for event in told.events if isinstance(event, HopFinished)}
    for event in told.events:
        if isinstance(event, HopStarted):
            name = above + place_of(event)
            yield name, _hop(event, ends.get(event.hop), told.taken.get(event.hop))
            if event.hop in told.below:
                yield from _hops(told.below[event.hop], f"{name} > ")


def place_of(hop: HopStarted) -> str:
    """Where a hop stands in its run: `draft`, `draft, visit 2`, `research[3]/find`."""
    scope = f"{hop.scope}/" if hop.scope else ""
    return f"{scope}{hop.role}" + (f", visit {hop.visit}" if hop.visit > 1 else "")


def _hop(started: HopStarted, ended: HopFinished | None, taken: str | None) -> Entry:
    parts = {
        "input": started.input,
        "previous": started.previous,
        "feedback": started.feedback,
        "status": ended.status if ended is not None else "not finished",
        "code": ended.code if ended is not None else None,
        "output": ended.output if ended is not None else None,
        "confidence": ended.confidence if ended is not None else None,
    }
    if ended is None:
        return Entry(_given(parts), taken=taken)
    return Entry(_given(parts), (ended.cost or 0.0) if ended.priced else None, ended.seconds, taken)


def _decisions(told: Told, above: str = "") -> Iterable[tuple[str, Entry]]:
    answers = {event.question: event for event in told.events if isinstance(event, Decided)}
    seen: dict[tuple[str, str], int] = {}
    for event in told.events:
        if isinstance(event, Asked):
            place = (event.scope, event.touchpoint)
            seen[place] = seen.get(place, 0) + 1
            scope = f"{event.scope}/" if event.scope else ""
            again = f", question {seen[place]}" if seen[place] > 1 else ""
            yield f"{above}{scope}{event.touchpoint}{again}", _decision(event, answers.get(event.question))
        elif isinstance(event, HopStarted) and event.hop in told.below:
            yield from _decisions(told.below[event.hop], f"{above}{place_of(event)} > ")


def _decision(question: Asked, answer: Decided | None) -> Entry:
    parts = {
        "shown": question.payload,
        "decision": answer.decision if answer is not None else "open",
        "by": answer.by if answer is not None else None,
        "reason": (answer.reason or None) if answer is not None else None,
        "payload": answer.payload if answer is not None else None,
    }
    return Entry(_given(parts), seconds=answer.seconds if answer is not None else 0.0)
