"""What happens to the store's files while it is open is noticed before anything more is acknowledged."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keeping import START, at, new_run

from choreo.canonical import Payload
from choreo.errors import StoreError
from choreo.store import Store, driver
from choreo.store.writer import RunWriter
from choreo.trace import HopFinished, HopStarted

STARTED = HopStarted(1001.0, 1, "a", 1, 1, Payload.of({"x": 1}))
FINISHED = HopFinished(1002.0, 1, "done", Payload.of({"x": 2}))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(at(tmp_path))
    yield opened
    opened.close()


def needs_log() -> None:
    if not driver.wal_is_safe():
        pytest.skip("this SQLite build keeps no log beside the store")


def add(writer: RunWriter, event: object) -> None:
    writer.append((event,), status="running", at=1001.0)  # type: ignore[arg-type]


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def put_another_in_its_place(path: Path) -> None:
    shutil.copy(path, path.with_name("another"))
    path.with_name("another").replace(path)


@pytest.mark.parametrize("part", ["", "-wal", "-shm"])
@pytest.mark.parametrize("change", [Path.unlink, move, put_another_in_its_place])
def test_a_file_that_is_not_the_opened_one_any_more_ends_the_run(
    store: Store, change: Callable[[Path], None], part: str
) -> None:
    if part:
        needs_log()
    writer = new_run(store, "r")
    add(writer, STARTED)
    path = store.path.with_name(store.path.name + part)
    change(path)
    with pytest.raises(StoreError, match="was deleted, moved or replaced while it was in use") as told:
        add(writer, FINISHED)
    assert (told.value.exit_code, told.value.code) == (5, "store-replaced")
    assert str(path) in told.value.message
    with pytest.raises(StoreError):
        new_run(store, "s")


def test_runs_that_share_transactions_are_told_too(store: Store) -> None:
    store.share_commits()

    async def go() -> None:
        writer = new_run(store, "r")
        await writer.settled()
        store.path.unlink()
        add(writer, STARTED)
        await writer.settled()

    with pytest.raises(StoreError, match="was deleted, moved or replaced"):
        asyncio.run(go())


def test_a_file_that_was_put_back_holds_all_that_was_acknowledged(tmp_path: Path) -> None:
    store = Store.open(at(tmp_path))
    writer = new_run(store, "r")
    add(writer, STARTED)
    away = store.path.with_name("away")
    store.path.rename(away)
    with pytest.raises(StoreError):
        add(writer, FINISHED)
    store.close()
    away.rename(store.path)
    again = Store.open(at(tmp_path))
    kept = again.find("r")
    assert again.history(kept)[:2] == [START, STARTED]
    assert again.verify(kept)
    again.close()


@pytest.mark.parametrize("rest", ["-wal", "-journal"])
def test_no_second_store_is_made_where_the_log_of_the_first_is_left(tmp_path: Path, rest: str) -> None:
    path = at(tmp_path)
    path.parent.mkdir()
    left = path.with_name(path.name + rest)
    left.write_bytes(b"\x37\x7f\x06\x82 what a store has left behind")
    with pytest.raises(StoreError, match=f"is not there, but {left.name}") as told:
        Store.open(path)
    assert told.value.exit_code == 5
    assert [file.name for file in path.parent.iterdir()] == [left.name]
    assert left.read_bytes().endswith(b"left behind")
    left.write_bytes(b"")  # an empty one holds nothing
    Store.open(path).close()


def in_a_fork(act: Callable[[], object]) -> str:
    """What a forked child was told, or `nothing`."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn where threads run
        pid = os.fork()
    if pid == 0:
        try:
            act()
            told = "nothing"
        except BaseException as error:
            told = f"{getattr(error, 'code', type(error).__name__)}: {error}"
        os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


@pytest.mark.parametrize(
    "act",
    [
        lambda store, writer: add(writer, FINISHED),
        lambda store, writer: writer.renew(1005.0),
        lambda store, writer: writer.release(),
        lambda store, writer: writer.asked_to_stop(),
        lambda store, writer: store.find("r"),
        lambda store, writer: new_run(store, "s"),
    ],
)
def test_a_forked_child_is_kept_from_the_connection(store: Store, act: Callable[[Store, RunWriter], object]) -> None:
    writer = new_run(store, "r")
    add(writer, STARTED)
    said = in_a_fork(lambda: act(store, writer))
    assert said.startswith("store-forked: "), said
    assert f"was opened by process {os.getpid()}" in said
    add(writer, FINISHED)
    assert store.history(store.find("r")) == [START, STARTED, FINISHED]
    assert store.find("r").owner is not None


def test_a_forked_child_may_open_the_store_anew(store: Store) -> None:
    new_run(store, "r")

    def read_and_write() -> None:
        other = Store.open(store.path)
        other.find("r")
        new_run(other, "s")
        other.close()

    assert in_a_fork(read_and_write) == "nothing"
    assert {run.id for run in store.runs()} == {"r", "s"}


def test_another_thread_is_kept_from_the_connection(store: Store) -> None:
    writer = new_run(store, "r")
    told: list[BaseException] = []

    def add_from_here() -> None:
        try:
            add(writer, STARTED)
        except BaseException as error:
            told.append(error)

    thread = threading.Thread(target=add_from_here)
    thread.start()
    thread.join()
    assert "thread" in str(told[0])
    assert store.history(store.find("r")) == [START]
