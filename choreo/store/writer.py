"""The hot path: a run that this process owns, and the one transaction per step that records it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from choreo.canonical import Payload, digest_of
from choreo.errors import HeldError, StoreError
from choreo.store import driver, rows
from choreo.store.claims import take_claim
from choreo.store.commits import Commits
from choreo.store.owner import LEASE, Owner
from choreo.trace import (
    Asked,
    Attempt,
    Decided,
    EffectKey,
    Event,
    HandedOver,
    HopFinished,
    HopStarted,
    PlanChanged,
    RunFinished,
)

HopAttempt = tuple[int, Attempt]
"""An attempt with the number of its hop."""

_HOP = (
    "INSERT INTO hop(run,number,seq,started,role,visit,handoff,scope,input,previous,feedback,effect) "
    "VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"
)
_HOP_END = (
    "UPDATE hop SET finished_seq=?,finished=?,status=?,output=?,code=?,message=?,confidence=?,confidence_source=?,"
    "confidence_detail=?,cost=?,priced=?,seconds=?,contract=?,contract_digest=?,violations=? WHERE run=? AND number=?"
)
_HANDOFF = (
    "INSERT INTO handoff(run,number,seq,at,edge,sources,target,state,payload,scope,contract,contract_digest,violations,"
    "blame,code,message,firing,joined,arrival,exempt) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_ASKED = (
    "INSERT INTO decision(run,number,seq,asked,kind,touchpoint,payload,handoff,hop,due,why,scope) "
    "VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"
)
_DECIDED = (
    "UPDATE decision SET answered=COALESCE(answered,?),decision=?,shown=?,who=?,edited=?,reason=?,seconds=?,"
    "decided_seq=?,decided=? WHERE run=? AND number=? AND decided_seq IS NULL AND (decision IS NULL OR decision=?)"
)
_ATTEMPT = (
    "INSERT INTO attempt(run,hop,number,seq,kind,request,response,started,seconds,code,message,model,tokens_in,"
    "tokens_out,cost,finish,who,facts) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_EVENT = "INSERT INTO event(run,seq,kind,at,payload,detail) VALUES(?,?,?,?,?,?)"
_RUN = (
    "UPDATE run SET seq=?,chain=?,status=?,changed=?,hops=hops+?,cost=cost+?,priced=MIN(priced,?),until=?,due=? "
    "WHERE key=? AND epoch=?"
)
_RUN_END = "UPDATE run SET outcome=?,code=?,message=?,result=?,pid=NULL,host=NULL,process=NULL,until=NULL WHERE key=?"


class AnswerWaiting(Exception):
    """A person's answer is on record already, and another decision was about to be booked. Nothing was written."""


class RunWriter:
    """Appends to one run. Every `append` is one durable transaction, fenced by the run's epoch.

    Raises HeldError when another process has taken the run over, StoreError when the disk says no. The
    event that ends the run lets it go in the same transaction.
    """

    def __init__(
        self, connection: driver.Connection, commits: Commits, run: str, key: int, epoch: int, seq: int, chain: bytes
    ) -> None:
        self.run = run
        self._db = connection
        self._commits = commits
        self._key = key
        self._epoch = epoch
        self._seq = seq
        self._chain = chain
        self._known: dict[str, int] = {}
        self._attempts: dict[int, int] = {}
        self.owned = True

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
        seq, chain, known = self._seq, self._chain, dict(self._attempts)
        fresh: dict[str, int] = {}
        try:
            self._commits.begin()
            try:
                self._write(events, attempts, fresh)
                self._book_run(events, status, at, due)
                self._commits.commit()
            except BaseException:
                self._commits.rollback()
                raise
        except BaseException as error:
            self._seq, self._chain, self._attempts = seq, chain, known
            if isinstance(error, driver.DatabaseError):
                raise self._why(error) from error
            raise
        self._known.update(fresh)
        self.owned = self.owned and not any(isinstance(event, RunFinished) for event in events)
        if len(self._known) > 4096:
            self._known.clear()

    def append_within(self, events: Sequence[Event], *, status: str, at: float, due: float | None = None) -> None:
        """`append` inside the transaction that created the run."""
        self._write(events, (), self._known)
        self._book_run(events, status, at, due)

    async def settled(self) -> None:
        """Comes back when all that was appended is on disk: at once, but where runs share transactions."""
        try:
            await self._commits.settled()
        except driver.DatabaseError as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> StoreError:
        help = "nothing that was acknowledged is lost; free the disk or the lock, then: choreo resume " + self.run
        files = self._commits.files
        where, free = ("the trace store", "") if files is None else (files.path, f" ({files.free()})")
        return StoreError("store-write", f"{where} could not be written: {error}{free}", help)

    def _write(self, events: Sequence[Event], attempts: Iterable[HopAttempt], fresh: dict[str, int]) -> None:
        for hop, attempt in attempts:
            self._step(attempt)
            self._write_attempt(hop, attempt, fresh)
        for event in events:
            self._step(event)
            self._write_event(event, fresh)

    def _step(self, entry: Event | Attempt) -> None:
        self._seq += 1
        self._chain = rows.link(self._chain, self._seq, entry)

    def _book_run(self, events: Sequence[Event], status: str, at: float, due: float | None) -> None:
        hops = sum(1 for event in events if isinstance(event, HopStarted))
        ends = [event for event in events if isinstance(event, HopFinished)]
        cost = sum(event.cost or 0.0 for event in ends)
        priced = int(all(event.priced for event in ends))
        done = self._db.execute(
            _RUN, (self._seq, self._chain, status, at, hops, cost, priced, at + LEASE, due, self._key, self._epoch)
        )
        if done.rowcount != 1:
            raise self._taken_over()

    def _why(self, error: Exception) -> StoreError | HeldError:
        """A late write of a former owner may clash with the new owner's rows before the fence is reached."""
        if isinstance(error, driver.IntegrityError):
            row = self._db.execute("SELECT epoch FROM run WHERE key=?", (self._key,)).fetchone()
            if row is not None and row[0] != self._epoch:
                return self._taken_over()
        return self._refused(error)

    def _taken_over(self) -> HeldError:
        self.owned = False
        return HeldError("taken-over", f"run {self.run} was taken over by another process", "see: choreo runs")

    # -- rows ----------------------------------------------------------------------------------------

    def _payload(self, payload: Payload | None, fresh: dict[str, int]) -> int | None:
        return None if payload is None else self._bytes(payload.digest, payload.data, fresh)

    def _raw(self, data: bytes | None, fresh: dict[str, int]) -> int | None:
        return None if data is None else self._bytes(digest_of(data), data, fresh)

    def _bytes(self, digest: str, data: bytes, fresh: dict[str, int]) -> int:
        found = self._known.get(digest) or fresh.get(digest)
        if found is None:
            done = self._db.execute("INSERT OR IGNORE INTO payload(digest,data) VALUES(?,?)", (digest, data))
            found = int(
                done.lastrowid
                if done.rowcount == 1
                else self._db.execute("SELECT id FROM payload WHERE digest=?", (digest,)).fetchone()[0]
            )
            fresh[digest] = found
        return found

    def _write_attempt(self, hop: int, attempt: Attempt, fresh: dict[str, int]) -> None:
        number = self._attempts.get(hop)
        if number is None:
            query = "SELECT COALESCE(MAX(number),0) FROM attempt WHERE run=? AND hop=?"
            number = int(self._db.execute(query, (self._key, hop)).fetchone()[0])
        self._attempts[hop] = number + 1
        self._db.execute(
            _ATTEMPT,
            (
                self._key,
                hop,
                number + 1,
                self._seq,
                attempt.kind,
                self._raw(attempt.request, fresh),
                self._raw(attempt.response, fresh),
                attempt.started,
                attempt.seconds,
                attempt.code,
                attempt.message,
                attempt.model,
                attempt.tokens_in,
                attempt.tokens_out,
                attempt.cost,
                attempt.finish,
                attempt.who,
                rows.text(dict(attempt.facts)),
            ),
        )

    def _write_event(self, event: Event, fresh: dict[str, int]) -> None:
        match event:
            case HopStarted():
                self._write_hop(event, fresh)
            case HopFinished():
                self._write_hop_end(event, fresh)
            case HandedOver():
                self._write_handoff(event, fresh)
            case Asked():
                self._write_question(event, fresh)
            case Decided():
                self._write_decision(event, fresh)
            case _:
                payload, detail = rows.event_detail(event)
                kind = rows.KINDS[type(event)]
                found = self._payload(payload, fresh)
                self._db.execute(_EVENT, (self._key, self._seq, kind, event.at, found, detail))
                if isinstance(event, EffectKey) and (event.over or not event.run):
                    name, owner = (event.scope, event.key), (self._key, event.hop)
                    take_claim(self._db, name, owner, event.at, event.over)
                elif isinstance(event, PlanChanged):
                    now = (event.plan, event.version, self._key)
                    self._db.execute("UPDATE run SET plan=?, version=? WHERE key=?", now)
                elif isinstance(event, RunFinished):
                    end = (event.outcome, event.code, event.message, found, self._key)
                    self._db.execute(_RUN_END, end)

    def _write_hop(self, event: HopStarted, fresh: dict[str, int]) -> None:
        self._attempts[event.hop] = 0
        self._db.execute(
            _HOP,
            (
                self._key,
                event.hop,
                self._seq,
                event.at,
                event.role,
                event.visit,
                event.handoff,
                event.scope,
                self._payload(event.input, fresh),
                self._payload(event.previous, fresh),
                self._payload(event.feedback, fresh),
                event.effect,
            ),
        )

    def _write_hop_end(self, event: HopFinished, fresh: dict[str, int]) -> None:
        self._attempts.pop(event.hop, None)
        self._db.execute(
            _HOP_END,
            (
                self._seq,
                event.at,
                event.status,
                self._payload(event.output, fresh),
                event.code,
                event.message,
                event.confidence,
                event.confidence_source,
                rows.text(dict(event.confidence_detail)),
                event.cost,
                event.priced,
                event.seconds,
                *rows.verdict_columns(event.verdict),
                self._key,
                event.hop,
            ),
        )

    def _write_handoff(self, event: HandedOver, fresh: dict[str, int]) -> None:
        self._db.execute(
            _HANDOFF,
            (
                self._key,
                event.number,
                self._seq,
                event.at,
                event.edge,
                rows.sources_text(event.sources),
                event.target,
                event.state,
                self._payload(event.payload, fresh),
                event.scope,
                *rows.verdict_columns(event.verdict),
                event.blame,
                event.code,
                event.message,
                event.firing,
                event.join,
                event.of,
                event.exempt,
            ),
        )

    def _write_question(self, event: Asked, fresh: dict[str, int]) -> None:
        self._db.execute(
            _ASKED,
            (
                self._key,
                event.question,
                self._seq,
                event.at,
                event.kind,
                event.touchpoint,
                self._payload(event.payload, fresh),
                event.handoff,
                event.hop,
                event.due,
                event.why,
                event.scope,
            ),
        )

    def _write_decision(self, event: Decided, fresh: dict[str, int]) -> None:
        done = self._db.execute(
            _DECIDED,
            (
                event.at,
                event.decision,
                event.shown,
                event.by,
                self._payload(event.payload, fresh),
                event.reason,
                event.seconds,
                self._seq,
                event.at,
                self._key,
                event.question,
                event.decision,
            ),
        )
        if done.rowcount != 1:
            raise AnswerWaiting(event.question)

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
        self._lease("UPDATE run SET until=? WHERE key=? AND epoch=?", (at + LEASE,))

    def release(self) -> None:
        """Let the run go, so that anyone may take it up at once."""
        if self.owned:
            self._lease("UPDATE run SET pid=NULL,host=NULL,process=NULL,until=NULL WHERE key=? AND epoch=?", ())
            self.owned = False

    def _lease(self, statement: str, values: tuple[Any, ...]) -> None:
        self._commits.must_be_ours()
        try:
            done = self._db.execute(statement, (*values, self._key, self._epoch))
        except driver.DatabaseError as error:
            raise self._refused(error) from error
        if done.rowcount != 1:
            raise self._taken_over()


def take(connection: driver.Connection, commits: Commits, key: int, run: str, owner: Owner, at: float) -> RunWriter:
    """Make this process the owner, in the transaction that is open. The caller has checked that it may."""
    row = connection.execute("SELECT epoch, seq, chain FROM run WHERE key=?", (key,)).fetchone()
    connection.execute(
        "UPDATE run SET epoch=?, pid=?, host=?, process=?, until=?, stop=NULL WHERE key=?",
        (row[0] + 1, owner.pid, owner.host, owner.process, at + LEASE, key),
    )
    return RunWriter(connection, commits, run, key, row[0] + 1, row[1], row[2])
