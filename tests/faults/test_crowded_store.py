"""Many processes on one store, a lock that is held for long, and a reader: no error, nothing lost, no endless log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from command_line import choreo, end_group, ended, line_of, slow_spec, start, wait_until
from playing import HEAD
from relay import environment

from choreo.store import Store, driver

PROGRAM = Path(__file__).with_name("crowd.py")
BODY = """
roles:
  a: {kind: reader, does: it, set: {n: input.n + 1}, emits: any@1.0.0}
  b: {kind: reader, does: it, set: {n: input.n * 2}, accepts: any@^1, emits: any@1.0.0}
handoffs: [{from: trigger, to: a}, {from: a, to: b}, {from: b, to: end}]
"""
LOG = 128_000_000


def crowd(folder: Path, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), *map(str, args)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return json.loads(out)


def play_in_a_crowd(folder: Path, processes: int, runs: int, seconds: float) -> None:
    (folder / "spec.yaml").write_text(HEAD + BODY)
    Store.open(folder / "trace.db").close()
    locker = crowd(folder, "lock", seconds)
    wait_until((folder / "lock").exists, "the lock was taken")
    reader = crowd(folder, "read")
    players = [crowd(folder, "play", f"p{number}", runs) for number in range(processes)]
    for number in range(processes):
        wait_until((folder / f"p{number}").exists, "all want to write")
    if driver.wal_is_safe():
        wait_until((folder / "read").exists, "somebody read while the lock was held")
    (folder / "unlock").touch()
    made = [told(player) for player in players]
    (folder / "stop").touch()
    seen = told(reader)
    told(locker)
    assert seen["looks"] > 3
    assert seen["longest"] <= LOG
    store = Store.read(folder / "trace.db")
    kept = store.runs(limit=processes * runs + 1)
    assert {run.id for run in kept} == {name for one in made for name in one}
    assert len(kept) == processes * runs
    assert all(list(one.values()) == [{"n": 2 * (number + 1)} for number in range(runs)] for one in made)
    assert all(run.status == "done" and run.hops == 2 and store.verify(run) for run in kept)
    store.close()
    check = driver.connect(str(folder / "trace.db"))
    assert check.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    check.close()


def test_many_processes_lose_nothing_while_one_holds_the_lock_and_one_reads(tmp_path: Path) -> None:
    play_in_a_crowd(tmp_path, processes=4, runs=15, seconds=0.0)


def test_a_run_is_followed_to_its_end_while_many_others_are_played(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(HEAD + BODY)
    slow_spec(tmp_path)
    db = ("--db", "trace.db")
    player = start("run", "slow.yaml", "--set", "n=1", *db, cwd=tmp_path)
    wait_until((tmp_path / "slow.pid").exists, "the run is in play")
    run = json.loads(choreo("runs", "--json", *db, cwd=tmp_path).stdout)[0]["id"]
    following = start("trace", run, "--follow", "--json", *db, cwd=tmp_path)
    try:
        first = line_of(following)
        made = [told(one) for one in [crowd(tmp_path, "play", f"p{number}", 15) for number in range(3)]]
        log = tmp_path / "trace.db-wal"
        assert not log.exists() or log.stat().st_size <= LOG
        (tmp_path / "slow.go").touch()
        code, out, err = ended(following)
    finally:
        (tmp_path / "slow.go").touch()
        end_group(following)
    assert (code, ended(player)[0], len(err.splitlines())) == (0, 0, 2), err
    kept = json.loads(choreo("trace", run, "--json", *db, cwd=tmp_path).stdout)["events"]
    assert [json.loads(line) for line in (first + out).splitlines()] == kept
    assert sum(map(len, made)) == 45
