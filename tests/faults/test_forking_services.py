"""A python service may fork: its workers neither use the store nor stop the run that they work for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import choreo
from playing import HEAD
from relay import environment

from choreo.store import Store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")

SPEC = """
roles:
  a: {kind: reader, does: it, service: {python: "work:shared"}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: a, at_most: 2}
  - {from: a, on: exhausted, to: end}
"""
WORK = """
import multiprocessing
import os
import signal
import warnings

warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of a fork where threads run

def square(number):
    return number * number

def shared(given):
    with multiprocessing.get_context("fork").Pool(2) as pool:  # told to end by SIGTERM
        found = sum(pool.map(square, [1, 2, 3]))
    for leave in (lambda: os._exit(0), lambda: os.kill(os.getpid(), signal.SIGTERM)):
        pid = os.fork()
        if pid == 0:
            leave()
        os.waitpid(pid, 0)
    return {"n": found}

def told_at_once(given):
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(3)
    os.kill(pid, signal.SIGTERM)  # before the child has done anything
    return {"n": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}

def comes_back(given):
    pid = os.fork()
    if pid == 0:
        print("said by a child")
        LEAVE
    return {"n": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(HEAD + SPEC)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def must_be_whole(folder: Path, runs: int) -> None:
    store = Store.read(folder / ".choreo" / "trace.db")
    found = store.runs()
    assert [(run.status, run.hops) for run in found] == [("done", 3)] * runs
    assert all(store.verify(run) for run in found)
    store.close()


def test_a_run_is_played_beside_the_workers_of_its_service(folder: Path) -> None:
    done = choreo("run", "spec.yaml", "--set", "n=1", cwd=folder)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"n": 14}), done.stderr
    must_be_whole(folder, 1)


def test_a_run_that_python_plays_is_not_stopped_either(folder: Path) -> None:
    program = "import choreo, sys\nprint(choreo.run('spec.yaml', {'n': 1}).result)\n"
    (folder / "plays.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "plays.py"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "{'n': 14}\n"), done.stderr


def test_workers_that_are_told_to_end_at_once_do_and_stop_no_run_of_a_batch(folder: Path) -> None:
    (folder / "spec.yaml").write_text(HEAD + SPEC.replace("work:shared", "work:told_at_once"))
    (folder / "cases.jsonl").write_text("".join(f'{{"n": {number}}}\n' for number in range(8)))
    done = choreo("batch", "spec.yaml", "cases.jsonl", "--parallel", "2", "--out", "results.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line)["result"] for line in (folder / "results.jsonl").read_text().splitlines()]
    assert results == [{"n": -signal.SIGTERM}] * 8
    must_be_whole(folder, 8)


@pytest.mark.parametrize(
    ("leave", "code", "said"),
    [
        ("return given", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('no more')", 1, "no more"),
        ("raise ValueError('a child is at fault')", 1, "ValueError: a child is at fault"),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_child_that_comes_back_from_the_service_ends_there(
    folder: Path, kind: str, leave: str, code: int, said: str
) -> None:
    """What follows in the thread that called is its parent's to do: it would call the service for other runs."""
    work = "import sys\n" + WORK.replace("def comes_back", f"{kind} comes_back").replace("LEAVE", leave)
    (folder / "work.py").write_text(work)
    (folder / "spec.yaml").write_text(HEAD + SPEC.replace("work:shared", "work:comes_back"))
    (folder / "cases.jsonl").write_text("".join(f'{{"n": {number}}}\n' for number in range(8)))
    done = choreo("batch", "spec.yaml", "cases.jsonl", "--parallel", "4", "--out", "results.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line)["result"] for line in (folder / "results.jsonl").read_text().splitlines()]
    assert results == [{"n": code}] * 8
    assert done.stderr.count("said by a child\n") == 24
    assert done.stderr.count(said) >= 24 or not said
    must_be_whole(folder, 8)
