"""Deaths in the middle of lanes, then resume: nothing that was finished is played again, and the result is the same."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from building import plan_of
from command_line import choreo, start
from stage import Crash, Stage

from choreo.store import Store
from choreo.trace import HandedOver, HopFinished, HopStarted

SERVICES = """
import os, signal

def called(role, n):
    with open("calls", "a") as file:
        file.write(f"{role}{n}\\n")
    if os.environ.get("DIE_IN") == f"{role}{n}":
        os.kill(os.getpid(), signal.SIGKILL)

def work(x):
    called("work", x["n"])
    return {"n": x["n"] * 10}

def check(x):
    called("check", x["n"])
    if x["n"] == 40:
        raise ValueError("forty")
    return {"n": x["n"] + 1}
"""
SPEC = """
choreo: 1
name: lanes
version: 1.0.0
trigger: {accepts: list@^1}
result: {emits: list@1.0.0}
limits: {parallel: 3}
contracts:
  any@1.0.0: {type: object, required: [n], properties: {n: {type: integer}}}
  list@1.0.0: {type: object, required: [list], properties: {list: {type: array, items: {type: integer}}}}
roles:
  work: {kind: researcher, service: {python: "steps:work"}, accepts: any@^1, emits: any@1.0.0}
  check: {kind: reviewer, service: {python: "steps:check"}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: work, each: out.list, pass: {n: item}, on_failure: drop}
  - {from: work, to: check}
  - {from: check, to: end, gather: true, pass: {list: "out.map(one, one.n)"}}
"""
TRIGGER = '{"list": [0, 1, 2, 3, 4, 5, 6]}'
RESULT = [1, 11, 21, 31, 51, 61]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "steps.py").write_text(SERVICES)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "trigger.json").write_text(TRIGGER)
    return tmp_path


@pytest.mark.parametrize("place", ["work0", "work5", "check0", "check30", "check60"])
def test_a_run_killed_in_its_lanes_is_finished_by_resume(folder: Path, place: str) -> None:
    died = choreo("run", "spec.yaml", "--input", "trigger.json", cwd=folder, env={"DIE_IN": place})
    assert died.returncode == -signal.SIGKILL
    resumed = choreo("resume", "last", "--json", cwd=folder)
    assert resumed.returncode == 0
    store = Store.open(folder / ".choreo" / "trace.db")
    record = store.find("last")
    history = store.history(record)
    assert store.verify(record)
    (end,) = [event for event in history if type(event).__name__ == "RunFinished"]
    assert end.payload.value == {"list": RESULT}
    done = {event.hop for event in history if isinstance(event, HopFinished)}
    assert len(done) == len([event for event in history if isinstance(event, HopStarted)]) == 14
    calls = Counter((folder / "calls").read_text().split())
    assert len(calls) == 14
    assert calls.total() <= 14 + 3
    store.close()


PLAN = plan_of(
    {"from": "trigger", "to": "split"},
    {"from": "split", "to": "outer", "each": "out.list"},
    {"from": "outer", "to": "inner", "each": "out.list", "on_failure": "keep", "at_once": 2},
    {"from": "inner", "to": "sum", "gather": True},
    {"from": "sum", "to": "total", "gather": True},
    {"from": "total", "to": "end"},
    limits={"parallel": 3},
)


class Dying:
    """Plays every role; dies in the `last` call."""

    def __init__(self, last: int) -> None:
        self.left = last
        self.made: list[tuple[str, Any]] = []

    def __call__(self, visit: Any, record: Any) -> Any:
        from choreo.errors import PlayFailed

        self.left -= 1
        if self.left == 0:
            raise Crash
        given = visit.input.value
        self.made.append((visit.role.name, visit.hop))
        if visit.role.name == "split":
            return {"list": [[1, 2], [], [3, 4, 5]]}
        if visit.role.name == "outer":
            return {"list": given}
        if visit.role.name == "inner":
            if given == 4:
                raise PlayFailed("four", "four")
            return given * 10
        return given


@pytest.mark.parametrize("calls", range(1, 14))
def test_a_run_dropped_at_any_call_in_lanes_of_lanes_comes_to_the_same_result(tmp_path: Path, calls: int) -> None:
    stage, act = Stage(tmp_path, PLAN), Dying(calls)
    end = stage.play(act)
    finished, before = {event.hop for event in stage.of(HopFinished)}, len(act.made)
    assert end is None
    end = stage.resume(act)
    assert end is not None
    assert end.payload is not None
    assert end.payload.value == [[10, 20], [], [30, None, 50]]
    assert not finished & {hop for _, hop in act.made[before:]}
    assert Counter(act.made).total() <= 13 + 2
    assert stage.store.verify(stage.record)


def test_calls_of_lanes_that_were_given_up_before_the_death_are_not_made_again(tmp_path: Path) -> None:
    plan = plan_of(
        {"from": "trigger", "to": "split"},
        {"from": "split", "to": "work", "each": "[1, 2, 3]"},
        {"from": "split", "on": "failed", "to": "mend"},
        {"from": "mend", "to": "end"},
    )
    played: list[str] = []

    async def act(visit: Any, record: Any) -> Any:
        import asyncio

        from choreo.errors import PlayFailed

        played.append(visit.role.name)
        if visit.role.name == "work" and visit.input.value == 2:
            raise PlayFailed("two", "two")
        if visit.role.name == "work":
            await asyncio.sleep(60)
        if visit.role.name == "mend" and played.count("mend") == 1:
            raise Crash
        return {"by": visit.role.name}

    stage = Stage(tmp_path, plan)  # its first process dies before it is on record how the calls it gave up have ended
    assert stage.play(act) is None
    assert [event.state for event in stage.of(HandedOver)].count("cancelled") == 1
    end = stage.resume(act)
    assert end is not None
    assert (end.status, played.count("work"), played.count("mend")) == ("done", 3, 2)
    assert [event.code for event in stage.of(HopFinished)].count("cancelled") == 2


def test_a_killed_run_that_was_started_in_the_background_goes_on_too(folder: Path) -> None:
    (folder / "steps.py").write_text(
        SERVICES.replace('called("work", x["n"])', 'called("work", x["n"]); wait(x["n"])') + WAIT
    )
    child = start("run", "spec.yaml", "--input", "trigger.json", cwd=folder)
    assert child.stderr is not None
    for line in child.stderr:
        if "check" in line:
            break
    child.kill()
    child.communicate()
    (folder / "steps.py").write_text(SERVICES)
    assert choreo("resume", "last", cwd=folder).returncode == 0
    store = Store.open(folder / ".choreo" / "trace.db")
    assert store.verify(store.find("last"))
    store.close()


WAIT = """
import threading
def wait(n):
    if n >= 3:
        threading.Event().wait(60)
"""
