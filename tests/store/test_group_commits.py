"""Runs of one event loop may share transactions; who awaits `settled` finds what it wrote on disk."""

from __future__ import annotations

import asyncio
import threading

import pytest
from keeping import START, new_run

from choreo.canonical import Payload
from choreo.errors import HeldError, StoreError
from choreo.store import NewRun, Store, driver
from choreo.store.claims import ClaimTaken
from choreo.store.commits import Commits, GroupCommits
from choreo.store.writer import RunWriter
from choreo.trace import RunFinished, RunResumed


@pytest.fixture
def commits(tmp_path):
    (tmp_path / "t.db").touch()
    connection = driver.connect(str(tmp_path / "t.db"))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT")
    yield connection, GroupCommits(connection)
    connection.close()


def on_disk(tmp_path) -> list[int]:
    other = driver.connect(str(tmp_path / "t.db"), read_only=True)
    found = [row[0] for row in other.execute("SELECT n FROM t ORDER BY n")]
    other.close()
    return found


def test_many_steps_of_one_turn_are_one_transaction(tmp_path, commits):
    connection, group = commits

    async def step(n: int) -> list[int]:
        group.begin()
        connection.execute("INSERT INTO t VALUES(?)", (n,))
        group.commit()
        before = on_disk(tmp_path)
        await group.settled()
        return before

    async def go() -> list[list[int]]:
        return list(await asyncio.gather(*(step(n) for n in range(5))))

    assert asyncio.run(go()) == [[]] * 5
    assert on_disk(tmp_path) == [0, 1, 2, 3, 4]


def test_a_step_that_fails_takes_nothing_else_with_it(tmp_path, commits):
    connection, group = commits

    async def go() -> None:
        for n in (1, 1, 2):
            group.begin()
            try:
                connection.execute("INSERT INTO t VALUES(?)", (n,))
            except driver.IntegrityError:
                group.rollback()
            else:
                group.commit()
        await group.settled()

    asyncio.run(go())
    assert on_disk(tmp_path) == [1, 2]


def test_a_commit_that_fails_is_told_to_all_who_wait_for_it(tmp_path, commits):
    connection, group = commits
    connection.execute("CREATE TABLE u (n INTEGER REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED)")
    connection.execute("PRAGMA foreign_keys=ON")

    async def go() -> list[object]:
        group.begin()
        connection.execute("INSERT INTO u VALUES(9)")
        group.commit()
        return list(await asyncio.gather(group.settled(), group.settled(), return_exceptions=True))

    told = asyncio.run(go())
    assert [type(one) for one in told] == [driver.OperationalError] * 2
    with pytest.raises(driver.OperationalError, match="FOREIGN KEY"):
        group.begin()
    assert connection.execute("SELECT count(*) FROM u").fetchone()[0] == 0


def test_steps_that_share_a_transaction_are_lost_one_by_one(tmp_path):
    """One run of three was taken over by another process: its steps are lost, those of the others are on disk."""
    store = Store.open(tmp_path / "t.db")
    store.share_commits()

    async def go() -> list[object]:
        writers = [new_run(store, name) for name in "abc"]
        await store.settled()
        other = Store.open(tmp_path / "t.db")
        take_over(other, "b")
        other.close()
        for writer in writers:
            writer.append((RunFinished(2.0, "done"),), status="done", at=2.0)
        return list(await asyncio.gather(*(writer.settled() for writer in writers), return_exceptions=True))

    told = asyncio.run(go())
    assert [type(one) for one in told] == [type(None), HeldError, type(None)]
    assert [store.find(name).status for name in "abc"] == ["done", "running", "done"]
    assert all(store.verify(store.find(name)) for name in "abc")
    store.close()


def take_over(store: Store, run: str) -> None:
    store._db.execute("UPDATE run SET epoch=epoch+1 WHERE id=?", (run,))


def test_what_comes_while_a_transaction_is_on_its_way_makes_up_the_next(tmp_path):
    store = Store.open(tmp_path / "t.db")
    store.share_commits()
    began, go_on = threading.Event(), threading.Event()
    commit = Commits.commit

    def slow(commits: Commits) -> None:
        began.set()
        go_on.wait(30)
        commit(commits)

    async def go() -> None:
        first = new_run(store, "a")
        second = new_run(store, "b")
        Commits.commit = slow  # type: ignore[method-assign]
        try:
            await asyncio.to_thread(began.wait, 30)
            for n in (2.0, 3.0):  # the loop is free, and so is who writes
                first.append((RunResumed(n, "x"),), status="running", at=n)
            second.append((RunResumed(2.0, "x"),), status="running", at=2.0)
            assert on_disk_events(tmp_path) == 0
        finally:
            go_on.set()
            await asyncio.gather(first.settled(), second.settled())
            Commits.commit = commit  # type: ignore[method-assign]

    asyncio.run(go())
    assert on_disk_events(tmp_path) == 5
    assert [len(store.history(store.find(name))) for name in "ab"] == [3, 2]
    store.close()


def unborn(store: Store, name: str, *claims: tuple[str, str]) -> RunWriter:
    """A run whose first step waits for those of others."""
    sources = {"s.yaml": "choreo: 1"}
    digest = Payload.of(sources).digest
    new = NewRun(name, ("s", "1.0.0"), digest, sources, at=1000.0, main="s.yaml", claims=claims)
    writer = store.new_run(new, ())
    writer.append((START,), status="running", at=1000.0)
    return writer


def test_runs_that_are_made_together_are_refused_each_for_itself(tmp_path):
    """The second of four has a claim that is the first one's, the third an id that is: neither is anyone's run."""
    store = Store.open(tmp_path / "t.db")
    store.share_commits()

    async def go() -> list[object]:
        writers = [unborn(store, "a", ("batch", "1")), unborn(store, "b", ("batch", "1")), unborn(store, "a")]
        with pytest.raises(ClaimTaken):
            writers[1].append((RunResumed(2.0, "x"),), status="running", at=2.0)
        writers.append(unborn(store, "d", ("batch", "2")))
        told = list(await asyncio.gather(*(writer.settled() for writer in writers), return_exceptions=True))
        for writer in writers:
            writer.release()
        return told

    told = asyncio.run(go())
    assert [type(one) for one in told] == [type(None), ClaimTaken, StoreError, type(None)]
    store.close()
    again = Store.open(tmp_path / "t.db")
    runs = again.runs()
    assert sorted(run.id for run in runs) == ["a", "d"]
    assert all(run.owner is None and again.verify(run) for run in runs)
    assert [len(again.history(run)) for run in runs] == [1, 1]
    again.close()


def test_nothing_is_written_behind_a_transaction_that_was_lost(tmp_path):
    store = Store.open(tmp_path / "t.db")
    store.share_commits()
    began, go_on = threading.Event(), threading.Event()
    commit = Commits.commit

    def fails(commits: Commits) -> None:
        began.set()
        go_on.wait(30)
        Commits.commit = commit  # type: ignore[method-assign]
        raise driver.OperationalError("disk I/O error")

    async def go() -> list[object]:
        first = unborn(store, "a")
        Commits.commit = fails  # type: ignore[method-assign]
        try:
            await asyncio.to_thread(began.wait, 30)
            second = unborn(store, "b")
        finally:
            go_on.set()
        return list(await asyncio.gather(first.settled(), second.settled(), return_exceptions=True))

    told = asyncio.run(go())
    assert [type(one) for one in told] == [StoreError, StoreError]
    store.close()
    again = Store.open(tmp_path / "t.db")
    assert again.runs() == []
    again.close()


def on_disk_events(tmp_path) -> int:
    other = driver.connect(str(tmp_path / "t.db"), read_only=True)
    found = int(other.execute("SELECT count(*) FROM event").fetchone()[0])
    other.close()
    return found
