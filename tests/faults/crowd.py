"""One of many processes on one store, started by the tests: `crowd.py FOLDER play NAME RUNS | read | lock [SECONDS]`.

Each leaves a file with its name once it is ready; `stop` ends the reader, `unlock` the one that holds the lock.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

import choreo
from choreo.store import Store, driver


def play(folder: Path, name: str, runs: int) -> dict[str, object]:
    """Play that many runs; their results."""
    checked = choreo.load(str(folder / "spec.yaml"))
    (folder / name).touch()
    made = {}
    for number in range(runs):
        run = choreo.run(checked, {"n": number}, db=folder / "trace.db")
        made[run.id] = run.result
    return made


def read(folder: Path) -> dict[str, object]:
    """Read the newest run again and again: how often in all, how often while someone held the lock, the longest log."""
    looks = locked = longest = 0
    path, log = folder / "trace.db", folder / "trace.db-wal"
    while not (folder / "stop").exists():
        held = (folder / "lock").exists() and not (folder / "unlock").exists()
        store = Store.read(path)
        for run in store.runs(limit=1):
            if not store.entries(run, attempts=True):
                raise SystemExit(f"run {run.id} has no events")
        store.close()
        looks += 1
        locked += held and not (folder / "unlock").exists()
        with contextlib.suppress(FileNotFoundError):  # whoever closes the store last takes its log away
            longest = max(longest, log.stat().st_size)
        if locked > 3:
            (folder / "read").touch()
    return {"looks": looks, "locked": locked, "longest": longest}


def lock(folder: Path, seconds: float) -> dict[str, object]:
    """Hold the write lock until the file `unlock` is there, and at least so long."""
    connection = driver.connect(str(folder / "trace.db"))
    connection.execute("BEGIN IMMEDIATE")
    (folder / "lock").touch()
    began = time.monotonic()
    while not (folder / "unlock").exists() or time.monotonic() - began < seconds:
        time.sleep(0.01)
    connection.execute("ROLLBACK")
    connection.close()
    return {}


if __name__ == "__main__":
    here, what, *more = Path(sys.argv[1]), *sys.argv[2:]
    if what == "play":
        found = play(here, more[0], int(more[1]))
    else:
        found = read(here) if what == "read" else lock(here, float(more[0]) if more else 0.0)
    print(json.dumps(found))
