"""A run's events with those of each lane together: where they were opened, in the order of the elements."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from choreo.engine.limits import hops_in_words
from choreo.render.text import one_line
from choreo.trace import Asked, Decided, Event, HandedOver, HopFinished, HopStarted, TimerFired

FEW = 3
"""So many lanes are shown with all that happened in them; of more, each is one line."""
MOST = 20
"""So many lines are shown; of more lanes those that failed or wait, and how many others there are."""
_WIDE = 60
_STATES = ("waits", "in play", "queued", "done")
"""How a lane that nothing has ended stands: of all that is in it, the first of these."""

Tell = Callable[[Sequence[Event], str], list[str]]
"""Events and the lane they are in, to lines."""


@dataclass
class Opened:
    """The handoff that opened lanes, and what happened in each of them, by scope."""

    event: HandedOver
    lanes: dict[str, list[Event]] = field(default_factory=dict)

    @property
    def items(self) -> list[Any]:
        value = self.event.payload.value if self.event.payload is not None else []
        return value if isinstance(value, list) else list(value["items"])


def by_lane(events: Iterable[Event], scopes: Mapping[tuple[str, int], str], outer: str = "") -> list[Event | Opened]:
    """The events of a scope in their order; those of lanes stand where the lanes were opened.

    What ends lanes from outside (they are given up, or the lane around them fails) is also among the events of each.
    """
    found: list[Event | Opened] = []
    named: dict[str, Opened] = {}
    times: dict[str, int] = {}
    for event in events:
        below = scope_of(event, scopes)[len(outer) :].lstrip("/")
        if below:
            lane = below.partition("/")[0]
            opened = named.get(lane.rpartition("[")[0])
            if opened is not None:
                opened.lanes.setdefault(f"{outer}/{lane}" if outer else lane, []).append(event)
            continue
        if _is_end(event):
            for opened in named.values():
                if event.state == "lane_failed" or event.scope != outer or event.of == opened.event.number:
                    for part in opened.lanes.values():
                        part.append(event)
            if event.scope != outer:
                continue
        if isinstance(event, HandedOver) and event.state == "opened":
            role = event.target
            times[role] = times.get(role, 0) + 1
            name = role if times[role] == 1 else f"{role}~{times[role]}"
            named[name] = Opened(event)
            found.append(named[name])
        else:
            found.append(event)
    return found


def events_of(
    lane: str, events: Iterable[Event], scopes: Mapping[tuple[str, int], str], outer: str = ""
) -> list[Event]:
    """What happened in one lane, and what ended it, wherever in lanes of lanes it is."""
    opened = (entry for entry in by_lane(events, scopes, outer) if isinstance(entry, Opened))
    for name, part in ((name, part) for one in opened for name, part in one.lanes.items()):
        if name == lane:
            return part
        if inside(lane, name):
            return events_of(lane, part, scopes, name)
    return []


def scopes_of(events: Iterable[Event]) -> dict[tuple[str, int], str]:
    """The lanes of hops, questions and handoffs: (kind, number) to scope, those of the run itself left out."""
    found: dict[tuple[str, int], str] = {}
    for event in events:
        match event:
            case HopStarted(scope=scope) if scope:
                found["hop", event.hop] = scope
            case HandedOver(scope=scope) if scope:
                found["handoff", event.number] = scope
            case Asked(scope=scope) if scope:
                found["question", event.question] = scope
    return found


def inside(scope: str, lane: str) -> bool:
    """Whether a scope is this lane or lies in it."""
    return scope == lane or scope.startswith(f"{lane}/")


def scope_of(event: Event, scopes: Mapping[tuple[str, int], str]) -> str:
    """The lane that an event belongs to; the empty text is the run itself."""
    own = getattr(event, "scope", "") if isinstance(event, HandedOver | HopStarted | Asked) else ""
    if own:
        return own
    for kind in ("hop", "question", "handoff"):
        number = getattr(event, kind, 0)
        if number and (kind, number) in scopes:
            return scopes[kind, number]
    return ""


def lane_lines(opened: Opened, scopes: Mapping[tuple[str, int], str], tell: Tell) -> Iterator[str]:
    """The lanes of one handoff: all that happened in them where they are few, else a line each."""
    lanes = sorted(opened.lanes.items())
    states = {name: lane_state(name, events, scopes) for name, events in lanes}
    items = opened.items
    if len(items) <= FEW:
        for name, events in lanes:
            yield f"{'':12}{_line(name, states[name], events, items)}"
            yield from (f"  {line}" for line in tell(events, name))
        return
    shown = [(name, events) for name, events in lanes if states[name] != "done"] if len(lanes) > MOST else lanes
    for name, events in shown[:MOST]:
        yield f"{'':12}{_line(name, states[name], events, items)}"
    done = sum(state == "done" for state in states.values())
    rest = [f"{done} of {len(items)} lanes are done"] if len(lanes) > MOST else []
    rest += [f"{len(shown) - MOST} more are not"] if len(shown) > MOST else []
    rest += [f"{len(items) - len(lanes)} have not started"] if len(lanes) < len(items) else []
    if rest:
        yield f"{'':12}{', '.join(rest)}"
    if lanes:
        yield f"{'':12}one of them whole: --lane '{(shown or lanes)[0][0]}'"


def _line(name: str, state: str, events: Sequence[Event], items: Sequence[Any]) -> str:
    """`research[3]  done  2 hops  1.20 s  cost 0.0021  {"name":"Acme"}`"""
    own = [event for event in events if not (_is_end(event) and not inside(event.scope, name))]
    ends = [event for event in own if isinstance(event, HopFinished)]
    cost = "cost ?" if not all(end.priced for end in ends) else f"cost {sum(end.cost or 0.0 for end in ends):.4f}"
    hops = sum(isinstance(event, HopStarted) for event in own)
    index = int(name.rpartition("[")[2].removesuffix("]"))
    item = one_line(json.dumps(items[index], ensure_ascii=False)) if index < len(items) else ""
    item = item if len(item) <= _WIDE else f"{item[:_WIDE]}..."
    took = f"{own[-1].at - own[0].at:.2f} s"
    return "  ".join([name, state, hops_in_words(hops), took, cost, item, *_failure(name, events)])


# -- how a lane stands ---------------------------------------------------------------------------


def lane_state(name: str, events: Sequence[Event], scopes: Mapping[tuple[str, int], str]) -> str:
    """How a lane stands after its events (`by_lane`): one of `_STATES`, `failed`, or `cancelled`: it was under way
    when it was ended because of another."""
    for place, event in enumerate(events):
        if _ends(event, name):
            if _reason(event, name) is not None:
                return "failed"
            return "done" if lane_state(name, events[:place], scopes) == "done" else "cancelled"
    entries = by_lane(events, scopes, name)
    own = [entry.event if isinstance(entry, Opened) else entry for entry in entries]
    closed = {event.of for event in own if isinstance(event, HandedOver) and event.state in ("gathered", "cancelled")}
    states = {_own_state(own)}
    for opened in (entry for entry in entries if isinstance(entry, Opened)):
        states |= {lane_state(lane, part, scopes) for lane, part in opened.lanes.items()}
        if len(opened.lanes) < len(opened.items) and opened.event.number not in closed:
            states.add("queued")
    return next(state for state in _STATES if state in states or state == "done")


def _own_state(events: Sequence[Event]) -> str:
    """How a lane stands by what is in the lane itself, without the lanes in it."""
    hops: set[int] = set()
    questions: dict[int, int] = {}
    delayed: set[int] = set()
    queued: set[int] = set()
    for event in events:
        match event:
            case HandedOver(state="delivered"):
                queued.add(event.number)
            case HandedOver(state="delayed"):
                delayed.add(event.number)
            case HandedOver(state="over_budget"):
                queued.discard(event.of)
            case TimerFired():
                delayed.discard(event.handoff)
                queued.add(event.handoff)
            case Asked():
                queued.discard(event.handoff)
                questions[event.question] = event.handoff
            case Decided():
                handoff = questions.pop(event.question, 0)
                if handoff and event.decision in ("approve", "edit", "not-asked"):
                    queued.add(handoff)
            case HopStarted():
                queued.discard(event.handoff)
                hops.add(event.hop)
            case HopFinished():
                hops.discard(event.hop)
    return "waits" if questions or delayed else "in play" if hops else "queued" if queued else "done"


def _is_end(event: Event) -> TypeGuard[HandedOver]:
    """Whether lanes end with this, before all is done in them that was to be done."""
    return isinstance(event, HandedOver) and event.state in ("lane_failed", "cancelled")


def _ends(event: Event, name: str) -> TypeGuard[HandedOver]:
    """Whether it is this lane that ends so, not one in it."""
    if not _is_end(event):
        return False
    return not inside(event.scope, name) or (event.scope == name and event.state == "lane_failed")


def _reason(event: HandedOver, name: str) -> str | None:
    """Why it was this lane that failed; None where it was not. Lanes are given up as a whole: their record is no
    lane's own, and begins with the one at fault."""
    if event.state == "lane_failed":
        return event.message if event.scope == name else None
    return event.message.removeprefix(f"{name}: ") if event.message.startswith(f"{name}: ") else None


def _failure(name: str, events: Sequence[Event]) -> list[str]:
    end = next((event for event in events if _ends(event, name)), None)
    reason = _reason(end, name) if end is not None else None
    return [f"[{end.code}] {one_line(reason)}"] if end is not None and reason is not None else []
