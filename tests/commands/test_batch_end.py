"""What `choreo batch` says at its end: duplicates, what is waited for, and why inputs failed."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from choreo.commands.batch import batch
from choreo.commands.playing import Options
from choreo.errors import StoreError
from choreo.render.text import utc
from choreo.store import Store

SPEC = """
choreo: 1
name: pays
version: 1.0.0
trigger: {accepts: order@^1, once_per: trigger.order}
result: {emits: order@1.0.0}
contracts:
  order@1.0.0:
    type: object
    required: [n, order, wait]
    properties: {order: {type: string}, n: {type: integer}, wait: {type: string}}
roles:
  pay: {kind: actor, effect: once, service: {python: "desk:pay"}, emits: order@1.0.0}
touchpoints:
  look: {ask: Good?, when: payload.n == 5}
handoffs:
  - {from: trigger, to: pay, touchpoint: look, after: duration(trigger.wait)}
  - {from: pay, to: end}
"""
PAY = """
import time

def pay(given):
    with open("paid", "a") as file:
        file.write(given["order"] + "\\n")
    time.sleep(0.2)
    if given["n"] == 7:
        raise ValueError("no money left")
    return given
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "desk.py").write_text(PAY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def play(inputs: str = "in.jsonl", out: str | None = "out.jsonl", **more: Any) -> int:
    given = {"parallel": 4, "limits": (), "labels": (), "models": ()} | more
    return batch("spec.yaml", inputs, out=out, options=Options(db="t.db"), **given)


def orders(*given: tuple[str, int]) -> None:
    """Write the inputs; an `n` of a minute and more is waited for."""
    each = ({"order": order, "n": n, "wait": f"{n if n >= 60 else 0}s"} for order, n in given)
    Path("in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in each))


def results() -> dict[int, dict[str, Any]]:
    return {line["input"]: line for line in map(json.loads, Path("out.jsonl").read_text().splitlines())}


def paid() -> list[str]:
    return sorted(Path("paid").read_text().split())


def test_a_duplicate_of_a_run_in_play_is_told_as_that_run_ended(folder, capsys):
    orders(("A", 1), ("A", 2), ("B", 7), ("B", 1))
    assert play() == 1
    told = results()
    assert [told[n]["status"] for n in (1, 2, 3, 4)] == ["done", "duplicate", "failed", "duplicate"]
    assert [told[n]["exit"] for n in (1, 2, 3, 4)] == [0, 0, 1, 1]
    assert told[2]["result"] == told[1]["result"] == {"order": "A", "n": 1, "wait": "0s"}
    assert told[2]["duplicate_of"] == told[1]["run"] != told[2]["run"]
    said = capsys.readouterr().err
    assert "4 of 4 inputs: 2 with exit 0, 2 with exit 1" in said
    assert "wait" not in said
    assert play() == 1
    assert results() == told
    assert "4 of 4 inputs (4 of them before)" in capsys.readouterr().err
    assert paid() == ["A", "B"]


def test_a_duplicate_of_a_run_that_waits_is_no_second_question(folder, capsys):
    orders(("A", 5), ("A", 1))
    assert play() == 4
    assert [results()[n]["status"] for n in (1, 2)] == ["waiting", "duplicate"]
    assert [results()[n]["exit"] for n in (1, 2)] == [4, 4]
    assert "\n1 wait for a person: choreo review --all --db t.db, " in capsys.readouterr().err
    assert play() == 4
    assert [results()[n]["status"] for n in (1, 2)] == ["waiting", "duplicate"]


def test_runs_that_wait_for_a_time_are_told_apart_from_those_that_wait_for_a_person(folder, capsys):
    orders(("A", 9000), ("B", 600), ("C", 5), ("D", 1))
    for _ in range(2):
        assert play() == 4
        said = capsys.readouterr().err
        assert "\n1 wait for a person: choreo review --all --db t.db, then the same command again\n" in said
        line = r"\n2 wait for a time, from (.*) UTC on: choreo resume --due --db t.db, then the same command again\n"
        found = re.search(line, said)
        assert found is not None
        store = Store.read(Path("t.db"))
        due = min(run.due for run in store.runs(status="waiting") if run.due is not None)
        store.close()
        assert utc(due) == found[1] + " UTC"


@pytest.mark.parametrize("other", ["sub/../in.jsonl", "link.jsonl", "folder/in.jsonl"])
def test_the_same_file_by_another_path_is_the_same_batch(folder, other):
    Path("sub").mkdir()
    Path("link.jsonl").symlink_to("in.jsonl")
    Path("folder").symlink_to(".")
    free_of_duplicates()
    orders(("A", 1), ("B", 2))
    assert play() == 0
    told = results()
    assert play(other) == 0
    assert results() == told
    assert paid() == ["A", "B"]


def test_what_an_older_choreo_kept_by_the_path_as_it_was_given_is_known(folder):
    Path("link.jsonl").symlink_to("in.jsonl")
    free_of_duplicates()
    orders(("A", 1), ("B", 2))
    assert play("link.jsonl") == 0
    older = (f"batch pays {folder / 'link.jsonl'}", f"batch pays {folder / 'in.jsonl'}")
    with contextlib.closing(sqlite3.connect("t.db")) as db, db:
        assert db.execute("UPDATE claim SET scope=? WHERE scope=?", older).rowcount == 2
    orders(("A", 1), ("C", 3), ("B", 2))
    assert play("link.jsonl") == 0
    assert paid() == ["A", "B", "C"]


def free_of_duplicates() -> None:
    Path("spec.yaml").write_text(SPEC.replace(", once_per: trigger.order", ""))


def test_without_a_file_of_results_it_is_said_why_inputs_failed(folder, capsys):
    orders(("A", 1), ("B", 7))
    with Path("in.jsonl").open("a") as file:
        file.write("no json\n" + json.dumps({"order": 3, "n": 1, "wait": "x" * 1000}) + "\nnor this\n{}\n")
    assert play(out=None, parallel=1) == 1
    said = capsys.readouterr().err.splitlines()
    store = Store.read(Path("t.db"))
    failed, refused = store.runs(status="failed"), store.runs(status="refused")
    store.close()
    assert said[0].startswith("6 of 6 inputs: 1 with exit 0, 5 with exit 1")
    assert said[1].startswith("line 2: failed [service-error]: ")
    assert said[1].endswith(f"; look at it: choreo trace {failed[0].id} --db t.db")
    assert said[2] == "line 3: unread [not-data]: not JSON: Expecting value (line 1, column 1) at the top"
    assert said[3].startswith("line 4: refused [")
    assert said[3].endswith(f"; look at it: choreo trace {refused[-1].id} --db t.db")
    assert said[4:] == ["and 2 more that failed; the reason of each: --out FILE"]
    assert play(parallel=1) == 1
    assert "line 3" not in capsys.readouterr().err, "its reason is in the file"


def test_what_a_cost_limit_cannot_count_is_said_before_anything_is_played(folder, capsys):
    role = 'service: {python: "desk:pay"}'
    model = "model: clerk, prompt: Pay."
    text = SPEC.replace(role, model).replace("kind: actor, effect: once", "kind: drafter")
    Path("spec.yaml").write_text(
        text + "models:\n  clerk: {model: openai/of-our-own, api_base: 'http://127.0.0.1:9'}\n"
    )
    Path("in.jsonl").write_text("")
    assert play(limits=("cost=0.5",)) == 0
    note = "note: the price of openai/of-our-own is not known, so the cost limit of 0.5 cannot count its calls; "
    assert capsys.readouterr().err.startswith(note)
    assert play() == 0
    assert "note" not in capsys.readouterr().err


def test_an_error_that_ends_a_batch_names_the_command_that_goes_on_with_it(folder, monkeypatch):
    def full(*_: object) -> None:
        raise StoreError("store-full", "no room", "free some space, then: choreo resume last")

    orders(("A", 1))
    monkeypatch.setattr(Store, "share_commits", full)
    with pytest.raises(StoreError) as raised:
        play()
    assert raised.value.help == "free some space, then: the same command"


def test_what_was_played_with_other_texts_of_the_spec_stays_and_is_said_to(folder, capsys):
    orders(("A", 1), ("B", 2))
    assert play() == 0
    assert "as they were then" not in capsys.readouterr().err
    (folder / "spec.yaml").write_text(SPEC.replace("version: 1.0.0", "version: 2.0.0"))
    orders(("A", 1), ("B", 2), ("C", 3))
    assert play() == 0
    said = capsys.readouterr().err
    assert "3 of 3 inputs (2 of them before): 3 with exit 0" in said
    assert "2 of those before were played with the spec or the models as they were then, and stay so" in said
    assert "choreo replay RUN --db t.db plays one anew" in said
    assert paid() == ["A", "B", "C"]


def test_inputs_that_another_process_plays_are_held_and_not_failed(folder, capsys):
    """Such as the same command in a second terminal: nothing is wrong with them, and nothing is to be mended."""
    (folder / "desk.py").write_text(PAY.replace("time.sleep(0.2)", "while not open('go').read(): time.sleep(0.01)"))
    Path("go").touch()
    orders(("A", 1), ("B", 2))
    command = [sys.executable, "-m", "choreo", "batch", "spec.yaml", "in.jsonl", "--db", "t.db", "--quiet"]
    other = subprocess.Popen(command)
    try:
        for _ in range(3000):
            if Path("paid").exists() and len(paid()) == 2:
                break
            time.sleep(0.01)
        assert play() == 6
        said = capsys.readouterr().err
        told = results()
        assert [(told[n]["status"], told[n]["exit"], told[n]["code"]) for n in (1, 2)] == [
            ("running", 6, "run-held")
        ] * 2
        assert all(told[n]["run"] and "is being played by" in told[n]["message"] for n in (1, 2))
        assert "2 of 2 inputs: 2 with exit 6" in said
        assert "2 are played by another process: once it is done, the same command again" in said
    finally:
        Path("go").write_text("go")
        assert other.wait(60) == 0
    assert play() == 0
    assert paid() == ["A", "B"]
