"""`choreo resume --all` and `--due`: runs that wait hold no process, and one that fails stops no other."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from choreo.commands.playing import Options
from choreo.commands.resume import resume
from choreo.commands.resume_many import resume_many
from choreo.commands.run import run
from choreo.errors import UsageError
from choreo.store import Store

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


def test_all_and_due_take_no_run_and_resume_needs_one(desk: Any) -> None:
    _, options = desk
    with pytest.raises(UsageError, match="take no run"):
        resume_many("last", limits=(), due_only=True, options=options)
    with pytest.raises(UsageError, match="no run is named"):
        resume(None, limits=(), options=options)
