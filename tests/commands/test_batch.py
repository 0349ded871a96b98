"""`choreo batch`: one run per input; nothing twice, nothing lost, one failure is one failure."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from choreo.commands.batch import batch
from choreo.commands.inputs import count_inputs, read_inputs
from choreo.commands.playing import Options
from choreo.commands.review_many import list_questions
from choreo.errors import UsageError
from choreo.store import Store
from choreo.store.writer import RunWriter

SPEC = """
choreo: 1
name: counted
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: case@1.0.0}
contracts:
  case@1.0.0:
    type: object
    properties: {n: {type: integer}, text: {type: string, maxLength: 20}}
    required: [n]
    additionalProperties: false
roles:
  work: {kind: reader, service: {python: "work:work"}, emits: case@1.0.0}
  act: {kind: actor, effect: once, service: {python: "work:act"}, emits: case@1.0.0}
touchpoints:
  look: {ask: "Is {{ payload.n }} right?", when: "payload.n % 5 == 0"}
handoffs:
  - {from: trigger, to: work}
  - {from: work, to: act, touchpoint: look}
  - {from: act, to: end}
"""
WORK = """
import os, time
HERE = os.path.dirname(__file__)

def note(what, x):
    with open(os.path.join(HERE, what), "a") as file:
        file.write(f"{x['n']}\\n")

def work(x):
    time.sleep(SECONDS)
    if x["n"] == 7:
        raise ValueError("seven")
    note("worked", x)
    return x

def act(x):
    note("acted", x)
    return x
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "work.py").write_text(WORK.replace("SECONDS", "0"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def play(**more: Any) -> int:
    given = {"parallel": 4, "limits": (), "out": "out.jsonl", "labels": (), "models": ()} | more
    return batch("spec.yaml", given.pop("inputs", "in.jsonl"), options=Options(db="t.db", quiet=True), **given)


def results() -> dict[int, dict[str, Any]]:
    return {line["input"]: line for line in map(json.loads, Path("out.jsonl").read_text().splitlines())}


def lines(name: str) -> list[str]:
    return Path(name).read_text().splitlines()


def test_a_failing_input_stops_nothing_and_every_input_has_a_result(folder):
    Path("in.jsonl").write_text('{"n": 1}\n{"n": 7}\nno json\n{"n": "x"}\n\n{"n": 2}\n')
    assert play() == 1
    told = results()
    assert [told[n]["status"] for n in range(1, 6)] == ["done", "failed", "unread", "refused", "done"]
    assert told[3]["place"] == "line 3"
    assert told[5]["result"] == {"n": 2}
    assert told[2]["code"] == "service-error"


def test_the_same_command_again_plays_nothing_twice_and_gives_all_results(folder):
    Path("in.jsonl").write_text('{"n": 1}\n{"n": 2}\n{"n": 1}\n')
    assert play() == 0
    first = results()
    assert len({one["run"] for one in first.values()}) == 3, "the same payload twice is two inputs"
    Path("in.jsonl").write_text('{"n": 3}\n{"n": 1}\n{"n": 2}\n{"n": 1}\n')
    assert play() == 0
    again = results()
    assert sorted(lines("acted")) == ["1", "1", "2", "3"]
    assert {again[n]["run"] for n in (2, 3, 4)} == {one["run"] for one in first.values()}


def test_runs_that_wait_for_a_person_do_not_block_the_rest(folder, capsys):
    Path("in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in (5, 10, 15, 1, 2, 3)))
    assert play(parallel=2) == 4
    assert sorted(lines("acted")) == ["1", "2", "3"]
    capsys.readouterr()
    assert list_questions(options=Options(db="t.db", as_json=True)) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["touchpoint"] for one in listed] == ["look"] * 3
    assert {one["run"] for one in listed} == {one["run"] for one in results().values() if one["exit"] == 4}
    assert play() == 4, "nothing was answered, so nothing goes on"
    assert len(lines("worked")) == 6


def test_kill_9_in_the_middle_and_the_same_command_finishes_what_is_left(folder):
    (folder / "work.py").write_text(WORK.replace("SECONDS", "0.05"))
    Path("in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(101, 141) if n % 5))
    call = [sys.executable, "-m", "choreo", "batch", "spec.yaml", "in.jsonl", "--parallel", "3", "--db", "t.db", "-q"]
    process = subprocess.Popen(call)
    until = time.monotonic() + 60
    while not (Path("acted").exists() and len(lines("acted")) >= 5) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(lines("acted"))
    assert 5 <= done < 32
    code = play()
    assert code in (0, 4), "an effect that was cut short is asked about"
    acted = lines("acted")
    assert len(acted) == len(set(acted)), "no effect happened twice"
    asked = [one for one in results().values() if one["exit"] == 4]
    assert len(set(acted)) + len(asked) >= 32
    assert len(results()) == 32


def test_a_signal_saves_what_is_in_play_and_begins_no_more(folder):
    (folder / "work.py").write_text(WORK.replace("SECONDS", "0.2"))
    Path("in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(101, 141)))
    call = [sys.executable, "-m", "choreo", "batch", "spec.yaml", "in.jsonl", "--parallel", "2", "--db", "t.db"]
    process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not Path("acted").exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Go on with the same command" in said
    store = Store.read(Path("t.db"))
    assert len(store.runs(limit=100)) < 40
    assert all(run.owner is None for run in store.runs(limit=100))
    store.close()


def test_a_signal_as_a_child_run_is_about_to_do_its_effect_leaves_nothing_in_doubt(folder, monkeypatch):
    """That it begins is on record before it does: what follows must not be given up between the two."""
    head, rest = SPEC.split("roles:")
    work = next(line for line in rest.splitlines(keepends=True) if line.startswith("  work:"))
    below = rest.replace(work, "").replace("  - {from: trigger, to: work}\n", "").replace("from: work", "from: trigger")
    (folder / "below.yaml").write_text(f"{head.replace('counted', 'below')}roles:{below}")
    sub = "  sub: {kind: actor, spec: below.yaml, emits: case@1.0.0}\n"
    handoffs = "handoffs:\n  - {from: trigger, to: sub}\n  - {from: sub, to: end}\n"
    (folder / "spec.yaml").write_text(f"{head}roles:\n{sub}{handoffs}")
    (folder / "work.py").write_text(WORK.replace("SECONDS", "0"))
    Path("in.jsonl").write_text('{"n": 1}\n')
    settled = RunWriter.settled

    async def signalled(self):
        await settled(self)
        if "." in self.run and not Path("acted").exists():
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.1)

    monkeypatch.setattr(RunWriter, "settled", signalled)
    assert play() == 143
    monkeypatch.undo()
    os.chdir(folder)
    assert lines("acted") == ["1"]
    assert play() == 0
    assert lines("acted") == ["1"]


def test_rows_of_csv_and_a_folder_of_files_are_inputs_too(folder):
    Path("rows.csv").write_text("n,text\n1,one\n2,\nx,two\n")
    assert play(inputs="rows.csv") == 1
    assert [results()[n].get("result") for n in (1, 2)] == [{"n": 1, "text": "one"}, {"n": 2}]
    assert results()[3]["code"] == "not-data"
    os.mkdir("files")
    Path("files/b.json").write_text('{"n": 2}')
    Path("files/a.json").write_text('{"n": 1}')
    assert play(inputs="files") == 0
    assert [results()[n]["place"] for n in (1, 2)] == ["a.json", "b.json"]


def test_inputs_are_counted_as_they_are_read(folder):
    Path("in.jsonl").write_text('{"n": 1}\n\n  \n{"n": 2}')
    Path("rows.csv").write_text("n\n1\n2\n")
    for name in ("in.jsonl", "rows.csv"):
        assert count_inputs(Path(name)) == len(list(read_inputs(Path(name), None))) == 2


@pytest.mark.parametrize(("inputs", "code"), [("nothing.jsonl", "cannot-read"), ("spec.yaml", "unknown-inputs")])
def test_what_is_no_list_of_inputs_is_told_before_anything_is_played(folder, inputs, code):
    with pytest.raises(UsageError) as refused:
        play(inputs=inputs)
    assert refused.value.code == code
    assert not Path("t.db").exists()


def test_no_input_is_begun_once_the_cost_limit_is_reached(folder, monkeypatch):
    from choreo.commands.batch_played import Batch

    Path("in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in (1, 2, 3, 4)))
    told = Batch._told

    def dear(self, *given):
        told(self, *given)
        self.tally.cost += 0.5

    monkeypatch.setattr(Batch, "_told", dear)
    assert play(parallel=1, limits=("cost=1.0",)) == 8
    assert len(results()) == 2
    assert play(parallel=1, limits=("cost=100",)) == 0
    assert sorted(lines("acted")) == ["1", "2", "3", "4"]
