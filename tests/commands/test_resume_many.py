"""`choreo resume --all` and `--due`: runs that wait hold no process, and one that fails stops no other."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from choreo.api.checked import Checked
from choreo.api.parts import plan_of
from choreo.commands.playing import Options
from choreo.commands.resume import resume
from choreo.commands.resume_many import resume_many
from choreo.commands.run import run
from choreo.errors import StoreError, UsageError
from choreo.store import RunRecord, Store
from choreo.store.writer import RunWriter
from choreo.trace import RunResumed

SPEC = """
choreo: 1
name: waits
version: 1.0.0
trigger: {accepts: any@^1}
result: {emits: any@1.0.0}
contracts:
  any@1.0.0: {type: object, required: [n, wait], properties: {n: {type: integer}, wait: {type: string}}}
roles:
  a: {kind: reader, does: one, set: input, emits: any@1.0.0}
  b: {kind: drafter, does: two, set: {n: 10 / input.n, wait: "''"}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b, after: duration(out.wait)}
  - {from: b, to: end, touchpoint: gate}
touchpoints:
  gate: {ask: Good?, when: payload.n == 10, within: 50ms}
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plays the spec in this process; no delay is so short that the run itself waits for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("choreo.runners.local.PATIENCE", -1.0)
    (tmp_path / "waits.yaml").write_text(SPEC)
    options = Options(db=str(tmp_path / "trace.db"), as_json=True, quiet=True)

    def start(n: int, wait: str) -> int:
        return run("waits.yaml", source=None, sets=[f"n={n}", f"wait={wait}"], labels=(), models=(), options=options)

    return start, options


def after(options: Options, *, due_only: bool = True) -> int:
    time.sleep(0.06)
    return resume_many(None, limits=(), due_only=due_only, options=options)


def results(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_that_waits_for_its_time_leaves_with_4_and_is_taken_up_when_it_is_due(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    start, options = desk
    before = time.time()
    assert [start(2, "50ms"), start(2, "2h")] == [4, 4]
    soon, late = results(capsys)
    assert before < soon["due"] < late["due"] - 7000
    assert after(options) == 0
    assert [(told["run"], told["status"], told["result"]["n"]) for told in results(capsys)] == [
        (soon["run"], "done", 5)
    ]
    assert after(options) == 0
    assert results(capsys) == []
    assert after(options, due_only=False) == 4


def test_what_is_due_is_found_by_an_index(desk: Any) -> None:
    start, options = desk
    start(2, "2h")
    store, asked = Store.read(Path(options.db)), []
    store._db.set_trace_callback(asked.append)
    assert (len(store.due(time.time() + 9000)), store.due(time.time())) == (1, [])
    assert store.next_due() is not None
    store._db.set_trace_callback(None)
    for query in asked:
        steps = [row[3] for row in store._db.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert any("run_due" in step for step in steps), steps
    assert len(asked) == 3
    store.close()


def test_a_run_that_fails_does_not_stop_the_others(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    start, options = desk
    for n in (0, 2):
        start(n, "50ms")
    capsys.readouterr()
    assert after(options) == 1
    assert [told["status"] for told in results(capsys)] == ["failed", "done"]


def test_a_plan_that_cannot_be_read_any_more_does_not_stop_the_others(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    start, options = desk
    start(2, "50ms")
    store = Store.open(Path(options.db))
    store._db.execute("UPDATE plan SET sources=CAST('{}' AS BLOB)")
    store.close()
    (Path(options.db).parent / "waits.yaml").write_text(SPEC.replace("1.0.0\ntrigger", "1.0.1\ntrigger"))
    start(5, "50ms")
    capsys.readouterr()
    assert after(options) == 1
    told = capsys.readouterr()
    assert "error[" in told.err
    assert [json.loads(line)["result"]["n"] for line in told.out.splitlines()] == [2]


def test_a_question_whose_time_is_over_expires_and_is_never_approved(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    start, options = desk
    assert start(1, "0s") == 4
    capsys.readouterr()
    assert after(options) == 1
    assert [(told["status"], told["code"]) for told in results(capsys)] == [("rejected", "expired")]


def test_all_takes_up_what_a_dead_process_left_and_not_what_a_living_one_plays(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    start, options = desk
    for _ in range(2):
        start(2, "2h")
    store = Store.open(Path(options.db))
    dead, living = store.runs()
    store._db.execute("UPDATE run SET pid=999999999, host=?, status='running', due=NULL", (os.uname().nodename,))
    store._db.execute("UPDATE run SET pid=1, process='' WHERE id=?", (living.id,))
    store.close()
    capsys.readouterr()
    assert after(options, due_only=False) == 4
    told = capsys.readouterr()
    assert [json.loads(line)["run"] for line in told.out.splitlines()] == [dead.id]


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Let that happen once, between the moment when a run is looked at and the one when it is taken up."""

    def first(store: Store, record: RunRecord) -> Checked:
        monkeypatch.setattr("choreo.commands.resume_many.plan_of", plan_of)
        what()
        return plan_of(store, record)

    monkeypatch.setattr("choreo.commands.resume_many.plan_of", first)


def takes(options: Options, numbers: slice) -> None:
    """A living process that is not this one takes these of the runs up, oldest first."""
    store = Store.open(Path(options.db or ""))
    for record in store.runs()[::-1][numbers]:
        told = (os.uname().nodename, record.id)
        store._db.execute("UPDATE run SET pid=1, process='', host=?, status='running' WHERE id=?", told)
    store.close()


@pytest.mark.parametrize("due_only", [True, False])
@pytest.mark.parametrize(("taken", "done"), [(slice(1), 2), (slice(1, 2), 2), (slice(3), 0)])
def test_runs_that_another_process_took_up_meanwhile_are_passed_over_without_a_word(
    desk: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    due_only: bool,
    taken: slice,
    done: int,
) -> None:
    start, options = desk
    for n in (2, 5, 2):
        start(n, "50ms")
    capsys.readouterr()
    meanwhile(monkeypatch, lambda: takes(options, taken))
    assert after(options, due_only=due_only) == 0
    told = capsys.readouterr()
    played = [json.loads(line)["run"] for line in told.out.splitlines()]
    assert len(played) == done
    assert told.err.splitlines() == [f"run {run}" for run in played]


def test_runs_that_another_process_played_to_their_end_meanwhile_are_not_played_again(
    desk: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start, options = desk
    for n in (2, 5):
        start(n, "50ms")
    capsys.readouterr()
    meanwhile(monkeypatch, lambda: after(options))
    assert after(replace(options, quiet=False)) == 0
    told = capsys.readouterr()
    assert [json.loads(line)["status"] for line in told.out.splitlines()] == ["done", "done"]
    assert told.err.endswith("\n2 runs: 2 played by another process\n")
    store = Store.read(Path(options.db))
    histories = [store.history(record) for record in store.runs()]
    store.close()
    assert [sum(isinstance(event, RunResumed) for event in events) for events in histories] == [1, 1]


@pytest.mark.parametrize("due_only", [True, False])
def test_a_store_that_takes_nothing_more_ends_the_command_at_the_first_run(
    desk: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, due_only: bool
) -> None:
    start, options = desk
    for _ in range(3):
        start(2, "50ms")
    store = Store.read(Path(options.db))
    first = store.unfinished()[0].id
    store.close()
    capsys.readouterr()

    def full(self: RunWriter, *args: object, **more: object) -> None:
        raise StoreError("store-write", "disk full", f"free the disk or the lock, then: choreo resume {self.run}")

    with monkeypatch.context() as written:
        written.setattr(RunWriter, "append", full)
        with pytest.raises(StoreError, match="disk full") as told:
            after(options, due_only=due_only)
    assert told.value.help == "free the disk or the lock, then: the same command"
    assert capsys.readouterr().err == f"run {first}\n"
    assert after(options, due_only=due_only) == 0


def test_a_run_whose_rows_are_damaged_does_not_stop_the_others(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    start, options = desk
    for n in (2, 5):
        start(n, "50ms")
    store = Store.open(Path(options.db))
    damage = "UPDATE payload SET data=CAST(REPLACE(CAST(data AS TEXT), ':2', ':3') AS BLOB)"
    store._db.execute(damage)
    store.close()
    capsys.readouterr()
    assert after(options) == 1
    told = capsys.readouterr()
    assert "error[store-damaged]" in told.err
    assert [json.loads(line)["result"]["n"] for line in told.out.splitlines()] == [2]


def test_all_and_due_take_no_run_and_resume_needs_one(desk: Any) -> None:
    _, options = desk
    with pytest.raises(UsageError, match="take no run"):
        resume_many("last", limits=(), due_only=True, options=options)
    with pytest.raises(UsageError, match="no run is named"):
        resume(None, limits=(), options=options)
