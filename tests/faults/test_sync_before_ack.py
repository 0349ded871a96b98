"""A line that says a hop is done is written only after the hop is on disk."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from building import anything, plan_of
from relay import environment, write_spec
from stage import Acts

from choreo.canonical import Payload
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.plan import plan_digest
from choreo.render.live import Live
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import NewRun, Store, driver
from choreo.trace import RunStarted

CHAIN = (
    {"from": "trigger", "to": "a"},
    {"from": "a", "to": ["b", "c"]},
    {"from": ["b", "c"], "to": "d"},
    {"from": "d", "to": "end"},
)


class Witness(io.StringIO):
    """A stream that looks, through a connection of its own, at what is on record when a line is written."""

    def __init__(self, store: Path, writing: Any) -> None:
        super().__init__()
        self._store = driver.connect(str(store), read_only=True)
        self._writing = writing
        self.seen: list[tuple[str, bool]] = []

    def write(self, text: str) -> int:
        found = re.match(r"[+✓] (\w+) ", text)
        if found:
            query = "SELECT COUNT(*) FROM hop WHERE role=? AND status='done'"
            on_record = self._store.execute(query, (found[1],)).fetchone()[0] == 1
            self.seen.append((found[1], on_record and not self._writing.in_transaction))
        return super().write(text)

    def close(self) -> None:
        self._store.close()
        super().close()


def test_a_second_reader_finds_each_hop_on_record_when_its_line_is_written(tmp_path: Path) -> None:
    import asyncio

    plan = plan_of(*CHAIN)
    store = Store.open(tmp_path / "trace.db")
    position, fact, sources = start(plan, "r"), RunStarted(1.0, Payload.of({})), {"s": ""}
    events = react(plan, position, fact, anything)
    writer = store.create_run(
        NewRun("r", ("s", "1"), plan_digest(sources), sources, at=1.0, main="s"), events, status="running"
    )
    stream = Witness(store.path, store._db)
    parts = Parts(plan, position, writer, store, anything, lambda _: Acts(lambda visit, record: {}))
    parts.watch = Live(stream).show
    end = asyncio.run(LocalRunner(parts).run())
    assert end is not None
    assert sorted(stream.seen) == [("a", True), ("b", True), ("c", True), ("d", True)]
    stream.close()
    store.close()


def test_a_commit_returns_only_after_the_disk_has_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "trace.db")
    pragmas = {
        name: store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode", "fullfsync")
    }
    store.close()
    assert pragmas == {"synchronous": 2, "journal_mode": "wal" if driver.wal_is_safe() else "delete", "fullfsync": 1}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_sees_a_sync_between_the_last_write_to_the_store_and_each_line(tmp_path: Path) -> None:
    write_spec(tmp_path, "a")
    log = tmp_path / "strace.log"
    calls = "write,pwrite64,fsync,fdatasync,sync_file_range"
    argv = ["strace", "-f", "-y", "-s", "60", "-e", f"trace={calls}", "-o", str(log), sys.executable, "-c", APPROVED]
    done = subprocess.run(
        argv, check=False, cwd=tmp_path, env=environment(CALLS=str(tmp_path / "calls")), capture_output=True, text=True
    )
    if "ptrace" in done.stderr.lower() and done.returncode:
        pytest.skip("this machine does not let one process trace another")
    assert done.returncode == 0, done.stderr
    lines, named, unsynced, synced = 0, 0, False, 0
    for call in log.read_text(errors="replace").splitlines():
        if re.search(r"\b(pwrite64|write)\(\d+<[^>]*trace\.db(-wal|-journal)?>", call):
            unsynced = True
        elif re.search(r"\b(fsync|fdatasync)\(\d+<[^>]*trace\.db(-wal|-journal)?>", call):
            unsynced, synced = False, synced + 1
        elif re.search(r"\bwrite\(2<[^>]*>, \"(\+|\\342\\234\\223) ", call):
            lines += 1
            assert not unsynced, f"shown before it was on disk: {call}"
        elif re.search(r"\bwrite\(2<[^>]*>, \"run [0-9]{8}", call):
            named += 1
            assert synced, "the run was named before it was on disk"
            assert not unsynced, "the run was named before it was on disk"
    assert named == 1
    assert lines == 8, "seven hops and a decision were shown"
    assert synced >= 8


APPROVED = """
import sys
from choreo import cli
from choreo.commands import playing
from choreo.gates.script import ScriptGate
make = playing.parts_for
def with_gate(*args, **named):
    parts = make(*args, **named)
    parts.gate = ScriptGate({"gate": ["approve"]})
    return parts
import choreo.commands.run as run
run.parts_for = with_gate
sys.argv = ["choreo", "run", "relay.yaml", "--set", 'path=["start"]']
cli.main()
"""
