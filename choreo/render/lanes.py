"""A run's events with those of each lane together: where they were opened, in the order of the elements."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo.engine.limits import hops_in_words
from choreo.render.text import one_line
from choreo.trace import Asked, Decided, Event, HandedOver, HopFinished, HopStarted

FEW = 3
"""So many lanes are shown with all that happened in them; of more, each is one line."""
MOST = 20
"""So many lines are shown; of more lanes those that failed or wait, and how many others there are."""
_WIDE = 60

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
    """The events of a scope in their order; those of lanes stand where the lanes were opened."""
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
        elif isinstance(event, HandedOver) and event.state == "opened":
            role = event.target
            times[role] = times.get(role, 0) + 1
            name = role if times[role] == 1 else f"{role}~{times[role]}"
            named[name] = Opened(event)
            found.append(named[name])
        else:
            found.append(event)
    return found


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


def lane_lines(opened: Opened, tell: Tell) -> Iterator[str]:
    """The lanes of one handoff: all that happened in them where they are few, else a line each."""
    lanes = sorted(opened.lanes.items())
    items = opened.items
    if len(items) <= FEW:
        for name, events in lanes:
            yield f"{'':12}{_line(name, events, items)}"
            yield from (f"  {line}" for line in tell(events, name))
        return
    shown = [(name, events) for name, events in lanes if _state(events) != "done"] if len(lanes) > MOST else lanes
    for name, events in shown[:MOST]:
        yield f"{'':12}{_line(name, events, items)}"
    done = sum(_state(events) == "done" for _, events in lanes)
    rest = [f"{done} of {len(items)} lanes are done"] if len(lanes) > MOST else []
    rest += [f"{len(shown) - MOST} more are not"] if len(shown) > MOST else []
    rest += [f"{len(items) - len(lanes)} have not started"] if len(lanes) < len(items) else []
    if rest:
        yield f"{'':12}{', '.join(rest)}"
    if lanes:
        yield f"{'':12}one of them whole: --lane '{(shown or lanes)[0][0]}'"


def _line(name: str, events: Sequence[Event], items: Sequence[Any]) -> str:
    """`research[3]  done  2 hops  1.20 s  cost 0.0021  {"name":"Acme"}`"""
    ends = [event for event in events if isinstance(event, HopFinished)]
    cost = "cost ?" if not all(end.priced for end in ends) else f"cost {sum(end.cost or 0.0 for end in ends):.4f}"
    hops = sum(isinstance(event, HopStarted) for event in events)
    index = int(name.rpartition("[")[2].removesuffix("]"))
    item = one_line(json.dumps(items[index], ensure_ascii=False)) if index < len(items) else ""
    item = item if len(item) <= _WIDE else f"{item[:_WIDE]}..."
    took = f"{events[-1].at - events[0].at:.2f} s"
    return "  ".join([name, _state(events), hops_in_words(hops), took, cost, item, *_failure(events)])


def _state(events: Sequence[Event]) -> str:
    open_hops = {event.hop for event in events if isinstance(event, HopStarted)}
    open_questions = {event.question for event in events if isinstance(event, Asked)}
    arrivals = {event.number for event in events if isinstance(event, HandedOver) and event.state == "delivered"}
    arrivals -= {event.handoff for event in events if isinstance(event, HopStarted)}
    for event in events:
        if isinstance(event, HandedOver) and event.state == "lane_failed":
            return "failed"
        if isinstance(event, HopFinished):
            open_hops.discard(event.hop)
            if event.code == "cancelled":
                return "cancelled"
        elif isinstance(event, Decided):
            open_questions.discard(event.question)
    if open_questions:
        return "waits"
    return "in play" if open_hops else "queued" if arrivals else "done"


def _failure(events: Sequence[Event]) -> list[str]:
    lost = [event for event in events if isinstance(event, HandedOver) and event.state == "lane_failed"]
    return [f"[{event.code}] {one_line(event.message)}" for event in lost[:1]]
