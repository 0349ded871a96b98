"""A clock that jumps, stands still or lies: order is that of the record, durations are real, nothing times out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from odd_clock import FROZEN, KINDS
from playing import HEAD
from relay import environment

from choreo.api.parts import plan_of
from choreo.engine.advance import rebuild
from choreo.store import Store
from choreo.trace import Asked, Decided, HopFinished, HopStarted

PROGRAM = Path(__file__).with_name("odd_clock.py")
SPEC = """
roles:
  a: {kind: reader, does: it, service: {python: "work:slow"}, timeout: 60s, emits: any@1.0.0}
  b: {kind: reader, does: it, service: {command: [cat]}, timeout: 60s, accepts: any@^1, emits: any@1.0.0}
  c:
    kind: reader
    does: it
    service: {python: "work:second_time"}
    retry: {attempts: 2, backoff: 10ms}
    accepts: any@^1
    emits: any@1.0.0
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b}
  - {from: b, to: c, touchpoint: gate}
  - {from: c, to: end}
touchpoints: {gate: {ask: "Go on?"}}
"""
WORK = """
import time
tried = []
def slow(given):
    time.sleep(0.01)
    return {"n": given["n"] + 1}
def second_time(given):
    tried.append(1)
    if len(tried) == 1:
        raise RuntimeError("not yet")
    return {"n": given["n"] * 10}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(HEAD + SPEC)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def at_odd_time(kind: str, *commands: tuple[str, ...], cwd: Path, **env: str) -> list[tuple[int, str]]:
    """The exit code and the standard output of each command, all in one process."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), kind, json.dumps(commands)],
        cwd=cwd,
        env={**environment(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    parts = re.split(r"^EXIT (\d+)\n", done.stdout, flags=re.MULTILINE)
    assert len(parts) == 2 * len(commands) + 1, done.stderr
    return [(int(code), out) for out, code in zip(parts[::2], parts[1::2], strict=False)]


RUN = ("run", "spec.yaml", "--set", "n=1")
APPROVE = ("review", "last", "--approve", "--by", "ann")
TRACE = ("trace", "last")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "set-by-the-test"])
def test_a_run_is_played_and_answered_whatever_the_clock_says(folder: Path, kind: str) -> None:
    waits, done, *looks = at_odd_time(kind, RUN, APPROVE, TRACE, (*TRACE, "--json"), ("runs",), cwd=folder)
    assert waits == (4, "")
    assert (done[0], json.loads(done[1])) == (0, {"n": 20})
    assert [code for code, _ in looks] == [0, 0, 0]
    store = Store.read(folder / ".choreo" / "trace.db")
    record = store.find("last")
    events = store.history(record)
    told = [type(event) for event in events if isinstance(event, (HopStarted, HopFinished, Asked, Decided))]
    assert told == [HopStarted, HopFinished] * 2 + [Asked, Decided, HopStarted, HopFinished]
    assert [event.hop for event in events if isinstance(event, HopStarted)] == [1, 2, 3]
    spent = [event.seconds for event in events if isinstance(event, HopFinished)]
    assert spent[0] >= 0.01
    assert all(0 <= seconds < 60 for seconds in spent)
    made = store.attempts(record)
    assert [attempt.code for _, attempt in made] == [None, None, "service-error", None]
    assert all(0 <= attempt.seconds < 60 for _, attempt in made)
    assert store.verify(record)
    store.close()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns"])
def test_what_is_stored_and_shown_is_utc_in_every_zone(folder: Path, zone: str) -> None:
    waits, shown = at_odd_time("frozen", RUN, TRACE, cwd=folder, TZ=zone)
    assert waits[0] == 4
    store = Store.read(folder / ".choreo" / "trace.db")
    record = store.find("last")
    times = [record.created, *(event.at for event in store.history(record))]
    assert times == sorted(times)
    assert FROZEN <= times[0] < times[-1] < FROZEN + 60, "time goes on where the clock stands still"
    assert record.id.startswith("20231114-2213")
    store.close()
    assert re.search(r"2023-11-14 22:1[34]:\d\d UTC", shown[1])


def test_the_last_run_is_the_one_begun_last_though_the_clock_was_set_back(folder: Path) -> None:
    at_odd_time("frozen", RUN, cwd=folder)
    (_, (_, out)) = at_odd_time("before-1970", RUN, ("runs", "--json"), cwd=folder)
    names = [run["id"] for run in json.loads(out)]
    assert len(names) == 2
    assert names[1] > names[0], "the ids are in the order of the clock"
    store = Store.read(folder / ".choreo" / "trace.db")
    assert store.find("last").id == names[0]
    store.close()


SET_IN_PLAY = """
limits: {time: 50s, hops: 9}
roles:
  a: {kind: reader, does: it, service: {python: "work:sets_the_clock"}, emits: any@1.0.0}
  b: {kind: reader, does: it, service: {python: "work:sets_the_clock"}, accepts: any@^1, emits: any@1.0.0}
  c: {kind: reader, does: it, service: {command: [cat]}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b}
  - {from: b, to: c, AFTER}
  - {from: c, to: end}
"""
SETS = """
import time
def sets_the_clock(given):
    time.set_by = given["n"] * 86400.0
    return given
"""


def time_in_play(folder: Path) -> float:
    store = Store.read(folder / ".choreo" / "trace.db")
    record = store.find("last")
    position = rebuild(plan_of(store, record).plan, record.id, store.history(record))
    store.close()
    return position.spent.seconds


@pytest.mark.parametrize("days", [-1, 365])
@pytest.mark.parametrize("more", ["at_most: 1", "after: 10ms"])
def test_a_clock_that_is_set_while_a_hop_is_played_costs_the_run_no_time(folder: Path, days: int, more: str) -> None:
    (folder / "spec.yaml").write_text(HEAD + SET_IN_PLAY.replace("AFTER", more))
    (folder / "work.py").write_text(SETS)
    [(code, out)] = at_odd_time("set-by-the-test", ("run", "spec.yaml", "--set", f"n={days}"), cwd=folder)
    assert (code, json.loads(out)) == (0, {"n": days})
    assert 0 <= time_in_play(folder) < 50


def test_a_child_run_is_not_late_because_the_clock_was_set(folder: Path) -> None:
    below = SET_IN_PLAY.replace("limits: {time: 50s, hops: 9}", "").replace("AFTER", "at_most: 1")
    (folder / "below.yaml").write_text(HEAD + below)
    (folder / "work.py").write_text(SETS)
    above = """
roles: {a: {kind: reader, does: it, spec: below.yaml, timeout: 50s, emits: any@1.0.0}}
handoffs: [{from: trigger, to: a}, {from: a, to: end}]
limits: {time: 50s}
"""
    (folder / "spec.yaml").write_text(HEAD + above)
    [(code, out)] = at_odd_time("set-by-the-test", ("run", "spec.yaml", "--set", "n=365"), cwd=folder)
    assert (code, json.loads(out)) == (0, {"n": 365})


ASKED_AND_PLAYED = """
roles:
  a: {kind: reader, does: it, set: input, emits: any@1.0.0}
  b: {kind: reader, does: it, service: {python: "work:sets_the_clock"}, emits: any@1.0.0, accepts: any@^1}
handoffs:
  - {from: trigger, to: [a, b]}
  - {from: a, to: end, touchpoint: gate}
touchpoints: {gate: {ask: "Good?", within: 48h}}
"""


def test_a_question_does_not_run_out_because_the_clock_was_set(folder: Path) -> None:
    (folder / "spec.yaml").write_text(HEAD + ASKED_AND_PLAYED)
    (folder / "work.py").write_text(SETS)
    codes = [code for code, _ in at_odd_time("set-by-the-test", ("run", "spec.yaml", "--set", "n=365"), cwd=folder)]
    assert codes == [4]


def test_time_that_passes_between_two_processes_is_no_time_in_play_whatever_the_clock_says(folder: Path) -> None:
    spec = HEAD + SPEC.replace("touchpoints:", "limits: {time: 50s}\ntouchpoints:")
    (folder / "spec.yaml").write_text(spec)
    assert at_odd_time("year", RUN, cwd=folder)[0][0] == 4
    assert at_odd_time("before-1970", APPROVE, cwd=folder)[0][0] == 0
    assert 0 < time_in_play(folder) < 50
