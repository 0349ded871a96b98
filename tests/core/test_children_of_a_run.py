"""What the pure core makes of what child runs tell: waiting, spending, and a limit that is used up."""

from __future__ import annotations

from typing import Any

from building import HERE, anything, plan_of

from choreo.canonical import Payload
from choreo.engine.advance import Finish, Play, advance, rebuild
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.plan import Plan
from choreo.spec import SpecPlayer
from choreo.trace import ChildRun, Event, HopFinished, LimitsRaised, RunStarted

NESTED = {"player": SpecPlayer("other.yaml", HERE)}


class Told:
    """A run to which its child runs tell things, one second apart."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.position, self.events = plan, start(plan, "r"), list[Event]()
        self.book(RunStarted, payload=Payload.of({}))

    def book(self, kind: Any, **facts: Any) -> Position:
        fact = kind(at=float(len(self.events)), **facts)
        self.events += react(self.plan, self.position, fact, anything)
        again = rebuild(self.plan, "r", self.events)
        assert (again.spent, again.children) == (self.position.spent, self.position.children)
        assert [hop.number for hop in again.in_play] == [hop.number for hop in self.position.in_play]
        return self.position

    def child(self, state: str, **facts: Any) -> Position:
        return self.book(ChildRun, hop=1, run="r.1", state=state, **facts)

    @property
    def playing(self) -> list[int]:
        return [action.hop.number for action in advance(self.plan, self.position) if isinstance(action, Play)]


def told(**limits: Any) -> Told:
    return Told(plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end"}, roles={"a": NESTED}, limits=limits))


def test_a_visit_whose_child_run_waits_takes_no_place_and_no_time_and_is_still_to_be_played() -> None:
    run = told()
    assert (run.position.waits, run.position.machines, run.playing) == (False, 1, [1])
    position = run.child("waiting", due=900.0)
    assert (position.waits, position.machines, run.playing, position.due) == (True, 0, [1], 900.0)
    seconds = position.spent.seconds
    run.child("waiting", due=900.0)
    assert position.spent.seconds == seconds
    run.child("playing")
    assert (position.waits, position.machines, position.due) == (False, 1, None)


def test_what_a_child_run_has_spent_counts_once() -> None:
    run = told()
    run.child("playing", hops=2, cost=0.5)
    run.child("over", hops=3, cost=0.75, priced=False)
    position = run.book(HopFinished, hop=1, status="done", output=Payload.of({}), cost=0.75)
    assert (position.spent.hops, position.spent.cost, position.spent.priced) == (4, 0.75, False)
    assert position.children == {}


def test_a_child_run_that_has_nothing_left_stops_the_run_until_there_is_more() -> None:
    run = told(hops=3)
    position = run.child("limit", hops=2, code="limit-hops")
    (end,) = advance(run.plan, position)
    assert isinstance(end, Finish)
    assert (end.event.status, end.event.code) == ("limit", "limit-hops")
    run.book(LimitsRaised, limits={"hops": 9})
    assert (position.finished, run.playing, position.machines) == (None, [1], 1)


def test_the_limit_of_a_run_further_up_is_named() -> None:
    end = told().child("limit", hops=2, code="limit-cost").finished
    assert end is not None
    assert (end.status, end.code) == ("limit", "limit-cost")


def test_the_sender_takes_up_that_a_child_run_has_nothing_left() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "first"},
        {"from": "first", "to": "a"},
        {"from": "a", "to": "end"},
        {"from": "first", "on": "over_budget", "to": "end", "outcome": "cut"},
        roles={"a": NESTED},
        limits={"hops": 4},
    )
    run = Told(plan)
    run.book(HopFinished, hop=1, status="done", output=Payload.of({"n": 1}), cost=0.0)
    end = run.book(ChildRun, hop=2, run="r.2", state="limit", hops=2, code="limit-hops").finished
    assert end is not None
    assert (end.status, end.outcome) == ("done", "cut")
