"""Runs of one event loop may share transactions; who awaits `settled` finds what it wrote on disk."""

from __future__ import annotations

import asyncio

import pytest

from choreo.store import driver
from choreo.store.commits import GroupCommits


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
