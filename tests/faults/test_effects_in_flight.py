"""What becomes of effects that are under way when something else goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from building import plan_of
from stage import Crash, Stage

from choreo.errors import PlayFailed, StoreError
from choreo.gates.script import ScriptGate
from choreo.players.base import Played, Record, Visit
from choreo.runners import local
from choreo.runners.local import LocalRunner
from choreo.store.writer import RunWriter
from choreo.trace import Asked, Event, HopFinished, HopStarted

ONCE = {"effect": "once"}
PAIR = (
    {"from": "trigger", "to": ["one", "two"]},
    {"from": ["one", "two"], "to": "last"},
    {"from": "last", "to": "end"},
)


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Any]:
    made: list[Stage] = []

    def stage(**roles: Any) -> Stage:
        made.append(Stage(tmp_path, plan_of(*PAIR, roles=roles)))
        return made[-1]

    yield stage
    for one in made:
        one.store.close()


def test_two_effects_that_fall_into_doubt_together_are_two_questions(stages: Any) -> None:
    stage = stages(one=ONCE, two=ONCE)

    def late(visit: Visit, record: Record) -> Played:
        raise PlayFailed("timeout", "no result", timeout=True)

    assert stage.play(late) is None
    assert [(event.question, event.touchpoint, event.kind) for event in stage.of(Asked)] == [
        (1, "one", "in_doubt"),
        (2, "two", "in_doubt"),
    ]
    gate = ScriptGate({"one": [("done", {"n": 1})], "two": ["redo"]})
    end = stage.resume(lambda visit, record: {"role": visit.role.name}, gate)
    assert (end.status, end.payload.value) == ("done", {"role": "last"})


def test_an_effect_under_way_when_the_run_fails_is_awaited_and_recorded(stages: Any) -> None:
    stage = stages(one=ONCE)

    async def act(visit: Visit, record: Record) -> Played:
        if visit.role.name == "two":
            raise PlayFailed("broken", "as scripted")
        await asyncio.sleep(0.05)
        return Played({"paid": True})

    end = stage.play(act)
    assert (end.status, end.code) == ("failed", "broken")
    done = {event.hop: (event.status, event.output and event.output.value) for event in stage.of(HopFinished)}
    assert done == {2: ("failed", None), 1: ("done", {"paid": True})}
    assert (stage.record.status, stage.record.owner) == ("failed", None)
    assert stage.store.verify(stage.record)


def test_an_effect_under_way_at_an_interruption_is_recorded_and_the_next_one_is_not_begun(stages: Any) -> None:
    stage = stages(one=ONCE, last=ONCE)
    calls: list[str] = []

    async def act(visit: Visit, record: Record) -> Played:
        calls.append(visit.role.name)
        if visit.role.name == "one":
            stage.runner.interrupt()
            await asyncio.sleep(0.05)
        return Played({"role": visit.role.name})

    assert stage.play(act) is None
    assert {event.hop: event.status for event in stage.of(HopFinished)} == {1: "done", 2: "done"}
    assert [event.role for event in stage.of(HopStarted)] == ["one", "two"]
    end = stage.resume(act)
    assert (end.status, end.payload.value, calls) == ("done", {"role": "last"}, ["one", "two", "last"])
    assert not stage.of(Asked)


def test_an_effect_that_is_on_record_as_begun_is_begun_before_an_interruption_is_heeded(
    stages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would look as if it may have happened, and a person would be asked about what nobody did."""
    stage = stages(last=ONCE)
    give_way = LocalRunner._give_way

    async def interrupted(runner: LocalRunner) -> None:
        await give_way(runner)
        if any(hop.role == "last" for hop in runner.position.in_play):
            runner.interrupt()

    monkeypatch.setattr(local, "TURN", 0.0)
    monkeypatch.setattr(LocalRunner, "_give_way", interrupted)

    async def act(visit: Visit, record: Record) -> Played:
        await asyncio.sleep(0.02 * visit.hop)
        return Played({"role": visit.role.name})

    assert stage.play(act) is None
    assert {event.hop: event.status for event in stage.of(HopFinished)} == {1: "done", 2: "done", 3: "done"}
    assert stage.resume(act).status == "done"
    assert not stage.of(Asked)


class FullOnce(RunWriter):
    """A disk that is full for the write that ends hop 2, and only then."""

    def append(self, events: Sequence[Event], attempts: Any = (), **more: Any) -> None:
        if any(isinstance(event, HopFinished) and event.hop == 2 for event in events):
            raise StoreError("store-write", "the disk is full")
        super().append(events, attempts, **more)


def test_an_effect_under_way_when_a_write_fails_is_in_doubt_and_the_run_resumes(
    stages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stages(one=ONCE)
    paid: list[str] = []

    async def act(visit: Visit, record: Record) -> Played:
        if visit.role.name == "one":
            await asyncio.sleep(0.05)
            paid.append("one")
        return Played({"role": visit.role.name})

    taken = stage.store.create_run

    def full(*args: Any, **more: Any) -> RunWriter:
        writer = taken(*args, **more)
        writer.__class__ = FullOnce
        return writer

    monkeypatch.setattr(stage.store, "create_run", full)
    with pytest.raises(StoreError, match="disk is full"):
        stage.play(act)
    assert paid == ["one"]
    assert stage.of(HopFinished) == []
    gate = ScriptGate({"one": [("done", {"role": "one"})]})
    assert stage.resume(act, gate).status == "done"
    assert paid == ["one"]
    assert stage.store.verify(stage.record)


def test_a_crash_after_redo_was_decided_asks_again(stages: Any) -> None:
    stage = stages(one=ONCE)

    def dying(visit: Visit, record: Record) -> Played:
        if visit.role.name == "one":
            raise Crash
        return Played({})

    stage.play(dying)
    stage.resume(dying, ScriptGate({"one": ["redo"]}))
    assert stage.resume(dying) is None
    asked = [(event.question, event.kind) for event in stage.of(Asked)]
    assert asked == [(1, "in_doubt"), (2, "in_doubt")]
