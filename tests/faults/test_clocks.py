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


@pytest.mark.parametrize("kind", KINDS)
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
    assert record.created == FROZEN
    assert record.id.startswith("20231114-221320-")
    assert {event.at for event in store.history(record)} == {FROZEN}
    store.close()
    assert "2023-11-14 22:13:20 UTC" in shown[1]


def test_the_last_run_is_the_one_begun_last_though_the_clock_was_set_back(folder: Path) -> None:
    at_odd_time("frozen", RUN, cwd=folder)
    (_, (_, out)) = at_odd_time("before-1970", RUN, ("runs", "--json"), cwd=folder)
    names = [run["id"] for run in json.loads(out)]
    assert len(names) == 2
    assert names[1] > names[0], "the ids are in the order of the clock"
    store = Store.read(folder / ".choreo" / "trace.db")
    assert store.find("last").id == names[0]
    store.close()
