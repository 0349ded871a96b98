"""What runs on record gave: every hop that is done and every decision of a person, findable by content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from choreo.canonical import Payload
from choreo.engine.advance import rebuild
from choreo.engine.position import HopState, Position
from choreo.plan import Plan
from choreo.players.base import Visit
from choreo.players.identity import Identity, asked, identity
from choreo.runners.thread import turns_for
from choreo.store import RunRecord, Store
from choreo.store.remembered import Remembered
from choreo.trace import Asked, Decided, Event, HandedOver, HopFinished, HopStarted, PlanChanged

PEOPLE = frozenset({"approve", "edit", "reject", "fill"})


class Spot(NamedTuple):
    """Where in a run something happened. `run` is the rest of a child run's id, empty for the run at the top."""

    run: str
    scope: str
    name: str
    visit: int


@dataclass(frozen=True)
class Hop:
    """A hop that is done. `fresh`: it is to be played anew, because it follows from what is."""

    spot: Spot
    gave: Remembered
    fresh: bool = False


@dataclass(frozen=True)
class Answer:
    """A person's decision, with its run."""

    spot: Spot
    run: str
    fact: Decided


@dataclass(frozen=True)
class Recorded:
    """By what was asked (`choreo.players.identity.asked`): the hops, in the order in which they began. By what was
    shown (see `shown`): the decisions."""

    hops: dict[str, list[Hop]] = field(default_factory=dict)
    answers: dict[tuple[str, str, str], list[Answer]] = field(default_factory=dict)
    roles: set[str] = field(default_factory=set)

    def every_hop(self) -> Iterable[Hop]:
        return (hop for hops in self.hops.values() for hop in hops)


class Ran(NamedTuple):
    """A run with the plan that it has, and those that it had before (`PlanChanged`), by digest."""

    record: RunRecord
    plan: Plan
    before: Mapping[str, Plan] = {}


def recorded(store: Store, runs: Sequence[Ran], since: str | None) -> Recorded:
    """What a run and its child runs have on record; the run at the top comes first.

    What begins with the role `since`, and all that follows from it, is marked `fresh`.
    """
    found, top = Recorded(), runs[0].record.id
    histories = {ran.record.id: store.history(ran.record) for ran in runs}
    fresh = _fresh(histories, since) if since is not None else {}
    for ran in runs:
        record, events = ran.record, histories[ran.record.id]
        position, plans = rebuild(ran.plan, record.id, events), _plans(ran, events)
        roles: dict[tuple[int, str], Identity] = {}
        ends = {event.hop: event for event in events if isinstance(event, HopFinished)}
        codes = {hop: attempt.facts.get("code") for hop, attempt in store.attempts(record)}
        for event in events:
            if not isinstance(event, HopStarted):
                continue
            found.roles.add(event.role)
            hop, end = position.hops[event.hop], ends.get(event.hop)
            if end is None or end.status != "done" or end.output is None:
                continue
            plan = plans[hop.number]
            name = id(plan), hop.role
            role = roles.get(name) or roles.setdefault(name, identity(plan, hop.role))
            key = asked(role, visit_of(plan, position, hop))
            gave = _gave(record.id, end, end.output, codes.get(hop.number))
            spot = Spot(record.id[len(top) :], hop.scope, hop.role, hop.visit)
            again = hop.number in fresh.get(record.id, ())
            found.hops.setdefault(key, []).append(Hop(spot, gave, again))
        _take_answers(found, record.id, top, events)
    return found


def _plans(ran: Ran, events: Sequence[Event]) -> dict[int, Plan]:
    """The plan under which each hop ended: what a changed role would give is not what is on record."""
    before = [event.before for event in events if isinstance(event, PlanChanged)]
    found: dict[int, Plan] = {}
    for event in events:
        if isinstance(event, PlanChanged):
            before.pop(0)
        elif isinstance(event, HopFinished):
            found[event.hop] = ran.before[before[0]] if before else ran.plan
    return found


def _gave(run: str, end: HopFinished, output: Payload, code: str | None) -> Remembered:
    return Remembered(run, end.hop, output, end.confidence, end.confidence_source, end.confidence_detail, code)


def visit_of(plan: Plan, position: Position, hop: HopState) -> Visit:
    """A visit, as far as its answer hangs on it."""
    return Visit(
        run=position.run,
        hop=hop.number,
        role=plan.roles[hop.role].role,
        input=hop.input,
        trigger=position.trigger,
        previous=hop.previous,
        feedback=hop.feedback,
        turns=turns_for(plan, position, hop),
    )


def shown(question: Asked) -> tuple[str, str, str]:
    """What a decision is bound to: the kind of the question, where it was asked, and the payload."""
    return question.kind, question.touchpoint, question.payload.digest


def _take_answers(found: Recorded, run: str, top: str, events: Sequence[Event]) -> None:
    questions = {event.question: event for event in events if isinstance(event, Asked)}
    for event in events:
        if isinstance(event, Decided) and event.decision in PEOPLE:
            question = questions[event.question]
            spot = Spot(run[len(top) :], question.scope, question.touchpoint, 0)
            found.answers.setdefault(shown(question), []).append(Answer(spot, run, event))


# -- what follows from a role --------------------------------------------------------------------


def _fresh(histories: Mapping[str, Sequence[Event]], since: str) -> dict[str, set[int]]:
    """By run: the hops of a role, and those that follow from one, in child runs and above them, too."""
    found: dict[str, set[int]] = {}
    handed: dict[str, set[int]] = {}
    for run in sorted(histories, key=len, reverse=True):  # a child run before the run above it
        below = {int(child.rpartition(".")[2]) for child in found if child.rpartition(".")[0] == run and found[child]}
        found[run], handed[run] = _following(histories[run], since, below)
    for run in sorted(histories, key=len):
        above, _, hop = run.rpartition(".")
        if above in handed and int(hop) in handed[above]:
            found[run] = handed[run] = {one.hop for one in histories[run] if isinstance(one, HopStarted)}
    return found


def _following(events: Sequence[Event], since: str, below: set[int]) -> tuple[set[int], set[int]]:
    """(hops that are not to be taken from the record, those of them that were handed something that follows)."""
    late: dict[str, set[int]] = {"hop": set(), "question": set(), "handoff": set()}
    scopes: list[str] = []
    handed: set[int] = set()
    for event in events:
        if isinstance(event, HandedOver):
            gathers = any(kind == "lanes" for kind, _ in event.sources)
            inside = gathers and any(scope != event.scope and scope.startswith(event.scope) for scope in scopes)
            known = any(number in late["handoff" if kind == "lanes" else kind] for kind, number in _known(event))
            if inside or known:
                late["handoff"].add(event.number)
        elif isinstance(event, HopStarted):
            if event.handoff in late["handoff"]:
                handed.add(event.hop)
            if event.role == since or event.hop in below or event.hop in handed:
                late["hop"].add(event.hop)
                scopes.append(event.scope)
        elif isinstance(event, Asked) and (event.handoff in late["handoff"] or event.hop in late["hop"]):
            late["question"].add(event.question)
    return late["hop"], handed


def _known(event: HandedOver) -> Iterable[tuple[str, int]]:
    return ((kind, number) for kind, number in event.sources if kind != "trigger")
