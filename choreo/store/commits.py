"""When what was written becomes durable: each transaction by itself, or those of many runs together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from choreo.errors import StoreError
from choreo.store import driver, steps
from choreo.store.files import Files
from choreo.store.steps import Step

Lost = Callable[[BaseException], None]
"""Told that a step that was to be written with others was not, and why."""
_MOST_KNOWN = 16_384


class Group:
    """Steps that are on disk together, and who waits for that."""

    __slots__ = ("_waiting", "is_over")

    def __init__(self) -> None:
        self.is_over = False
        self._waiting: list[asyncio.Future[None]] = []

    async def over(self) -> None:
        """Comes back when they are on disk, or lost."""
        if not self.is_over:
            waits = asyncio.get_running_loop().create_future()
            self._waiting.append(waits)
            await waits

    def end(self) -> None:
        self.is_over = True
        for waits in self._waiting:
            if not waits.done():
                waits.set_result(None)


class Turn(Protocol):
    """What processes that write to one store all the time take turns by. SQLite alone would have each of them look
    again and again whether the others are done, asleep between."""

    def take(self) -> None:
        """Wait for it."""

    def take_now(self) -> bool:
        """Have it if nobody else has."""

    def give(self) -> None:
        """Let the next have it. Nothing happens where it was not taken."""


class Commits:
    """Every transaction is on disk, in a file that still has its name, when `commit` returns."""

    def __init__(self, connection: driver.Connection, files: Files | None = None) -> None:
        self._db = connection
        self.files = files
        self._known: set[str] = set()
        """Digests of payloads that are surely in the store."""

    def begin(self) -> None:
        """Begin a transaction."""
        self.must_be_ours()
        self._db.execute("BEGIN IMMEDIATE")

    def must_be_ours(self) -> None:
        """Raises StoreError in a forked child, and where the files are not those that were opened."""
        if self.files is not None:
            self.files.must_be_ours()
            self.files.check_before()

    def commit(self) -> None:
        self._db.execute("COMMIT")
        if self.files is not None:
            self.files.check()

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def write(self, step: Step, lost: Lost) -> Group | None:
        """Take a step. Raises what `steps.write` raises; or returns what will be done once the step is on disk, or
        was `lost`."""
        del lost
        self.begin()
        try:
            self._add(step)
            self.commit()
        except BaseException:
            self.rollback()
            raise
        self._remember((step,))
        return None

    def _add(self, step: Step) -> None:
        steps.write(self._db, (step,), self._known)

    def _remember(self, written: tuple[Step, ...]) -> None:
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        for step in written:
            self._known.update(step.payloads)

    def catch_up(self) -> None:
        """What was taken so far can be read from the connection when this returns."""

    async def turn(self) -> None:
        """Comes back when a transaction can begin without waiting for the disk."""

    async def settled(self, since: Group | None = None) -> None:
        """Comes back when all that was committed before (or: what `since` stands for) is on disk.

        Raises the driver's error where it is not.
        """

    def close(self) -> None:
        """Wait for what is under way."""


class GroupCommits(Commits):
    """The runs of one event loop share transactions: what comes while one is on its way to disk makes up the next.

    `write` keeps a step for the next transaction, `commit` only closes a step; whoever must not go on before it is on
    disk awaits `settled`. The rows of a group are written in the loop's own thread, table by table; the wait for the
    disk is another thread's. Once a shared transaction could not be written nothing can be any more: some run is ahead
    of what is on disk.
    """

    def __init__(self, connection: driver.Connection, files: Files | None = None, turn: Turn | None = None) -> None:
        super().__init__(connection, files)
        self._turn = turn
        self._asked: Future[None] | None = None
        """For the turn to write, in the thread that waits for the disk."""
        self._has_turn = turn is None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="choreo-commit")
        self._waiting: list[tuple[Step, Lost]] = []
        self._group: Group | None = None
        self._under_way: tuple[Future[None], Group] | None = None
        self._broken: BaseException | None = None

    def write(self, step: Step, lost: Lost) -> Group | None:
        if step.asks_first:
            super().write(step, lost)
            return self._group
        self._must_be_whole()
        if self.files is not None:
            self.files.must_be_ours()
        self._waiting.append((step, lost))
        return self._gather()

    def must_be_ours(self) -> None:
        if self._under_way is None:
            super().must_be_ours()
        elif self.files is not None:  # what is in the files is changing: they are looked at once that is over
            self.files.must_be_ours()

    def begin(self) -> None:
        self.catch_up()
        self._gather()
        self._open()
        self._db.execute("SAVEPOINT step")

    def commit(self) -> None:
        self._db.execute("RELEASE step")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK TO step")
            self._db.execute("RELEASE step")
        else:  # a full disk ends the whole transaction, with all that others had in it
            self._broken = driver.OperationalError("a transaction that runs shared was lost")

    def catch_up(self) -> None:
        self._land()
        if self._waiting:
            self._write_waiting()

    def _land(self) -> None:
        self._must_be_whole()
        if self._under_way is not None:
            self._arrived(self._under_way)
            self._must_be_whole()

    async def turn(self) -> None:
        while self._under_way is not None:
            await self._under_way[1].over()
        self._must_be_whole()

    async def settled(self, since: Group | None = None) -> None:
        last = since or self._group or (self._under_way and self._under_way[1])
        if last is not None:
            await last.over()
        self._must_be_whole()

    def close(self) -> None:
        if self._under_way is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._arrived(self._under_way)
        self._disk.shutdown()
        if self._turn is not None:
            self._turn.give()

    def _must_be_whole(self) -> None:
        if isinstance(self._broken, StoreError):
            raise self._broken
        if self._broken is not None:
            raise driver.OperationalError(str(self._broken)) from self._broken

    def _gather(self) -> Group:
        if self._group is None:
            self._group = Group()
            if self._under_way is None:
                asyncio.get_running_loop().call_soon(self._send)
        return self._group

    def _open(self) -> None:
        if self._db.in_transaction:
            return
        self._take_turn()
        try:
            super().begin()
        except BaseException:
            self._give_turn()
            raise

    def _end(self) -> None:
        try:
            super().commit()
        finally:
            self._give_turn()

    # -- the turn, where other processes write, too ----------------------------------------------------

    def _may_write(self) -> bool:
        """Whether this process may write now. Where it may not, `_send` is called as soon as it may, and what comes
        meanwhile joins the group."""
        if self._turn is None or self._has_turn:
            return True
        if self._asked is None:
            if self._turn.take_now():
                self._has_turn = True
                return True
            loop = asyncio.get_running_loop()
            self._asked = self._disk.submit(self._turn.take)
            self._asked.add_done_callback(lambda _: _call(loop, self._send))
        return self._asked.done()

    def _take_turn(self) -> None:
        if self._turn is None or self._has_turn:
            return
        if self._asked is None:
            self._turn.take()
        else:
            self._asked.result()
        self._asked, self._has_turn = None, True

    def _give_turn(self) -> None:
        if self._turn is not None and self._has_turn:
            self._has_turn = False
            self._turn.give()

    # -- one group -----------------------------------------------------------------------------------

    def _write_waiting(self) -> None:
        """Write what waits. Where that fails each step is tried by itself, so that only those are lost that must be."""
        waiting, self._waiting = self._waiting, []
        self._open()
        self._db.execute("SAVEPOINT step")
        try:
            steps.write(self._db, [step for step, _ in waiting], self._known)
        except Exception as error:
            if not self._db.in_transaction:  # a full disk ends the whole transaction
                self._break(error)
                raise
            self.rollback()
            self._one_by_one(waiting)
        else:
            self.commit()
            self._remember(tuple(step for step, _ in waiting))

    def _one_by_one(self, waiting: list[tuple[Step, Lost]]) -> None:
        gone: dict[str, Exception] = {}
        for step, lost in waiting:
            if step.run in gone:  # it would follow what is not there
                lost(gone[step.run])
                continue
            self._db.execute("SAVEPOINT step")
            try:
                self._add(step)
            except Exception as error:
                if not self._db.in_transaction:
                    self._break(error)
                    raise
                self.rollback()
                gone[step.run] = error
                lost(error)
            else:
                self.commit()

    def _send(self) -> None:
        """Hand the group to the disk."""
        if self._group is None or self._under_way is not None:
            return
        if self._broken is not None:
            self._drop()
            return
        if not self._may_write():
            return
        try:
            if self._waiting:
                self._write_waiting()
            self._open()
        except Exception as error:
            self._break(error)
            self._drop()
            if not isinstance(error, (driver.DatabaseError, StoreError)):
                raise
            return
        loop, group = asyncio.get_running_loop(), self._group
        self._group = None
        self._under_way = sent = self._disk.submit(self._end), group
        sent[0].add_done_callback(lambda _: _call(loop, self._arrived, sent))

    def _arrived(self, sent: tuple[Future[None], Group]) -> None:
        """A group is on disk, or is lost with all that would follow. Waits for it where it is not there yet."""
        if self._under_way is not sent:
            return
        error = sent[0].exception()
        self._under_way = None
        if error is not None:
            self._break(error)
        sent[1].end()
        if self._group is not None:
            asyncio.get_running_loop().call_soon(self._send)
        if error is not None and not isinstance(error, (driver.DatabaseError, StoreError)):
            raise error

    def _drop(self) -> None:
        """A transaction was lost: what would follow it is lost, too."""
        waiting, self._waiting = self._waiting, []
        if self._broken is not None:
            for _, lost in waiting:
                lost(self._broken)
        if self._group is not None:
            self._group.end()
        self._group = None

    def _break(self, error: BaseException) -> None:
        super().rollback()
        self._give_turn()
        self._broken = error


def _call(loop: asyncio.AbstractEventLoop, work: Callable[..., None], *given: object) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(work, *given)
