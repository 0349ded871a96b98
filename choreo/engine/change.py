"""A run goes on with another plan: whether what is on record fits into it, and how the record reads in it.

Finished hops, decisions and handoffs stay as they are; only what follows is decided by the new plan. Events name
handoffs by their place in the plan that was valid then, so the event that records the change (`PlanChanged`) says
which place that is now, and a history is read in the terms of the plan that the run has last.

What cannot fit: something has played, was asked or has fired that is not in the new spec; a join or the gathering of
lanes has changed that was played into; or a payload on its way, or in play, breaks the contract of its receiver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from choreo.canonical import Payload
from choreo.engine.position import Arrival, Position
from choreo.engine.select import Check, judged
from choreo.plan import Edge, Group, Plan
from choreo.spec import END, HumanPlayer, SpecPlayer
from choreo.trace import Asked, Event, HandedOver, HopFinished, HopStarted, PlanChanged, Verdict

Places = dict[int, int]


class Fit(NamedTuple):
    """Old place to new place, of handoffs and of joins, and in sentences what does not fit (none: it does)."""

    edges: Places
    joins: Places
    misfits: tuple[str, ...]


def fit(old: Plan, new: Plan, position: Position, history: Sequence[Event], check: Check) -> Fit:
    """Compare what is on record, and where it stands under the old plan, with a new plan."""
    fired = _fired(history)
    edges = _places(old, new, fired)
    joins = {group.number: same.number for group in old.joins for same in new.joins if _key(group) == _key(same)}
    misfits = [
        *_gone(old, new, history),
        *(f"the handoff {_named(old.edges[one])}, which has fired, is gone" for one in fired if one not in edges),
        *_joins_changed(old, new, history),
        *_in_play(old, new, position, check),
    ]
    if not misfits:
        misfits = list(_on_the_way(new, position, edges, check))
    return Fit(edges, joins, tuple(misfits))


def in_last_terms(history: Iterable[Event]) -> Sequence[Event]:
    """The history with its handoffs in the places that they have in the plan that the run has last."""
    events = history if isinstance(history, list) else list(history)
    if not any(isinstance(event, PlanChanged) for event in events):
        return events
    edges: Places | None = None
    joins: Places = {}
    found: list[Event] = []
    for event in reversed(events):
        if isinstance(event, PlanChanged):
            edges, joins = _then(event.edges, edges), _then(event.joins, None if edges is None else joins)
        elif isinstance(event, HandedOver) and edges is not None:
            event = replace(event, edge=edges.get(event.edge, -1), join=joins.get(event.join, -1))  # noqa: PLW2901
        found.append(event)
    return found[::-1]


def _then(first: Sequence[tuple[int, int]], after: Places | None) -> Places:
    return {old: new if after is None else after.get(new, -1) for old, new in first}


# -- handoffs and joins --------------------------------------------------------------------------


def _fired(history: Sequence[Event]) -> dict[int, set[str]]:
    """The places of handoffs on record, each with the targets it went to."""
    found: dict[int, set[str]] = {}
    for event in history:
        if isinstance(event, HandedOver) and event.edge >= 0:
            found.setdefault(event.edge, set()).update({event.target} - {""})
    return found


def _places(old: Plan, new: Plan, fired: dict[int, set[str]]) -> Places:
    """Where each handoff that fired is now: the one between the same, most like it, the first of these in the file."""
    found: Places = {}
    likeness = [
        (_likeness(old.edges[was], edge), was, edge.number)
        for was, targets in fired.items()
        for edge in new.edges
        if _shape(old.edges[was]) == _shape(edge) and targets.issubset(edge.handoff.targets)
    ]
    for _, was, now in sorted(likeness, key=lambda one: (-one[0], one[1], one[2])):
        if was not in found and now not in found.values():
            found[was] = now
    return found


def _shape(edge: Edge) -> tuple[object, ...]:
    """What must be the same for a handoff to be the one that fired. What it asks and carries may be another."""
    one = edge.handoff
    lanes = (one.each is not None, edge.recalls, one.gather)
    return edge.sources, one.sources_as, one.on, one.touchpoint, one.revise, lanes


def _likeness(was: Edge, now: Edge) -> int:
    same_when = (was.handoff.when and was.handoff.when.text) == (now.handoff.when and now.handoff.when.text)
    return 2 * (was.handoff.targets == now.handoff.targets) + same_when


def _named(edge: Edge) -> str:
    return f"{', '.join(edge.sources)} -> {', '.join(edge.handoff.targets)}"


def _key(join: Group) -> tuple[tuple[str, ...], str]:
    return join.sources, join.on


def _joins_changed(old: Plan, new: Plan, history: Sequence[Event]) -> Iterator[str]:
    roles = {event.hop: event.role for event in history if isinstance(event, HopStarted)}
    ends = (event for event in history if isinstance(event, HopFinished) and event.status == "done")
    for role in dict.fromkeys(roles[event.hop] for event in ends):
        if {_key(join) for join in old.joins_of.get(role, ())} != {_key(join) for join in new.joins_of.get(role, ())}:
            yield f"`{role}` has played, and it is joined with other roles now"
        if (role in old.gathered) != (role in new.gathered):
            yield f"`{role}` has played in a lane, and what is gathered is another thing now"


# -- roles, questions and payloads ---------------------------------------------------------------


def _gone(old: Plan, new: Plan, history: Sequence[Event]) -> Iterator[str]:
    if old.spec.name != new.spec.name:
        yield f"the spec is called `{new.spec.name}` now, it was `{old.spec.name}`"
    told: set[str] = set()
    for event in history:
        if isinstance(event, HopStarted) and event.role not in new.roles and event.role not in told:
            told.add(event.role)
            yield f"the role `{event.role}`, which has played (hop {event.hop}), is gone"
        if isinstance(event, Asked) and event.kind == "approve" and event.touchpoint not in {*new.touchpoints, *told}:
            told.add(event.touchpoint)
            yield f"the touchpoint `{event.touchpoint}`, which was asked (question {event.question}), is gone"


def _in_play(old: Plan, new: Plan, position: Position, check: Check) -> Iterator[str]:
    """Visits that have begun: they are played, or go on, as the new role says."""
    asked = {question.asked.hop for question in position.questions.values() if question.asked.kind == "fill"}
    for hop in position.playing.values():
        if hop.role not in new.roles:
            continue
        was, now = old.roles[hop.role], new.roles[hop.role]
        if (was.role.effect, was.key is None) != (now.role.effect, now.key is None):
            yield f"hop {hop.number} (`{hop.role}`) has begun, and its `effect` or `key` is another now"
        if hop.number in asked and not isinstance(now.role.player, HumanPlayer):
            yield f"a person is asked to play hop {hop.number} (`{hop.role}`), which is played by no person now"
        below = [one.role.player for one in (was, now) if isinstance(one.role.player, SpecPlayer)]
        if len({player.path for player in below}) + (len(below) == 1) > 1:
            yield f"hop {hop.number} (`{hop.role}`) is a child run that has begun, and is played by another spec now"
        if now.accepts is not None and hop.previous is None:
            yield from _broken(check(now.accepts, hop.input), f"the input of hop {hop.number} (`{hop.role}`)")


def _on_the_way(new: Plan, position: Position, edges: Places, check: Check) -> Iterator[str]:
    if new.trigger is not None and position.trigger is not None:
        yield from _broken(check(new.trigger, position.trigger), "the payload that the run began with")
    for arrival in _arrivals(position):
        yield from _judged(new, edges[arrival.edge], arrival.target, arrival.payload, check)
    for _, edge, payload in position.ended:
        yield from _judged(new, edges[edge], END, payload, check)


def _arrivals(position: Position) -> Iterator[Arrival]:
    for queue in position.queues.values():
        yield from queue
    yield from (delayed.arrival for delayed in position.delayed.values())
    yield from (question.arrival for question in position.questions.values() if question.arrival is not None)


def _judged(new: Plan, edge: int, target: str, payload: Payload, check: Check) -> Iterator[str]:
    yield from _broken(judged(new, check, new.edges[edge], target, payload)[0], f"what is on its way to `{target}`")


def _broken(verdict: Verdict | None, what: str) -> Iterator[str]:
    if verdict is not None and not verdict.ok:
        pointer, sentence = verdict.violations[0]
        yield f"{what} breaks {verdict.contract} at {pointer or '/'}: {sentence}"
