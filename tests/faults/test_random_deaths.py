"""Kill -9 after a drawn number of hops, again and again, while others play on the same store: nothing shown is lost."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

from command_line import CHOREO, choreo, wait_until
from playing import HEAD
from relay import environment

from choreo.store import Store
from choreo.trace import HopFinished

DEATHS, AT_ONCE, ROUNDS = 24, 4, 40
SPEC = f"""
roles:
  a: {{kind: reader, does: it, service: {{python: "work:more"}}, accepts: any@^1, emits: any@1.0.0}}
handoffs:
  - {{from: trigger, to: a}}
  - {{from: a, to: a, at_most: {ROUNDS - 1}}}
  - {{from: a, on: exhausted, to: end}}
limits: {{hops: 1000}}
"""
WORK = "def more(given):\n    return {'n': given['n'] + 1, 'text': 'x' * 3000}\n"


class Playing:
    """A process that plays one run; what it shows is read line by line."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [*CHOREO, "run", "spec.yaml", "--set", "n=0"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.run = self._line().removeprefix("run ")
        self.shown = 0

    def _line(self) -> str:
        if self.process.stderr is None:
            raise AssertionError("its standard error is no pipe")
        return self.process.stderr.readline().strip()

    def read(self, hops: int) -> None:
        """Until so many hops were shown, or the run is over."""
        while self.shown < hops and (line := self._line()):
            self.shown += line.startswith("✓ a")

    def stop_and_go_on(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.process.pid}/stat")
        if status.exists():
            wait_until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
        self.process.send_signal(signal.SIGCONT)

    def die(self) -> None:
        self.process.kill()
        self.read(sys.maxsize)  # what it had shown before
        self.process.communicate()


def hops_done(folder: Path) -> dict[str, int]:
    store = Store.read(folder / ".choreo" / "trace.db")
    try:
        histories = {run.id: store.history(run) for run in store.runs(limit=DEATHS)}
    finally:
        store.close()
    return {run: sum(isinstance(event, HopFinished) for event in events) for run, events in histories.items()}


def test_whatever_was_shown_is_on_record_and_every_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(HEAD + SPEC)
    (tmp_path / "work.py").write_text(WORK)
    seed = int(os.environ.get("CHOREO_SEED", "4"))
    print("CHOREO_SEED", seed)
    draw, dead = random.Random(seed), []
    while len(dead) < DEATHS:
        playing = [Playing(tmp_path) for _ in range(AT_ONCE)]
        for one in playing:
            one.read(draw.randrange(ROUNDS))
            if draw.random() < 0.3:
                one.stop_and_go_on()
                one.read(one.shown + 2)
        for one in draw.sample(playing, len(playing)):
            one.die()
        dead += playing
    kept = hops_done(tmp_path)
    assert all(kept[one.run] >= one.shown for one in dead), "a hop that was shown is not on record"
    done = choreo("resume", "--all", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "store-replaced" not in done.stderr
    store = Store.read(tmp_path / ".choreo" / "trace.db")
    for one in dead:
        record = store.find(one.run)
        ended = [event for event in store.history(record) if isinstance(event, HopFinished)]
        taken_up = sum(1 for event in store.history(record) if type(event).__name__ == "RunResumed")
        assert record.status == "done"
        assert len(ended) == ROUNDS
        assert taken_up <= 1
        assert store.verify(record)
    assert sum(one.shown for one in dead) >= DEATHS * 3, "hardly a hop was played: this proves nothing"
    assert store._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    store.close()
    assert not re.search("Traceback|bug", done.stderr)
