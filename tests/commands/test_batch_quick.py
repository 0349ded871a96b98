"""Functions that a batch calls side by side: quick ones share a thread, and one that is slow holds up no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from choreo.commands.batch import batch
from choreo.commands.playing import Options
from choreo.store import Store
from choreo.trace import HopFinished

SPEC = """
choreo: 1
name: quick
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: case@1.0.0}
contracts:
  case@1.0.0: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
roles:
  work: {kind: reader, service: {python: "work:work"}, emits: case@1.0.0, retry: {attempts: 2, backoff: 1ms}}
handoffs:
  - {from: trigger, to: work}
  - {from: work, to: end}
"""
LANES = """
choreo: 1
name: lanes
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: list@1.0.0}
contracts:
  case@1.0.0: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
  list@1.0.0: {type: array, items: {type: object}}
roles:
  work: {kind: reader, service: {python: "work:work"}, accepts: case@^1, emits: case@1.0.0}
handoffs:
  - {from: trigger, to: work, each: "[1, 2, 3, 4].map(k, {'n': trigger.n * 10 + k})", at_once: 4, pass: item}
  - {from: work, gather: true, to: end}
"""
WORK = """
import pathlib, threading, time
HERE = pathlib.Path(__file__).parent

def wait_for(*names):
    for _ in range(3000):
        if all((HERE / name).exists() for name in names):
            return
        time.sleep(0.01)
    raise RuntimeError("the others do not come")

def note(x):
    with open(HERE / "calls", "a") as file:
        file.write(f"{x['n']} {threading.current_thread().name}\\n")
"""


def play(folder: Path, spec: str, work: str, numbers: list[int], parallel: int) -> tuple[int, dict[int, Any]]:
    (folder / "spec.yaml").write_text(spec)
    (folder / "work.py").write_text(WORK + work)
    (folder / "in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in numbers))
    options = Options(db="t.db", quiet=True)
    code = batch(
        "spec.yaml", "in.jsonl", parallel=parallel, limits=(), out="out", labels=(), models=(), options=options
    )
    return code, {line["input"]: line for line in map(json.loads, Path("out").read_text().splitlines())}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_quick_functions_of_many_runs_are_called_in_one_thread(folder: Path) -> None:
    code, told = play(folder, SPEC, "def work(x):\n    note(x)\n    return {'n': -x['n']}\n", list(range(30)), 10)
    assert code == 0
    assert [told[n + 1]["result"] for n in range(30)] == [{"n": -n} for n in range(30)]
    calls = [line.split() for line in (folder / "calls").read_text().splitlines()]
    assert sorted(int(n) for n, _ in calls) == list(range(30))
    assert "choreo-line" in {thread for _, thread in calls}


def test_a_function_that_waits_for_what_other_runs_do_does_not_keep_them_from_it(folder: Path) -> None:
    work = """
def work(x):
    if x["n"] == 0:
        wait_for("1", "2", "3")
    else:
        (HERE / str(x["n"])).touch()
    return x
"""
    code, told = play(folder, SPEC, work, [0, 1, 2, 3], 4)
    assert (code, [told[n]["status"] for n in (1, 2, 3, 4)]) == (0, ["done"] * 4)


def test_one_that_raises_is_called_again_as_its_role_says_and_fails_alone(folder: Path) -> None:
    work = """
def work(x):
    note(x)
    if x["n"] == 2:
        raise ValueError("two")
    return x
"""
    code, told = play(folder, SPEC, work, [1, 2, 3], 3)
    assert (code, [told[n]["exit"] for n in (1, 2, 3)], told[2]["code"]) == (1, [0, 1, 0], "service-error")
    assert sum(line.startswith("2 ") for line in (folder / "calls").read_text().splitlines()) == 2


def test_a_lane_that_fails_ends_its_run_without_waiting_for_the_calls_of_the_others(folder: Path) -> None:
    work = """
def work(x):
    if x["n"] == 11:
        raise ValueError("eleven")
    if x["n"] < 20:
        wait_for("never")
    return x
"""
    code, told = play(folder, LANES, work, [1, 2], 2)
    assert (code, told[1]["status"], told[2]["status"]) == (1, "failed", "done")
    store = Store.read(Path("t.db"))
    ends = [event for event in store.history(store.find(told[1]["run"])) if isinstance(event, HopFinished)]
    store.close()
    assert sorted(event.code for event in ends) == ["service-error"]


def test_a_call_in_a_hurry_stands_behind_no_other(folder: Path) -> None:
    """Where one that is slow stands before it, a line takes a moment to be broken up: too long for a short deadline."""
    work = "def work(x):\n    note(x)\n    return x\n"
    spec = SPEC.replace("retry: {attempts: 2, backoff: 1ms}", "timeout: 900ms")
    assert play(folder, spec, work, list(range(30)), 10)[0] == 0
    threads = {line.split()[1] for line in (folder / "calls").read_text().splitlines()}
    assert threads == {"choreo-service"}
