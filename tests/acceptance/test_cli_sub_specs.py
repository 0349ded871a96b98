"""Sub-specs from the command line: what is shown, asked and refused, and that either id goes on to the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.relay import environment
from small_specs import choreo, steady, write

PART = {"kind": "reasoner", "does": "Count", "spec": "count.yaml", "accepts": "thing@^1", "emits": "thing@1.0.0"}


def outer(folder: Path, **changes: Any) -> None:
    handoffs = [{"from": "trigger", "to": "part"}, {"from": "part", "to": "end"}]
    write(folder, "outer", **{"roles": {"part": PART}, "handoffs": handoffs, **changes})


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    write(tmp_path, gate=True)
    outer(tmp_path)
    done = choreo(tmp_path, "run", "outer.yaml", "--set", "n=1")
    assert (done.returncode, done.stdout) == (4, "")
    assert steady(done.stderr).endswith(
        "waiting for a decision: `gate` (question 1 of run RUN.1; this touchpoint always asks)\n"
        "next: choreo review RUN\n"
    )
    return tmp_path


def runs(folder: Path, *flags: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(choreo(folder, "runs", "--json", *flags).stdout)
    return found


@pytest.mark.parametrize("which", ["above", "child"])
def test_either_id_can_be_answered_and_the_run_above_goes_on_to_its_end(waiting: Path, which: str) -> None:
    (run,) = runs(waiting)
    named = run["id"] if which == "above" else f"{run['id']}.1"
    shown = choreo(waiting, "review", named)
    assert (shown.returncode, json.loads(shown.stdout)["run"]) == (4, f"{run['id']}.1")
    done = choreo(waiting, "review", named, "--approve", "--by", "ann")
    assert (done.returncode, done.stdout) == (0, '{"n": 3}\n')
    assert [one["status"] for one in runs(waiting, "--children")] == ["done", "done"]


def test_child_runs_are_listed_where_they_are_asked_for(waiting: Path) -> None:
    assert [(one["spec"], one["parent"], one["open_questions"]) for one in runs(waiting)] == [("outer", None, 1)]
    child, run = runs(waiting, "--children")
    assert (child["spec"], child["parent"], child["parent_hop"]) == ("count", run["id"], 1)
    assert choreo(waiting, "trace", run["id"][:12]).returncode == 0  # the beginning of an id means the run above


def test_the_trace_shows_a_child_run_under_its_hop_and_alone(waiting: Path) -> None:
    (run,) = runs(waiting)
    above = steady(choreo(waiting, "trace", run["id"]).stdout)
    assert "hop 1  part (reasoner) visit 1  <- handoff 1\n        | run RUN.1  count 1.0.0\n" in above
    assert "        |" in above
    assert "question 1  gate" in above
    alone = steady(choreo(waiting, "trace", f"{run['id']}.1").stdout)
    assert alone.startswith("run RUN.1  count 1.0.0\n")
    assert "|" not in alone
    told = json.loads(choreo(waiting, "trace", run["id"], "--json").stdout)
    assert [child["run"]["parent"] for child in told["children"]] == [run["id"]]
    assert choreo(waiting, "trace", run["id"], "--verify").returncode == 0


def test_a_limit_is_raised_at_the_run_above(waiting: Path) -> None:
    (run,) = runs(waiting)
    done = choreo(waiting, "resume", f"{run['id']}.1", "--limit", "hops=9")
    assert (done.returncode, "error[not-its-limit]" in done.stderr) == (2, True)
    assert f"choreo resume {run['id']} --limit hops=9" in done.stderr


def test_an_answer_from_another_process_reaches_a_child_run_in_play(tmp_path: Path) -> None:
    write(tmp_path, gate=True)
    (tmp_path / "slow.py").write_text(
        "import os, time\n"
        "def wait(x):\n"
        "    ends = time.monotonic() + 30\n"
        "    while not os.path.exists('answered') and time.monotonic() < ends:\n"
        "        time.sleep(0.02)\n"
        "    return x\n"
    )
    slow = {"kind": "reader", "does": "Wait", "service": {"python": "slow:wait"}, "emits": "thing@1.0.0"}
    both = {"kind": "reasoner", "set": "input.part", "accepts": {"type": "object"}, "emits": "thing@1.0.0"}
    handoffs = [
        {"from": "trigger", "to": ["part", "slow"]},
        {"from": ["part", "slow"], "to": "both"},
        {"from": "both", "to": "end"},
    ]
    outer(tmp_path, roles={"part": PART, "slow": slow, "both": both}, handoffs=handoffs)
    program = subprocess.Popen(
        [sys.executable, "-m", "choreo", "run", "outer.yaml", "--set", "n=1"],
        cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while not (tmp_path / ".choreo").exists() or not runs(tmp_path) or not runs(tmp_path)[0]["open_questions"]:
            assert program.poll() is None
        said = choreo(tmp_path, "review", f"{runs(tmp_path)[0]['id']}.1", "--approve", "--by", "ann")
        assert (said.returncode, "goes on with run" in said.stderr) == (0, True)
        (tmp_path / "answered").write_text("")
        out, _ = program.communicate(timeout=60)
    finally:
        program.kill()
    assert (program.returncode, json.loads(out)["n"]) == (0, 3)


def test_a_broken_sub_spec_is_told_once_in_its_own_file(tmp_path: Path) -> None:
    inner = write(tmp_path)
    inner.write_text(inner.read_text().replace('"kind": "reader"', '"kind": "raeder"'))
    outer(tmp_path)
    for paths in (("outer.yaml",), ("outer.yaml", "count.yaml"), (".",)):
        told = choreo(tmp_path, "validate", *paths, "--json")
        found = [problem for problem in json.loads(told.stdout) if problem["code"] == "bad-value"]
        assert (told.returncode, [problem["path"] for problem in found]) == (1, ["count.yaml"])
    assert choreo(tmp_path, "run", "outer.yaml", "--set", "n=1").returncode == 1
