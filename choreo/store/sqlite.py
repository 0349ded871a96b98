"""The store as the rest of choreo sees it: runs created, taken up, answered and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from choreo.canonical import Payload, digest_of, encode
from choreo.errors import HeldError, StoreError, UsageError
from choreo.store import driver, place, rows
from choreo.store.births import NewRun, insert_run
from choreo.store.claims import Claim, find_claim
from choreo.store.commits import Commits, GroupCommits, Turn
from choreo.store.files import Files
from choreo.store.owner import is_alive, this_process
from choreo.store.records import COLUMNS, OpenQuestion, RunRecord, run_record
from choreo.store.remembered import Remembered, find_remembered, taken_from
from choreo.store.steps import Values
from choreo.store.writer import HopAttempt, RunWriter, played_beside, take
from choreo.trace import Asked, Attempt, Decided, Event, PlanChanged

Read = TypeVar("Read")


class Store:
    """One open store. `Store.open` may write (and makes the file); `Store.read` never does."""

    def __init__(self, connection: driver.Connection, path: Path) -> None:
        self._db = connection
        self.path, self.files = path, Files(path)
        self._commits = Commits(connection, self.files)

    @classmethod
    def open(cls, path: Path, *, make: bool = True) -> Store:
        opened = cls(place.open_for_writing(path, make=make), path)
        if not opened.files.contents.settled:
            try:
                opened._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except driver.DatabaseError as error:  # a full disk, or one that may only be read
                refused = opened._unwritten(error)
                opened.close()
                raise refused from error
        return opened

    @classmethod
    def read(cls, path: Path) -> Store:
        return cls(place.open_for_reading(path), path)

    def close(self) -> None:
        self._commits.close()
        if self.files.spoilt is not None:
            driver.abandon(self._db)
            return
        self._db.close()
        self.files.let_go()

    def share_commits(self, turn: Turn | None = None) -> None:
        """From now on the runs played in one event loop share transactions: see `RunWriter.settled`."""
        self._commits = GroupCommits(self._db, self.files, turn)

    async def turn(self) -> None:
        """Comes back when something can be written without waiting for the disk."""
        await self._commits.turn()

    async def settled(self) -> None:
        """Comes back when all that was written is on disk."""
        try:
            await self._commits.settled()
        except driver.DatabaseError as error:
            raise self._unwritten(error) from error

    # -- runs ----------------------------------------------------------------------------------------

    def create_run(self, run: NewRun, events: Sequence[Event], *, status: str, due: float | None = None) -> RunWriter:
        """Record a new run with its first events, owned by this process. Raises ClaimTaken."""
        writer = self.new_run(run, (), at_once=True)
        writer.append(events, status=status, at=run.at, due=due)
        return writer

    def new_run(self, run: NewRun, opening: Sequence[Event], *, at_once: bool = False) -> RunWriter:
        """What records a new run with the first that is appended: until then nothing of it is on disk. Its runner
        begins with the `opening`. Where it shares a transaction, whether its claims are taken is told once that is
        `settled`, unless `at_once`."""
        birth = partial(self._birth, run)
        return RunWriter(
            self._db, self._commits, run.id, chain=run.id.encode(), birth=birth, opening=opening, is_claimed=at_once
        )

    def _birth(self, run: NewRun, state: Values) -> int:
        self._keep_plan(run.plan, run.main, run.sources, run.at)
        return insert_run(self._db, run, this_process(), state)

    def keep_plan(self, plan: str, main: str, sources: Mapping[str, str], at: float) -> None:
        """Keep a plan that a run is about to go on with: see `PlanChanged`."""
        with self._writing():
            self._keep_plan(plan, main, sources, at)

    def _keep_plan(self, plan: str, main: str, sources: Mapping[str, str], at: float) -> None:
        if self._db.execute("SELECT 1 FROM plan WHERE digest=?", (plan,)).fetchone() is None:
            statement = "INSERT INTO plan(digest,spec,sources,created) VALUES(?,?,?,?)"
            self._db.execute(statement, (plan, main, encode(dict(sources)), at))

    def acquire(self, run: RunRecord, at: float) -> RunWriter:
        """Own a run that nobody owns, or whose owner is dead. Raises HeldError naming the living owner."""
        with self._writing():
            found = self._find("id=?", run.id)
            if found is None:
                raise UsageError("no-run", f"there is no run {run.id}")
            if self._is_played(found, at):
                raise HeldError("run-held", f"run {run.id} is being played by {found.owner}", "wait for it, or stop it")
            return take(self._db, self._commits, found.key, run.id, this_process(), at)

    def _is_played(self, run: RunRecord, at: float) -> bool:
        """Whether another process, or another store of this one, plays a run now."""
        if run.owner is None:
            return False
        if run.owner == this_process():
            return played_beside(self._db, self._commits, run.id)
        return is_alive(run.owner, run.until, at)

    def ask_to_stop(self, run: RunRecord, by: str) -> None:
        """Have the process that owns a run save and stop: it looks every second."""
        with self._writing():
            self._db.execute("UPDATE run SET stop=? WHERE key=? AND pid IS NOT NULL", (by, run.key))

    def find(self, name: str) -> RunRecord:
        """The run with this id, the only one whose id begins so, or the newest (`last`). Raises UsageError."""
        if name == "last":
            found = self.runs(limit=1)
        else:
            exact = self._find("id=?", name)
            begun = "id >= ? AND id < ?" + ("" if "." in name else " AND parent IS NULL")
            found = [exact] if exact else self._select(begun, (name, name + chr(0x10FFFF)), "LIMIT 3")
        if not found:
            raise UsageError("no-run", f"there is no run `{name}` in {self.path}", "see: choreo runs")
        if len(found) > 1:
            raise UsageError("ambiguous-run", f"more than one run begins with `{name}`", "give more of the id")
        return found[0]

    def runs(
        self,
        limit: int = 50,
        status: str | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        children: bool = False,
    ) -> list[RunRecord]:
        """Newest first, whatever the clock said; child runs only where they are asked for."""
        conditions, values = ["1=1" if children else "parent IS NULL"], []
        if status is not None:
            conditions.append("status=?")
            values.append(status)
        for key, value in (labels or {}).items():
            conditions.append("EXISTS (SELECT 1 FROM json_each(run.labels) j WHERE j.key=? AND j.value=?)")
            values += [key, value]
        return self._select(" AND ".join(conditions), tuple(values), "ORDER BY key DESC LIMIT ?", limit)

    def due(self, now: float) -> list[RunRecord]:
        """The runs whose time has come, earliest first; a child run counts for the run at its top."""
        tops = (self.top(run) for run in self._select("due<=?", (now,), "ORDER BY due, id"))
        return list({run.id: run for run in tops}.values())

    def next_due(self) -> float | None:
        """When the first run that waits comes due (UTC seconds); None where none does."""
        query = "SELECT MIN(due) AS due FROM run WHERE due IS NOT NULL"
        found = self._rows(query, ())[0]["due"]
        return None if found is None else float(found)

    def unfinished(self) -> list[RunRecord]:
        """The runs that are neither over nor stopped, oldest first."""
        return self._select("status IN ('running','waiting') AND parent IS NULL", (), "ORDER BY key")

    def lookup(self, run: str) -> RunRecord | None:
        """The run with exactly this id."""
        return self._find("id=?", run)

    def top(self, run: RunRecord) -> RunRecord:
        """The run at the top of the child runs that `run` belongs to; itself where it is no child run."""
        while run.parent is not None:
            run = self.find(run.parent)
        return run

    def below(self, run: str) -> list[RunRecord]:
        """The child runs of a run, theirs, and so on, in the order of their ids."""
        return self._select("id > ? AND id < ?", (run + ".", run + "/"), "ORDER BY id")

    def sources(self, run: RunRecord) -> tuple[str, dict[str, str]]:
        """The texts of the plan that the run keeps: (key of the spec itself, all texts by relative path)."""
        found = self._read(
            lambda: self._db.execute("SELECT spec, sources FROM plan WHERE digest=?", (run.plan,)).fetchone()
        )
        if found is None:
            raise StoreError("store-damaged", f"the plan of run {run.id} is missing", "restore a backup")
        return found[0], json.loads(found[1])

    def _find(self, condition: str, *values: Any) -> RunRecord | None:
        found = self._select(condition, values, "LIMIT 1")
        return found[0] if found else None

    def _select(self, condition: str, values: tuple[Any, ...], tail: str, *more: Any) -> list[RunRecord]:
        query = f"SELECT {COLUMNS} FROM run WHERE {condition} {tail}"  # noqa: S608 - no value enters the text
        return [run_record(row) for row in self._rows(query, (*values, *more))]

    def has_claims(self, scope: str) -> bool:
        """Whether anything was claimed in this scope."""
        return bool(self._rows("SELECT EXISTS(SELECT 1 FROM claim WHERE scope=?) AS found", (scope,))[0]["found"])

    def claim(self, name: tuple[str, str], now: float) -> Claim | None:
        """Who has claimed (scope, key): what may happen once over all runs."""
        return self._read(lambda: find_claim(self._db, name, now))

    def remembered(self, key: str) -> Remembered | None:
        """The newest answer of a role with `cache: true` to this question (`choreo.players.identity.asked`)."""
        return self._read(lambda: find_remembered(self._db, key))

    def taken(self, run: RunRecord) -> dict[int, tuple[str, str, int]]:
        """By hop: (`reused`, `receipt` or `cached`, run, hop) of the earlier hop whose output it took."""
        return self._read(lambda: taken_from(self._db, run.key))

    # -- answers -------------------------------------------------------------------------------------

    def record_answer(self, run: str, answer: Decided) -> None:
        """Keep a person's answer for whoever owns the run. The first one wins: HeldError for any other."""
        key = self.find(run).key
        with self._writing():
            edited = _payload_id(self._db, answer.payload)
            done = self._db.execute(
                "UPDATE decision SET answered=?,decision=?,shown=?,who=?,edited=?,reason=?,seconds=?"
                " WHERE run=? AND number=? AND decision IS NULL",
                (
                    answer.at,
                    answer.decision,
                    answer.shown,
                    answer.by,
                    edited,
                    answer.reason,
                    answer.seconds,
                    key,
                    answer.question,
                ),
            )
            if done.rowcount != 1:
                query = "SELECT decision, who FROM decision WHERE run=? AND number=?"
                row = self._db.execute(query, (key, answer.question)).fetchone()
                told = f"{row[0]} by {row[1]}" if row else "no such question"
                message = f"question {answer.question} of run {run} was already decided: {told}"
                raise HeldError("already-decided", message, f"see: choreo trace {run}")

    def answers(self, run: str) -> list[Decided]:
        """Recorded answers that the run has not taken in yet, oldest first."""
        query = (
            "SELECT d.* FROM decision d JOIN run ON run.key=d.run"
            " WHERE run.id=? AND d.decision IS NOT NULL AND d.decided_seq IS NULL ORDER BY d.answered"
        )
        fetch = self._fetcher({})
        return [rows.read_decision(row, fetch) for row in self._rows(query, (run,))]

    def open_questions(self, run: str) -> list[Asked]:
        """The questions of a run that nobody has answered, in their order."""
        query = "SELECT d.* FROM decision d JOIN run ON run.key=d.run WHERE run.id=? AND d.decision IS NULL"
        fetch = self._fetcher({})
        asked = [event for row in self._rows(query, (run,)) for _, event in rows.read_question(row, fetch)]
        return [event for event in asked if isinstance(event, Asked)]

    def count_questions(self) -> int:
        """How many questions are open in all runs."""
        return int(self._rows("SELECT COUNT(*) AS n FROM decision WHERE decision IS NULL", ())[0]["n"])

    def questions(self, limit: int) -> list[OpenQuestion]:
        """The open questions of all runs, oldest first."""
        query = (
            "SELECT run.id AS run, d.number AS question, run.spec, d.kind, d.touchpoint, d.scope, d.asked, d.due"
            " FROM decision d JOIN run ON run.key=d.run WHERE d.decision IS NULL ORDER BY d.asked LIMIT ?"
        )
        return [OpenQuestion(**row) for row in self._rows(query, (limit,))]

    # -- reading back --------------------------------------------------------------------------------

    def history(self, run: RunRecord, *, checked: bool = False) -> list[Event]:
        """Every event of the run, in order. `checked`, for who goes on with the run: raises StoreError where the bytes
        of a payload are not those that were written."""
        return [event for _, event in self.entries(run, checked=checked) if not isinstance(event, Attempt)]

    def version(self) -> int:
        """A number that changes when another process commits anything. Raises StoreError where the store is gone."""
        self.files.check()
        return int(self._read(lambda: self._db.execute("PRAGMA data_version").fetchone())[0])

    def added(self, run: RunRecord, after: int) -> list[Event]:
        """The events behind entry `after`, as far as the run had come when `run` was read, in order.

        Each table is read by itself, while the run may go on: `run.seq` is what makes one moment of them.
        """
        found = self.entries(run, after=after)
        return [event for seq, event in found if after < seq <= run.seq and not isinstance(event, Attempt)]

    def entries(
        self, run: RunRecord, *, attempts: bool = False, after: int = 0, checked: bool = False
    ) -> list[tuple[int, Event | Attempt]]:
        """(seq, entry) of everything recorded about a run, in order; attempts only where asked for. `after`: at least
        all behind that entry.

        Raises StoreError where a row is not what choreo writes.
        """
        try:
            return sorted(self._entries(run, attempts, after, checked), key=lambda item: item[0])
        except (ValueError, LookupError, TypeError) as error:
            message = f"{self.path}: a row of run {run.id} cannot be read ({type(error).__name__}: {error})"
            raise StoreError("store-damaged", message, "restore a backup") from error

    def _entries(self, run: RunRecord, attempts: bool, after: int, checked: bool) -> list[tuple[int, Event | Attempt]]:
        fetch = self._fetcher({}, checked=checked)
        found: list[tuple[int, Event | Attempt]] = []
        for row in self._of("event", run, "seq", after):
            found.append((row["seq"], rows.read_event(row, fetch)))
        for row in self._of("hop", run, "MAX(seq,COALESCE(finished_seq,0))", after):
            found.extend(rows.read_hop(row, fetch))
        for row in self._of("handoff", run, "seq", after):
            found.append((row["seq"], rows.read_handoff(row, fetch)))
        for row in self._of("decision", run, "MAX(seq,COALESCE(decided_seq,0))", after):
            found.extend(rows.read_question(row, fetch))
        if attempts:
            found.extend((row["seq"], attempt) for row, attempt in self._attempts(run))
        return found

    def attempts(self, run: RunRecord) -> list[HopAttempt]:
        """(hop, attempt) in the order in which they were made."""
        return [(row["hop"], attempt) for row, attempt in self._attempts(run)]

    def attempts_of(self, run: str) -> list[HopAttempt]:
        """`attempts`, by run id."""
        return self.attempts(self.find(run))

    def verify(self, run: RunRecord) -> bool:
        """Whether rows and payload bytes are what was written: recomputes every digest and the hash chain.

        What the run's own row repeats of its events, and the texts of its plan, are held against their digests, too.
        """
        chain = run.id.encode()
        try:
            found = self.entries(run, attempts=True)
            for seq, entry in found:
                chain = rows.link(chain, seq, entry)
            plans = {run.plan, *(entry.before for _, entry in found if isinstance(entry, PlanChanged))}
            whole = all(digest_of(encode(self.sources(replace(run, plan=plan))[1])) == plan for plan in plans)
        except (StoreError, ValueError):
            return False
        query = "SELECT chain, (SELECT digest FROM payload WHERE id=run.result) AS result FROM run WHERE key=?"
        [row] = self._rows(query, (run.key,))
        entries = [entry for _, entry in found]
        last = next((entry.plan for entry in reversed(entries) if isinstance(entry, PlanChanged)), run.plan)
        same = row["chain"] == chain and whole and last == run.plan
        return bool(same) and rows.agree(entries, run.hops, (run.status, run.outcome, run.code, row["result"]))

    def _attempts(self, run: RunRecord) -> list[tuple[rows.Row, Attempt]]:
        data = self._data
        found = [(row, rows.read_attempt(row, data)) for row in self._of("attempt", run)]
        return sorted(found, key=lambda item: item[0]["seq"])

    def _of(self, table: str, run: RunRecord, last: str = "", after: int = 0) -> list[rows.Row]:
        """The rows of a run; with `after` those whose `last` entry is a later one."""
        newer = f" AND {last}>{after:d}" if after else ""
        query = f"SELECT * FROM {table} WHERE run=?{newer}"  # noqa: S608 - literals of this module, and a number
        return self._rows(query, (run.key,))

    def _fetcher(self, known: dict[int, Payload], *, checked: bool = False) -> Callable[[int | None], Payload | None]:
        def fetch(number: int | None) -> Payload | None:
            if number is None:
                return None
            if number not in known:
                known[number] = Payload(self._data(number) or b"")
                if checked and known[number].digest != self._digest(number):
                    message = f"{self.path}: payload {number} is not what was written: its bytes have another digest"
                    raise StoreError("store-damaged", message, "restore a backup; see: choreo trace RUN --verify")
            return known[number]

        return fetch

    def _data(self, number: int | None) -> bytes | None:
        if number is None:
            return None
        row = self._read(lambda: self._db.execute("SELECT data FROM payload WHERE id=?", (number,)).fetchone())
        if row is None:
            raise StoreError("store-damaged", f"{self.path}: payload {number} is missing", "restore a backup")
        return bytes(row[0])

    def _digest(self, number: int) -> str:
        return str(self._rows("SELECT digest FROM payload WHERE id=?", (number,))[0]["digest"])

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[rows.Row]:
        def read() -> list[rows.Row]:
            cursor = self._db.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        return self._read(read)

    def _read(self, read: Callable[[], Read]) -> Read:
        self.files.must_be_ours()
        try:
            self._commits.catch_up()
            return read()
        except driver.DatabaseError as error:
            raise StoreError("store-unusable", f"{self.path}: {error}", "it was left as it is") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._commits.begin()
            try:
                yield
                self._commits.commit()
            except BaseException:
                self._commits.rollback()
                raise
        except driver.DatabaseError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: Exception) -> StoreError:
        help = "free the disk or the lock, or name another file with --db"
        return StoreError("store-write", f"{self.path} could not be written: {error} ({self.files.free()})", help)


def _payload_id(connection: driver.Connection, payload: Payload | None) -> int | None:
    if payload is None:
        return None
    connection.execute("INSERT OR IGNORE INTO payload(digest,data) VALUES(?,?)", (payload.digest, payload.data))
    return int(connection.execute("SELECT id FROM payload WHERE digest=?", (payload.digest,)).fetchone()[0])
