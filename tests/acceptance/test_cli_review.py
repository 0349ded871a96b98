"""Answering from the command line: what waits, what is refused, and that the run goes on in the same call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_specs import choreo, steady, write


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    write(tmp_path, gate=True)
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    assert (done.returncode, done.stdout) == (4, "")
    assert steady(done.stderr).endswith(
        "waiting for a decision: `gate` (question 1; this touchpoint always asks)\nnext: choreo review RUN\n"
    )
    return tmp_path


def status(folder: Path) -> str:
    (run,) = json.loads(choreo(folder, "runs", "--json").stdout)
    return str(run["status"])


def decisions(folder: Path) -> list[tuple[object, ...]]:
    told = json.loads(choreo(folder, "trace", "last", "--json").stdout)
    keys = ("decision", "by", "reason")
    return [tuple(event[key] for key in keys) for event in told["events"] if "decision" in event]


def test_without_a_terminal_or_an_answer_it_says_what_waits_and_how_to_answer(waiting: Path) -> None:
    shown = choreo(waiting, "review", "last")
    assert shown.returncode == 4
    told = json.loads(shown.stdout)
    assert (told["question"], told["name"], told["ask"], told["payload"]) == (1, "gate", "Add one to 2?", {"n": 2})
    assert told["digest"].startswith("sha256:")
    assert steady(shown.stderr).startswith("next: choreo review RUN --approve | --reject --note WHY | --edit FILE")
    assert (status(waiting), decisions(waiting)) == ("waiting", [])


def test_approve_delivers_the_payload_and_plays_on(waiting: Path) -> None:
    done = choreo(waiting, "review", "last", "--approve", "--by", "ann", "--note", "looks right")
    assert (done.returncode, done.stdout) == (0, '{"n": 3}\n')
    assert (status(waiting), decisions(waiting)) == ("done", [("approve", "ann", "looks right")])


def test_reject_needs_a_reason_and_ends_with_exit_7(waiting: Path) -> None:
    bare = choreo(waiting, "review", "last", "--reject", "--by", "ann")
    assert (bare.returncode, "error[reason-needed]" in bare.stderr) == (2, True)
    assert status(waiting) == "waiting"
    done = choreo(waiting, "review", "last", "--reject", "--by", "ann", "--note", "too much")
    assert (done.returncode, done.stdout) == (7, "")
    assert "rejected [rejected]: too much" in done.stderr
    assert (status(waiting), decisions(waiting)) == ("rejected", [("reject", "ann", "too much")])


def test_an_edit_is_checked_and_both_versions_are_kept(waiting: Path) -> None:
    (waiting / "edit.json").write_text('{"n": 101}')
    broken = choreo(waiting, "review", "last", "--edit", "edit.json", "--by", "ann")
    assert (broken.returncode, "error[bad-edit]" in broken.stderr, "/n" in broken.stderr) == (2, True, True)
    (waiting / "edit.json").write_text("{")
    assert choreo(waiting, "review", "last", "--edit", "edit.json").returncode == 2
    assert choreo(waiting, "review", "last", "--edit", "nothing.json").returncode == 2
    assert status(waiting) == "waiting"
    done = choreo(waiting, "review", "last", "--edit", "-", "--by", "ann", stdin='{"n": 41}')
    assert (done.returncode, done.stdout) == (0, '{"n": 42}\n')
    told = choreo(waiting, "trace", "last", "--json").stdout.replace(" ", "").replace("\n", "")
    assert '{"n":2}' in told
    assert '{"n":41}' in told


def test_exactly_one_answer_is_taken(waiting: Path) -> None:
    for flags in (("--approve", "--reject", "--note", "x"), ("--approve", "--edit", "-")):
        done = choreo(waiting, "review", "last", *flags, stdin='{"n": 1}')
        assert (done.returncode, "error[one-decision]" in done.stderr) == (2, True)
    assert (status(waiting), decisions(waiting)) == ("waiting", [])


def test_an_answer_that_comes_too_late_has_exit_6_and_is_told_the_decision(waiting: Path) -> None:
    assert choreo(waiting, "review", "last", "--approve", "--by", "ann").returncode == 0
    for flags in (("--approve",), ("--reject", "--note", "no"), ("--approve", "--question", "1")):
        late = choreo(waiting, "review", "last", *flags, "--by", "bob")
        assert late.returncode == 6, late.stderr
        assert "ann" in late.stderr
    assert decisions(waiting) == [("approve", "ann", "")]


def test_resume_of_a_run_that_waits_asks_nobody_where_nobody_is(waiting: Path) -> None:
    for _ in range(2):
        done = choreo(waiting, "resume", "last", stdin="a\ny\nyes\n")
        assert done.returncode == 4
        assert steady(done.stderr).endswith("next: choreo review RUN\n")
    assert (status(waiting), decisions(waiting)) == ("waiting", [])


def test_yes_never_approves(tmp_path: Path) -> None:
    write(tmp_path, gate=True)
    assert choreo(tmp_path, "run", "count.yaml", "--set", "n=1", "--yes").returncode == 4
    assert choreo(tmp_path, "resume", "last", "--yes").returncode == 4
    assert decisions(tmp_path) == []


def test_a_run_goes_on_with_the_plan_it_started_with(waiting: Path) -> None:
    write(waiting, gate=True, roles={})  # the file now says something else, and is not even valid
    done = choreo(waiting, "review", "last", "--approve", "--by", "ann")
    assert (done.returncode, done.stdout) == (0, '{"n": 3}\n')


def test_a_gate_in_front_of_the_first_role_makes_the_run_wait_from_the_start(tmp_path: Path) -> None:
    write(
        tmp_path,
        gate=True,
        handoffs=[
            {"from": "trigger", "to": "one", "touchpoint": "gate"},
            {"from": "one", "to": "two"},
            {"from": "two", "to": "end"},
        ],
    )
    assert choreo(tmp_path, "run", "count.yaml", "--set", "n=1").returncode == 4
    assert status(tmp_path) == "waiting"
    listed = json.loads(choreo(tmp_path, "runs", "--json", "--status", "waiting").stdout)
    assert [run["open_questions"] for run in listed] == [1]
