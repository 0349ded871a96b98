"""Lanes through the real loader, store and runner: services that overlap, cancelled calls, and rows that say it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playing import run_spec

from choreo.engine.advance import rebuild
from choreo.trace import HandedOver, HopFinished, HopStarted

BODY = """
  list@1.0.0:
    {type: object, required: [list], properties: {list: {type: array, items: {type: object, required: [n],
     properties: {n: {type: integer}}}}}}
  worked@1.0.0: {type: object, required: [list, lost], properties: {list: {type: array}, lost: {type: integer}}}
limits: {parallel: 4}
roles:
  split:
    kind: reader
    set: {list: "[{'n': 0}, {'n': 1}, {'n': 2}, {'n': 3}]"}
    emits: list@1.0.0
  work: {kind: researcher, service: {python: "lanes_WHICH:work"}, accepts: any@^1, emits: any@1.0.0}
  total: {kind: reader, set: {n: "int(input.list.size()) + input.lost"}, accepts: worked@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: split}
  - {from: split, to: work, each: out.list, MORE}
  - {from: work, to: total, gather: true, pass: {list: "out", lost: "size(failures) * 10"}}
  - {from: total, to: end}
"""


def played(folder: Path, which: str, module: str, more: str = "at_once: 4", extra: str = "") -> Any:
    body = BODY.replace("WHICH", which).replace("MORE", more)
    return run_spec(folder, body + extra, modules={f"lanes_{which}": module})


def test_lanes_really_play_at_the_same_time(tmp_path: Path) -> None:
    """Each call waits until all four are there: one after the other they would never end."""
    run = played(
        tmp_path,
        "meet",
        """
        import threading
        all_there = threading.Barrier(4, timeout=20)
        def work(x):
            all_there.wait()
            return {"n": x["n"] * 2}
        """,
    )
    assert (run.end.status, run.result) == ("done", {"n": 4})
    starts = {event.scope: event.input.value for event in run.events if isinstance(event, HopStarted) and event.scope}
    assert starts == {f"work[{n}]": {"n": n} for n in range(4)}


def test_the_rows_say_everything_about_the_lanes(tmp_path: Path) -> None:
    run = played(
        tmp_path,
        "odd",
        """
        def work(x):
            if x["n"] == 2:
                raise ValueError("two")
            return {"n": x["n"] * 2}
        """,
        more="on_failure: drop",
    )
    assert run.result == {"n": 13}
    assert run.store.verify(run.record)
    from choreo.api.checked import check_spec

    plan = check_spec(str(tmp_path / "spec.yaml")).plan
    states = [event.state for event in run.events if isinstance(event, HandedOver)]
    assert states.count("delivered") == 7
    assert [state for state in states if state != "delivered"] == ["opened", "lane_failed", "gathered"]
    for size in range(len(run.events)):
        position = rebuild(plan, run.record.id, run.events[:size])
        assert len(position.playing) >= position.machines


def test_a_failure_stops_the_other_lanes_and_their_calls_are_cut_short(tmp_path: Path) -> None:
    """The three others would wait for ever."""
    run = played(
        tmp_path,
        "stuck",
        """
        import threading
        others = threading.Semaphore(0)
        def work(x):
            if x["n"] == 3:
                for _ in range(3):
                    others.acquire(timeout=20)
                raise ValueError("three")
            others.release()
            threading.Event().wait(60)
        """,
        extra="  - {from: split, on: failed, to: end, outcome: partly, pass: {n: 7}}\n",
    )
    assert (run.end.status, run.end.outcome, run.result) == ("done", "partly", {"n": 7})
    assert sorted(run.failures) == ["cancelled", "cancelled", "cancelled", "service-error"]
    assert [attempt.code for _, attempt in run.attempts].count("interrupted") == 3


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_calls_are_made_than_at_once_allows(tmp_path: Path, at_once: int) -> None:
    run = played(
        tmp_path,
        f"few{at_once}",
        """
        import threading, time
        inside, most, lock = 0, 0, threading.Lock()
        def work(x):
            global inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1
            return {"n": most}
        """,
        more=f"at_once: {at_once}",
    )
    ends = [
        event.output.value["n"] for event in run.events if isinstance(event, HopFinished) and event.hop in range(2, 6)
    ]
    assert max(ends) == at_once
