"""Bytes that someone writes into the files of an open store are noticed before anything more is acknowledged."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keeping import START, at, new_run

from choreo.canonical import Payload
from choreo.errors import StoreError
from choreo.store import Store, driver
from choreo.store.writer import RunWriter
from choreo.trace import HopFinished, HopStarted

MANY = 40


def hop(number: int) -> tuple[HopStarted, HopFinished]:
    """A hop with a payload of some pages."""
    text = Payload.of({"text": f"{number} " * 5000})
    return HopStarted(1001.0, number, "a", number, 1, text), HopFinished(1002.0, number, "done", text)


def add(writer: RunWriter, number: int) -> None:
    writer.append(hop(number), status="running", at=1001.0)


def checkpoint(store: Store) -> None:
    store._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    store.files.check()  # as after any commit that brought one with it


@pytest.fixture(params=["log", "journal"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store in use, with a log beside it or without."""
    if request.param == "journal":
        monkeypatch.setattr(driver, "wal_is_safe", lambda: False)
    elif not driver.wal_is_safe():
        pytest.skip("this SQLite build keeps no log beside the store")
    opened = Store.open(at(tmp_path))
    yield opened
    opened.close()


def has_log(store: Store) -> bool:
    return store.path.with_name("trace.db-wal").exists()


def write_over(path: Path, data: bytes) -> None:
    """As `cp` does: the file stays the one that it was."""
    before = os.stat(path).st_ino
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(data)
    assert os.stat(path).st_ino == before


def an_earlier_copy(store: Store, writer: RunWriter) -> bytes:
    copy = store.path.with_name("copy.db")
    subprocess.run(
        [sys.executable, "-m", "choreo", "db", "backup", str(copy), "--db", str(store.path)],
        check=True,
        capture_output=True,
    )
    for number in range(1, MANY):
        add(writer, number)
    checkpoint(store)
    return copy.read_bytes()


def another_store(store: Store, writer: RunWriter) -> bytes:
    other = Store.open(store.path.with_name("other.db"))
    theirs = new_run(other, "theirs")
    for number in range(1, 2 * MANY):
        add(theirs, number)
    other.close()
    return store.path.with_name("other.db").read_bytes()


def garbage(store: Store, writer: RunWriter) -> bytes:
    return b"not a store" * 4000


def nothing(store: Store, writer: RunWriter) -> bytes:
    return b""


@pytest.mark.parametrize("given", [an_earlier_copy, another_store, garbage, nothing])
def test_a_store_that_is_written_over_ends_the_run_and_what_was_put_there_stays_as_it_is(
    store: Store, given: Callable[[Store, RunWriter], bytes]
) -> None:
    if given is another_store and not has_log(store):
        pytest.skip("without a log another store with more changes cannot be told from this one")
    writer = new_run(store, "r")
    data = given(store, writer)
    write_over(store.path, data)
    with pytest.raises(StoreError, match=r"trace\.db was overwritten while it was in use") as told:
        add(writer, 100)
    assert (told.value.exit_code, told.value.code) == (5, "store-replaced")
    for act in (lambda: add(writer, 101), lambda: new_run(store, "s"), lambda: writer.renew(1.0), writer.release):
        with pytest.raises(StoreError, match="was overwritten"):
            act()
    store.close()
    assert hashlib.sha256(store.path.read_bytes()).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("part", ["-wal", "-shm"])
@pytest.mark.parametrize("how", ["emptied", "zeroed", "as it was before"])
def test_a_log_or_its_index_that_is_written_over_ends_the_run(store: Store, part: str, how: str) -> None:
    if not has_log(store):
        pytest.skip("there is no log")
    path = store.path.with_name(store.path.name + part)
    writer = new_run(store, "r")
    early = path.read_bytes()
    for number in range(1, MANY):
        add(writer, number)
    store._db.execute("PRAGMA wal_checkpoint(RESTART)")  # the next log is another one
    add(writer, MANY)
    data = {"emptied": b"", "zeroed": bytes(path.stat().st_size), "as it was before": early}[how]
    with path.open("r+b") as file:
        if part == "-wal" or how == "emptied":
            file.truncate(0)
        file.write(data)
    if part == "-shm" and how == "zeroed":
        add(writer, 100)  # SQLite makes its index anew, from the log
        assert len(store.history(store.find("r"))) == len([START]) + 2 * (MANY + 1)
        return
    with pytest.raises(StoreError, match=rf"trace\.db{part} was overwritten|trace\.db-wal was overwritten"):
        add(writer, 100)


def test_a_log_that_is_put_back_to_an_earlier_moment_of_its_own_is_noticed(store: Store) -> None:
    if not has_log(store):
        pytest.skip("there is no log")
    path = store.path.with_name("trace.db-shm")
    writer = new_run(store, "r")
    early = path.read_bytes()
    add(writer, 1)
    with path.open("r+b") as file:
        file.write(early)
    with pytest.raises(StoreError, match=r"trace\.db-shm was overwritten"):
        add(writer, 2)


def test_what_other_processes_and_checkpoints_do_is_no_overwriting(store: Store) -> None:
    writer, acknowledged = new_run(store, "r"), 0
    other = Store.open(store.path)
    theirs = new_run(other, "s")
    for number in range(1, MANY):
        add(writer, number)
        add(theirs, number)
        kind = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")[number % 4]
        (store if number % 3 else other)._db.execute(f"PRAGMA wal_checkpoint({kind})")
        acknowledged += 2
    other.close()
    add(writer, MANY)
    assert acknowledged == 2 * (MANY - 1)
    assert len(store.history(store.find("r"))) == 1 + 2 * MANY
    assert store.verify(store.find("r"))
    assert store.verify(store.find("s"))


def test_a_new_date_alone_is_no_overwriting(store: Store) -> None:
    writer = new_run(store, "r")
    add(writer, 1)
    os.utime(store.path, (1, 1))
    shutil.copystat(store.path, store.path)
    add(writer, 2)
    assert store.verify(store.find("r"))


PLAYS_ON = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from choreo.store import Store
from test_overwritten_stores import add
from keeping import new_run
store = Store.open(Path({path!r}))
writer = new_run(store, "dead")
for number in range(1, 20):
    add(writer, number)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_after_a_crash_it_is_noticed_as_well(tmp_path: Path) -> None:
    if not driver.wal_is_safe():
        pytest.skip("there is no log")
    path = at(tmp_path)
    Store.open(path).close()
    data = path.read_bytes()
    program = PLAYS_ON.format(tests=str(Path(__file__).parent), path=str(path))
    died = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert died.returncode == -9, died.stderr
    assert path.with_name("trace.db-wal").stat().st_size
    store = Store.open(path)
    writer = new_run(store, "r")
    add(writer, 1)
    write_over(path, data)
    with pytest.raises(StoreError, match="was overwritten"):
        add(writer, 2)
    store.close()


LOOKS = """
import sys
from pathlib import Path
from choreo.store import Store
store = Store.open(Path(sys.argv[1]))
store.runs()
store.close()
"""


def test_a_second_store_of_one_process_takes_no_lock_from_the_first(tmp_path: Path) -> None:
    """A process that closes any handle to a file loses all its locks on it: then others may take the log away."""
    locks = Path("/proc/locks")
    if not locks.exists():
        pytest.skip("this system does not show its locks")
    first = Store.open(at(tmp_path))
    add(new_run(first, "r"), 1)

    def held() -> int:
        return locks.read_text().count(f":{os.stat(first.path).st_ino} ")

    before = held()
    second = Store.read(first.path)
    second.runs()
    second.close()
    assert held() == before > 0
    first.close()
