"""The hot path: a run that this process owns, and the one transaction per step that records it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from choreo.errors import HeldError, StoreError
from choreo.store import driver, rows
from choreo.store.claims import ClaimTaken
from choreo.store.commits import Commits, Group
from choreo.store.owner import LEASE, Owner
from choreo.store.steps import AnswerWaiting, Fenced, HopAttempt, Step, Values
from choreo.trace import Attempt, Event, HopFinished, HopStarted, RunFinished

__all__ = ["AnswerWaiting", "HopAttempt", "RunWriter", "take"]


Birth = Callable[[Values], int]
"""Writes the row of a new run as its first step leaves it (`STATE`), in the transaction that is open; the run's key."""


@dataclass(slots=True)
class Booked:
    """What a writer has added to its run: hops begun, known cost, and whether that is all of it."""

    hops: int = 0
    cost: float = 0.0
    priced: bool = True

    def add(self, more: Booked) -> None:
        self.hops += more.hops
        self.cost += more.cost
        self.priced = self.priced and more.priced


class RunWriter:
    """Appends to one run. Every `append` is one durable transaction, fenced by the run's epoch; the first one of a run
    with a `birth` makes the run.

    Raises HeldError when another process has taken the run over, StoreError when the disk says no. The
    event that ends the run lets it go in the same transaction.
    """

    def __init__(
        self,
        connection: driver.Connection,
        commits: Commits,
        run: str,
        *,
        key: int = 0,
        epoch: int = 1,
        seq: int = 0,
        chain: bytes,
        birth: Birth | None = None,
        opening: Sequence[Event] = (),
        is_claimed: bool = False,
    ) -> None:
        self.run = run
        self._db = connection
        self._commits = commits
        self._key = key
        self._epoch = epoch
        self._seq = seq
        self._chain = chain
        self._birth = birth
        self._is_claimed = is_claimed
        """Whether the first that is appended must not wait for others: it tells whether the run may be made."""
        self.opening = opening
        """How the run began, where its runner has yet to append that."""
        self._last: Group | None = None
        self._lost: StoreError | HeldError | ClaimTaken | None = None
        """Why a step that shared a transaction with others was not written: nothing can follow."""
        self.owned = True
        self.booked = Booked()
        _writers[_name(commits, run)] = self

    # -- one transaction -----------------------------------------------------------------------------

    def append(
        self,
        events: Sequence[Event],
        attempts: Iterable[HopAttempt] = (),
        *,
        status: str,
        at: float,
        due: float | None = None,
    ) -> None:
        """Record attempts, then events, in order. `status` is the run's status afterwards, `due` (UTC seconds) when
        the first thing in it comes due."""
        if self._lost is not None:
            raise self._lost
        seq, chain = self._seq, self._chain
        made = tuple(attempts)
        try:
            if self._birth is None and not self._key:
                self._must_be_born()
            state, added = self._state(events, made, status, at, due)
            step, lost = Step(self._key, self.run), self._lose
            if self._birth is None:
                self._fill(step, seq, events, made)
                step.book(state, self._epoch)
            else:
                lost = self._lose_birth
                step.asks_first = self._is_claimed
                step.make = partial(self._be_born, self._birth, state, seq, events, made)
            self._last = self._commits.write(step, lost)
            self._birth = None
            self.booked.add(added)
        except BaseException as error:
            self._seq, self._chain = seq, chain
            if isinstance(error, (driver.DatabaseError, Fenced)):
                raise self._why(error) from error
            raise
        self.owned = self.owned and RunFinished not in map(type, events)

    def _be_born(
        self,
        birth: Birth,
        state: Values,
        seq: int,
        events: Sequence[Event],
        attempts: Sequence[HopAttempt],
        step: Step,
    ) -> None:
        self._key = birth(state)
        step.start(self._key)
        self._fill(step, seq, events, attempts)

    def _must_be_born(self) -> None:
        """The step that makes the run may still wait for others."""
        self._commits.catch_up()
        if self._lost is not None:
            raise self._lost

    async def settled(self) -> None:
        """Comes back when all that was appended is on disk: at once, but where runs share transactions."""
        try:
            await self._commits.settled(self._last)
        except driver.DatabaseError as error:
            raise self._refused(error) from error
        if self._lost is not None:
            raise self._lost

    def _refused(self, error: BaseException) -> StoreError:
        help = "nothing that was acknowledged is lost; free the disk or the lock, then: choreo resume " + self.run
        files = self._commits.files
        where, free = ("the trace store", "") if files is None else (files.path, f" ({files.free()})")
        return StoreError("store-write", f"{where} could not be written: {error}{free}", help)

    def _state(
        self, events: Sequence[Event], attempts: Sequence[HopAttempt], status: str, at: float, due: float | None
    ) -> tuple[Values, Booked]:
        """What a step makes of the row of the run (`STATE`), and what it adds. The chain goes on with it."""
        added = Booked()
        for _, attempt in attempts:
            self._link(attempt)
        for event in events:
            self._link(event)
            if isinstance(event, HopStarted):
                added.hops += 1
            elif isinstance(event, HopFinished):
                added.cost += event.cost or 0.0
                added.priced = added.priced and event.priced
        sums = added.hops, added.cost, int(added.priced)
        return (self._seq, self._chain, status, at, *sums, at + LEASE, due), added

    def _fill(self, step: Step, seq: int, events: Sequence[Event], attempts: Sequence[HopAttempt]) -> None:
        """Put the rows of a step together that begins behind `seq`."""
        for number, (hop, attempt) in enumerate(attempts, seq + 1):
            step.attempt(number, hop, attempt)
        for number, event in enumerate(events, seq + len(attempts) + 1):
            step.event(number, event)

    def _link(self, entry: Event | Attempt) -> None:
        self._seq += 1
        self._chain = rows.link(self._chain, self._seq, entry)

    def _lose(self, error: BaseException) -> None:
        self._lost = self._why(error)

    def _lose_birth(self, error: BaseException) -> None:
        """The run is not there, and the key it had may be another's by now."""
        self._key, self.owned = 0, False
        self._lost = error if isinstance(error, ClaimTaken) else self._refused(error)

    def _why(self, error: BaseException) -> StoreError | HeldError:
        """A late write of a former owner may clash with the new owner's rows before the fence is reached."""
        if isinstance(error, Fenced):
            return self._taken_over()
        if isinstance(error, driver.IntegrityError):
            row = self._db.execute("SELECT epoch FROM run WHERE key=?", (self._key,)).fetchone()
            if row is not None and row[0] != self._epoch:
                return self._taken_over()
        return self._refused(error)

    def _taken_over(self) -> HeldError:
        self.owned = False
        return HeldError("taken-over", f"run {self.run} was taken over by another process", "see: choreo runs")

    def asked_to_stop(self) -> str | None:
        """Who has asked this process to save and stop (see `Store.ask_to_stop`), or None."""
        self._commits.must_be_ours()
        try:
            row = self._db.execute("SELECT stop FROM run WHERE key=?", (self._key,)).fetchone()
        except driver.DatabaseError as error:
            raise self._refused(error) from error
        return None if row is None else row[0]

    # -- the lease -----------------------------------------------------------------------------------

    def renew(self, at: float) -> None:
        """Say that this process is alive. Raises HeldError when the run was taken over."""
        if not self._key:
            return
        self._lease("UPDATE run SET until=? WHERE key=? AND epoch=?", (at + LEASE,))

    def release(self) -> None:
        """Let the run go, so that anyone may take it up at once. `until` stays: it tells how long it was played."""
        if self.owned and self._key:
            self.owned = False
            self._lease("UPDATE run SET pid=NULL,host=NULL,process=NULL WHERE key=? AND epoch=?", ())

    def _lease(self, statement: str, values: tuple[Any, ...]) -> None:
        try:
            self._commits.begin()
            try:
                done = self._db.execute(statement, (*values, self._key, self._epoch))
                self._commits.commit()
            except BaseException:
                self._commits.rollback()
                raise
        except driver.DatabaseError as error:
            raise self._refused(error) from error
        if done.rowcount != 1:
            raise self._taken_over()


def played_beside(connection: driver.Connection, commits: Commits, run: str) -> bool:
    """Whether a writer of this process, by another connection to the same store, owns a run."""
    writer = _writers.get(_name(commits, run))
    return writer is not None and writer.owned and writer._db is not connection


def _name(commits: Commits, run: str) -> tuple[object, str]:
    return commits.files.identity if commits.files is not None else None, run


_writers: weakref.WeakValueDictionary[tuple[object, str], RunWriter] = weakref.WeakValueDictionary()
"""The writers of this process that are still held by somebody, by store and run."""


def take(connection: driver.Connection, commits: Commits, key: int, run: str, owner: Owner, at: float) -> RunWriter:
    """Make this process the owner, in the transaction that is open. The caller has checked that it may."""
    row = connection.execute("SELECT epoch, seq, chain FROM run WHERE key=?", (key,)).fetchone()
    connection.execute(
        "UPDATE run SET epoch=?, pid=?, host=?, process=?, until=?, stop=NULL WHERE key=?",
        (row[0] + 1, owner.pid, owner.host, owner.process, at + LEASE, key),
    )
    return RunWriter(connection, commits, run, key=key, epoch=row[0] + 1, seq=row[1], chain=row[2])
