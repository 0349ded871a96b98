"""The store as the rest of choreo sees it: runs created, taken up, answered and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from choreo.canonical import Payload, digest_of, encode
from choreo.errors import HeldError, StoreError, UsageError
from choreo.store import driver, place, rows
from choreo.store.owner import Owner, is_alive, this_process
from choreo.store.writer import HopAttempt, RunWriter, take
from choreo.trace import Attempt, Decided, Event

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A row of the table `run`. Times are UTC seconds; `cost` counts known prices only (see `priced`)."""

    key: int
    id: str
    spec: str
    version: str
    plan: str
    status: str
    created: float
    changed: float
    outcome: str | None
    code: str | None
    message: str | None
    hops: int
    cost: float
    priced: bool
    labels: Mapping[str, str]
    settings: Mapping[str, Any]
    owner: Owner | None
    until: float
    open_questions: int = 0


_COLUMNS = (
    "key,id,spec,version,plan,status,created,changed,outcome,code,message,hops,cost,priced,labels,settings,"
    "pid,host,process,until,"
    "(SELECT COUNT(*) FROM decision d WHERE d.run=run.key AND d.decision IS NULL) AS open_questions"
)


class Store:
    """One open store. `Store.open` may write (and makes the file); `Store.read` never does."""

    def __init__(self, connection: driver.Connection, path: Path) -> None:
        self._db = connection
        self._plans: set[str] = set()
        """Digests of plans that are known to be in the store."""
        self.path = path

    @classmethod
    def open(cls, path: Path, *, make: bool = True) -> Store:
        return cls(place.open_for_writing(path, make=make), path)

    @classmethod
    def read(cls, path: Path) -> Store:
        return cls(place.open_for_reading(path), path)

    def close(self) -> None:
        self._db.close()

    # -- runs ----------------------------------------------------------------------------------------

    def create_run(
        self,
        run: str,
        spec: tuple[str, str],
        plan: str,
        sources: Mapping[str, str],
        events: Sequence[Event],
        *,
        status: str,
        at: float,
        main: str,
        labels: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> RunWriter:
        """Record a new run with its first events, owned by this process. `spec` is (name, version), `main`
        the key of the spec's own text in `sources`."""
        with self._writing():
            if plan not in self._plans:
                self._db.execute(
                    "INSERT OR IGNORE INTO plan(digest,spec,sources,created) VALUES(?,?,?,?)",
                    (plan, main, encode(dict(sources)), at),
                )
            owner, told = this_process(), (rows.text(labels or {}), rows.text(settings or {}))
            done = self._db.execute(
                "INSERT INTO run(id,spec,version,plan,status,created,changed,labels,settings,"
                "chain,pid,host,process,epoch)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,1)",
                (run, *spec, plan, status, at, at, *told, run.encode(), owner.pid, owner.host, owner.process),
            )
            writer = RunWriter(self._db, run, int(done.lastrowid), 1, 0, run.encode())
            writer.append_within(events, status=status, at=at)
        self._plans.add(plan)
        return writer

    def acquire(self, run: RunRecord, at: float) -> RunWriter:
        """Own a run that nobody owns, or whose owner is dead. Raises HeldError naming the living owner."""
        with self._writing():
            found = self._find("id=?", run.id)
            if found is None:
                raise UsageError("no-run", f"there is no run {run.id}")
            if found.owner is not None and found.owner != this_process() and is_alive(found.owner, found.until, at):
                raise HeldError("run-held", f"run {run.id} is being played by {found.owner}", "wait for it, or stop it")
            return take(self._db, found.key, run.id, this_process(), at)

    def find(self, name: str) -> RunRecord:
        """The run with this id, the only one whose id begins so, or the newest (`last`). Raises UsageError."""
        if name == "last":
            found = self.runs(limit=1)
        else:
            exact = self._find("id=?", name)
            found = [exact] if exact else self._select("substr(id,1,?)=?", (len(name), name), "LIMIT 3")
        if not found:
            raise UsageError("no-run", f"there is no run `{name}` in {self.path}", "see: choreo runs")
        if len(found) > 1:
            raise UsageError("ambiguous-run", f"more than one run begins with `{name}`", "give more of the id")
        return found[0]

    def runs(
        self, limit: int = 50, status: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[RunRecord]:
        """Newest first."""
        conditions, values = ["1=1"], []
        if status is not None:
            conditions.append("status=?")
            values.append(status)
        for key, value in (labels or {}).items():
            conditions.append("EXISTS (SELECT 1 FROM json_each(run.labels) j WHERE j.key=? AND j.value=?)")
            values += [key, value]
        return self._select(" AND ".join(conditions), tuple(values), "ORDER BY id DESC LIMIT ?", limit)

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
        query = f"SELECT {_COLUMNS} FROM run WHERE {condition} {tail}"  # noqa: S608 - no value enters the text
        return [_run_record(row) for row in self._rows(query, (*values, *more))]

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

    # -- reading back --------------------------------------------------------------------------------

    def history(self, run: RunRecord) -> list[Event]:
        """Every event of the run, in order."""
        return [event for _, event in self.entries(run) if not isinstance(event, Attempt)]

    def entries(self, run: RunRecord, *, attempts: bool = False) -> list[tuple[int, Event | Attempt]]:
        """(seq, entry) of everything recorded about a run, in order; attempts only where asked for.

        Raises StoreError where a row is not what choreo writes.
        """
        try:
            return sorted(self._entries(run, attempts), key=lambda item: item[0])
        except (ValueError, LookupError, TypeError) as error:
            message = f"{self.path}: a row of run {run.id} cannot be read ({type(error).__name__}: {error})"
            raise StoreError("store-damaged", message, "restore a backup") from error

    def _entries(self, run: RunRecord, attempts: bool) -> list[tuple[int, Event | Attempt]]:
        fetch = self._fetcher({})
        found: list[tuple[int, Event | Attempt]] = []
        for row in self._of("event", run):
            found.append((row["seq"], rows.read_event(row, fetch)))
        for row in self._of("hop", run):
            found.extend(rows.read_hop(row, fetch))
        for row in self._of("handoff", run):
            found.append((row["seq"], rows.read_handoff(row, fetch)))
        for row in self._of("decision", run):
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
            _, sources = self.sources(run)
        except (StoreError, ValueError):
            return False
        row = self._read(lambda: self._db.execute("SELECT chain FROM run WHERE key=?", (run.key,)).fetchone())
        same = row[0] == chain and digest_of(encode(sources)) == run.plan
        end = (run.status, run.outcome, run.code)
        return bool(same) and rows.agree([entry for _, entry in found], run.hops, end)

    def _attempts(self, run: RunRecord) -> list[tuple[rows.Row, Attempt]]:
        data = self._data
        found = [(row, rows.read_attempt(row, data)) for row in self._of("attempt", run)]
        return sorted(found, key=lambda item: item[0]["seq"])

    def _of(self, table: str, run: RunRecord) -> list[rows.Row]:
        return self._rows(f"SELECT * FROM {table} WHERE run=?", (run.key,))  # noqa: S608 - a literal of this module

    def _fetcher(self, known: dict[int, Payload]) -> Callable[[int | None], Payload | None]:
        def fetch(number: int | None) -> Payload | None:
            if number is None:
                return None
            if number not in known:
                known[number] = Payload(self._data(number) or b"")
            return known[number]

        return fetch

    def _data(self, number: int | None) -> bytes | None:
        if number is None:
            return None
        row = self._read(lambda: self._db.execute("SELECT data FROM payload WHERE id=?", (number,)).fetchone())
        if row is None:
            raise StoreError("store-damaged", f"{self.path}: payload {number} is missing", "restore a backup")
        return bytes(row[0])

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[rows.Row]:
        def read() -> list[rows.Row]:
            cursor = self._db.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        return self._read(read)

    def _read(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except driver.DatabaseError as error:
            raise StoreError("store-unusable", f"{self.path}: {error}", "it was left as it is") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except driver.DatabaseError as error:
            help = "free the disk or the lock, or name another file with --db"
            raise StoreError("store-write", f"{self.path} could not be written: {error}", help) from error


def _payload_id(connection: driver.Connection, payload: Payload | None) -> int | None:
    if payload is None:
        return None
    connection.execute("INSERT OR IGNORE INTO payload(digest,data) VALUES(?,?)", (payload.digest, payload.data))
    return int(connection.execute("SELECT id FROM payload WHERE digest=?", (payload.digest,)).fetchone()[0])


def _run_record(row: rows.Row) -> RunRecord:
    kept = dict(row)
    pid, host, process = kept.pop("pid"), kept.pop("host"), kept.pop("process")
    kept["owner"] = Owner(pid, host, process or "") if pid is not None else None
    kept["until"] = kept["until"] or 0.0
    kept["priced"] = bool(kept["priced"])
    kept["labels"], kept["settings"] = json.loads(kept["labels"]), json.loads(kept["settings"])
    return RunRecord(**kept)
