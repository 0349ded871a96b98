"""When what was written becomes durable: each transaction by itself, or those of many runs together."""

from __future__ import annotations

import asyncio

from choreo.errors import StoreError
from choreo.store import driver
from choreo.store.files import Files


class Commits:
    """Every transaction is on disk, in a file that still has its name, when `commit` returns."""

    def __init__(self, connection: driver.Connection, files: Files | None = None) -> None:
        self._db = connection
        self.files = files

    def begin(self) -> None:
        self.must_be_ours()
        self._db.execute("BEGIN IMMEDIATE")

    def must_be_ours(self) -> None:
        """Raises StoreError in a forked child, and where the files are not those that were opened."""
        if self.files is not None:
            self.files.must_be_ours()
            self.files.check()

    def commit(self) -> None:
        self._db.execute("COMMIT")
        if self.files is not None:
            self.files.check()

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    async def settled(self) -> None:
        """Comes back when all that was committed before is on disk. Raises the driver's error where it is not."""


class GroupCommits(Commits):
    """The runs of one event loop share transactions: what is ready in one turn of the loop costs one sync.

    `commit` only closes a step; whoever must not go on before it is on disk awaits `settled`. Once a shared
    transaction could not be written nothing can be any more: some run is ahead of what is on disk.
    """

    def __init__(self, connection: driver.Connection, files: Files | None = None) -> None:
        super().__init__(connection, files)
        self._group: asyncio.Future[None] | None = None
        self._broken: Exception | None = None

    def begin(self) -> None:
        self._must_be_whole()
        if self._group is None:
            loop = asyncio.get_running_loop()
            super().begin()
            self._group = loop.create_future()
            loop.call_soon(self._end)
        self._db.execute("SAVEPOINT step")

    def commit(self) -> None:
        self._db.execute("RELEASE step")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK TO step")
            self._db.execute("RELEASE step")

    async def settled(self) -> None:
        if self._group is not None:
            await asyncio.shield(self._group)
        self._must_be_whole()

    def _must_be_whole(self) -> None:
        if isinstance(self._broken, StoreError):
            raise self._broken
        if self._broken is not None:
            raise driver.OperationalError(str(self._broken)) from self._broken

    def _end(self) -> None:
        group, self._group = self._group, None
        if group is None:
            return
        try:
            super().commit()
        except (driver.DatabaseError, StoreError) as error:
            super().rollback()
            self._broken = error
        group.set_result(None)
