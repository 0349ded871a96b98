"""Limits count the work of every process that played the run, and what is not known is not called 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from building import HERE, plan_of
from stage import Crash, Stage

from choreo.api.parts import exit_code
from choreo.engine.limits import told
from choreo.players.base import Played, Record, Visit
from choreo.spec import ModelPlayer
from choreo.trace import Asked, Attempt, HopFinished, HopStarted, RunResumed

LOOP = (
    {"from": "trigger", "to": "a"},
    {"from": "a", "to": "a", "when": "visits.a < 6", "at_most": 9},
    {"from": "a", "to": "end", "otherwise": True},
)
MODEL = {"a": {"player": ModelPlayer("m", HERE)}}


def paid(cost: float | None) -> Attempt:
    return Attempt("model", b"asked", b"said", 1.0, 0.1, cost=cost, finish="stop")


def costing(cost: float | None, crash_at: int = 0) -> Any:
    """Each visit costs so much; the one with this number is paid for, and then the process dies."""

    def act(visit: Visit, record: Record) -> Played:
        record(paid(cost))
        if visit.hop == crash_at:
            raise Crash
        return Played({})

    return act


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Any]:
    made: list[Stage] = []

    def stage(*handoffs: Any, clock: Any = None, **more: Any) -> Stage:
        made.append(Stage(tmp_path, plan_of(*handoffs, **more), clock))
        return made[-1]

    yield stage
    for one in made:
        one.store.close()


def test_the_limit_on_hops_counts_those_before_the_crash(stages: Any) -> None:
    stage = stages(*LOOP, limits={"hops": 4})
    assert stage.play(costing(0.0, crash_at=3)) is None
    end = stage.resume(costing(0.0))
    assert (end.status, end.code, exit_code(end)) == ("limit", "limit-hops", 8)
    assert (stage.record.hops, len(stage.of(HopStarted)), stage.record.status) == (4, 4, "limit")
    end = stage.resume(costing(0.0), limits={"hops": 9.0})
    assert (end.status, stage.record.hops) == ("done", 6)


def test_the_limit_on_cost_counts_what_was_paid_before_the_crash(stages: Any) -> None:
    stage = stages(*LOOP, roles=MODEL, limits={"cost": 0.75})
    stage.play(costing(0.25, crash_at=2))
    end = stage.resume(costing(0.25))
    # Hop 2 was paid twice, so the limit is reached after two hops, not after three.
    assert (end.code, [event.cost for event in stage.of(HopFinished)]) == ("limit-cost", [0.25, 0.5])
    assert stage.record.cost == 0.75


def test_the_limit_on_cost_counts_what_was_paid_in_every_crash(stages: Any) -> None:
    stage = stages(*LOOP, roles=MODEL, limits={"cost": 1.0})
    stage.play(costing(0.25, crash_at=1))
    stage.resume(costing(0.25, crash_at=1))
    stage.resume(costing(0.25, crash_at=1))
    end = stage.resume(costing(0.25))
    assert (end.code, [event.cost for event in stage.of(HopFinished)]) == ("limit-cost", [1.0])


def test_a_model_call_that_was_cut_short_makes_the_price_unknown_not_zero(stages: Any) -> None:
    stage = stages({"from": "trigger", "to": "a"}, {"from": "a", "to": "end"}, roles=MODEL)

    def cut(visit: Visit, record: Record) -> Played:
        raise Crash

    stage.play(cut)
    assert stage.resume(costing(0.25)).status == "done"
    (ended,) = stage.of(HopFinished)
    assert (ended.priced, stage.record.priced) == (False, False)
    assert "price of some calls unknown" in told(stage.position)


def test_a_service_that_was_cut_short_costs_nothing(stages: Any) -> None:
    stage = stages({"from": "trigger", "to": "a"}, {"from": "a", "to": "end"})

    def cut(visit: Visit, record: Record) -> Played:
        raise Crash

    stage.play(cut)
    stage.resume(lambda visit, record: {})
    assert (stage.record.cost, stage.record.priced) == (0.0, True)


@pytest.mark.parametrize("crash_at", [0, 2])
def test_a_call_without_a_known_price_is_never_counted_as_free(stages: Any, crash_at: int) -> None:
    stage = stages(*LOOP, roles=MODEL, limits={"cost": 0.1})
    stage.play(costing(None, crash_at))
    if crash_at:
        stage.resume(costing(None))
    assert stage.record.status == "done", "what is not known cannot reach the limit, and the run says so"
    assert not stage.record.priced
    assert {event.priced for event in stage.of(HopFinished)} == {False}


def test_the_limit_on_time_counts_play_before_the_crash_and_not_the_time_without_a_process(stages: Any) -> None:
    now = [0.0]
    stage = stages(*LOOP, limits={"time": 25.0}, clock=lambda: now[0])

    def slow(crash_at: int = 0) -> Any:
        def act(visit: Visit, record: Record) -> Played:
            if visit.hop == crash_at:
                raise Crash
            now[0] += 10.0
            return Played({})

        return act

    stage.play(slow(crash_at=3))
    now[0] += 100_000.0
    end = stage.resume(slow())
    assert (end.code, stage.record.hops, stage.position.spent.seconds) == ("limit-time", 3, 30.0)
    assert stage.resume(slow(), limits={"time": 100.0}).status == "done"


def test_a_clock_that_goes_back_gives_no_time_back(stages: Any) -> None:
    now = [1000.0]
    stage = stages(*LOOP, limits={"time": 500.0}, clock=lambda: now[0])

    def act(visit: Visit, record: Record) -> Played:
        now[0] += 5.0 if visit.hop % 2 else -400.0
        return Played({})

    assert stage.play(act).status == "done"
    assert stage.position.spent.seconds == 15.0


def test_an_effect_that_starts_because_of_a_higher_limit_was_never_in_doubt(stages: Any) -> None:
    stage = stages(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "pay"},
        {"from": "pay", "to": "end"},
        roles={"pay": {"effect": "once"}},
        limits={"hops": 1},
    )
    calls: list[str] = []

    def act(visit: Visit, record: Record) -> Played:
        calls.append(visit.role.name)
        return Played({})

    assert stage.play(act).code == "limit-hops"
    assert stage.resume(act, limits={"hops": 5.0}).status == "done"
    assert (calls, stage.of(Asked)) == (["a", "pay"], [])
    assert [attempt.kind for _, attempt in stage.store.attempts(stage.record)] == []


def test_the_limit_on_time_counts_a_hop_that_a_death_cut_short(stages: Any) -> None:
    now = [1000.0]
    stage = stages(*LOOP, limits={"time": 40.0}, clock=lambda: now[0])

    def act(visit: Visit, record: Record) -> Played:
        if visit.hop == 2:
            now[0] += 50.0
            stage.runner._renew()  # it looks at its lease while the hop plays
            raise Crash
        return Played({})

    assert stage.play(act) is None
    now[0] += 1000.0
    end = stage.resume(lambda visit, record: Played({}))
    assert (end.status, end.code) == ("limit", "limit-time")
    [resumed] = stage.of(RunResumed)
    assert resumed.lived == 50.0
    assert [event.hop for event in stage.of(HopFinished)] == [1, 2]
    assert stage.store.verify(stage.record)
