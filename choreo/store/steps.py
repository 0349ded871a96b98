"""What one step of a run adds to the tables: events and attempts as rows, ready to be written with those of others.

Making the rows asks nothing of the database, so a step can be put together while another transaction is under way.
Rows name payloads by digest; the statements look their numbers up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from choreo.canonical import Payload, digest_of
from choreo.store import driver, rows
from choreo.store.claims import take_claim
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
Values = tuple[Any, ...]


def _by_digest(statement: str) -> str:
    """The statement, with a payload's number looked up by its digest wherever `@` stands."""
    return statement.replace("@", "(SELECT id FROM payload WHERE digest=?)")


_PAYLOAD = "INSERT OR IGNORE INTO payload(digest,data) VALUES(?,?)"
_BEGIN = "run,number,seq,started,role,visit,handoff,scope,input,previous,feedback,effect"
_END = (
    "finished_seq,finished,status,output,code,message,confidence,confidence_source,confidence_detail,cost,priced,"
    "seconds,contract,contract_digest,violations"
)
_HOP = _by_digest(f"INSERT INTO hop({_BEGIN}) VALUES(?,?,?,?,?,?,?,?,@,@,@,?)")
_HOP_WHOLE = _by_digest(
    f"INSERT INTO hop({_BEGIN},{_END}) VALUES(?,?,?,?,?,?,?,?,@,@,@,?,?,?,?,@,?,?,?,?,?,?,?,?,?,?,?)"
)
_HANDOFF = _by_digest(
    "INSERT INTO handoff(run,number,seq,at,edge,sources,target,state,payload,scope,contract,contract_digest,violations,"
    "blame,code,message,firing,joined,arrival,exempt) VALUES(?,?,?,?,?,?,?,?,@,?,?,?,?,?,?,?,?,?,?,?)"
)
_ASKED = _by_digest(
    "INSERT INTO decision(run,number,seq,asked,kind,touchpoint,payload,handoff,hop,due,why,scope) "
    "VALUES(?,?,?,?,?,?,@,?,?,?,?,?)"
)
_ATTEMPT = _by_digest(
    "INSERT INTO attempt(run,hop,number,seq,kind,request,response,started,seconds,code,message,model,tokens_in,"
    "tokens_out,cost,finish,who,facts) VALUES(?,?,(SELECT COALESCE(MAX(number),0)+1 FROM attempt WHERE run=? AND hop=?)"
    ",?,?,@,@,?,?,?,?,?,?,?,?,?,?,?)"
)
_EVENT = _by_digest("INSERT INTO event(run,seq,kind,at,payload,detail) VALUES(?,?,?,?,@,?)")
_HOP_END = _by_digest(
    f"UPDATE hop SET {_END.replace(',', '=?,').replace('output=?', 'output=@')}=? WHERE run=? AND number=?"  # noqa: S608
)
_DECIDED = _by_digest(
    "UPDATE decision SET answered=COALESCE(answered,?),decision=?,shown=?,who=?,edited=@,reason=?,seconds=?,"
    "decided_seq=?,decided=? WHERE run=? AND number=? AND decided_seq IS NULL AND (decision IS NULL OR decision=?)"
)
STATE = ("seq", "chain", "status", "changed", "hops", "cost", "priced", "until", "due")
"""What the row of a run says after a step; of hops, cost and priced what the step adds."""
_RUN = (
    "UPDATE run SET seq=?,chain=?,status=?,changed=?,hops=hops+?,cost=cost+?,priced=MIN(priced,?),until=?,due=? "
    "WHERE key=? AND epoch=?"
)
_RUN_END = _by_digest(
    "UPDATE run SET outcome=?,code=?,message=?,result=@,pid=NULL,host=NULL,process=NULL,until=NULL WHERE key=?"
)
_PLAN = "UPDATE run SET plan=?,version=? WHERE key=?"
_ORDER = (_HOP, _HOP_WHOLE, _HANDOFF, _ASKED, _ATTEMPT, _EVENT, _HOP_END, _DECIDED, _RUN, _RUN_END, _PLAN)


class AnswerWaiting(Exception):
    """A person's answer is on record already, and another decision was about to be booked. Nothing was written."""


class Fenced(Exception):
    """Another process owns a run by now that was about to be written to. Nothing may be kept of the transaction."""


class _Claim(NamedTuple):
    name: tuple[str, str]
    owner: tuple[int, int]
    at: float
    over: bool


class Step:
    """The rows of one step of the run with this key, in the order in which tables are written (`_ORDER`)."""

    __slots__ = ("_begun", "_key", "asks_first", "claims", "make", "payloads", "rows", "run")

    def __init__(self, key: int = 0, run: str = "") -> None:
        self.start(key)
        self.run = run
        self.asks_first = False
        """Whether what is on record decides if the step may be taken: it cannot wait for others."""
        self.make: Callable[[Step], None] | None = None
        """What puts the rows together, called in the transaction that they are written in: where the run itself is
        made there, no key is known before."""

    def start(self, key: int) -> None:
        """Begin the rows (anew: a transaction may be tried again), of the run with this key."""
        self._key = key
        self._begun: dict[int, int] = {}
        """Hops that begin in this step, to their rows: where one ends in it, too, it is written once."""
        self.payloads: dict[str, bytes] = {}
        self.rows: list[tuple[str, Values]] = []
        self.claims: list[_Claim] = []

    def book(self, state: Values, epoch: int) -> None:
        """What the row of the run says after the step (`STATE`), if the run is still ours."""
        self.rows.append((_RUN, (*state, self._key, epoch)))

    # -- one entry -----------------------------------------------------------------------------------

    def attempt(self, seq: int, hop: int, attempt: Attempt) -> None:
        self.rows.append(
            (
                _ATTEMPT,
                (
                    self._key,
                    hop,
                    self._key,
                    hop,
                    seq,
                    attempt.kind,
                    self._bytes(attempt.request),
                    self._bytes(attempt.response),
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
                    rows.detail(dict(attempt.facts)),
                ),
            )
        )

    def event(self, seq: int, event: Event) -> None:
        match event:
            case HopStarted():
                self._begun[event.hop] = len(self.rows)
                self.rows.append((_HOP, self._hop(seq, event)))
            case HopFinished():
                self._end_hop(seq, event)
            case HandedOver():
                self.rows.append((_HANDOFF, self._handoff(seq, event)))
            case Asked():
                self.rows.append((_ASKED, self._question(seq, event)))
            case Decided():
                self.asks_first = True
                self.rows.append((_DECIDED, self._decision(seq, event)))
            case _:
                payload, detail = rows.event_detail(event)
                found = self._payload(payload)
                self.rows.append((_EVENT, (self._key, seq, rows.KINDS[type(event)], event.at, found, detail)))
                if isinstance(event, RunFinished):
                    self.rows.append((_RUN_END, (event.outcome, event.code, event.message, found, self._key)))
                elif isinstance(event, PlanChanged):
                    self.rows.append((_PLAN, (event.plan, event.version, self._key)))
                elif isinstance(event, EffectKey) and (event.over or not event.run):
                    self.asks_first = True
                    self.claims.append(_Claim((event.scope, event.key), (self._key, event.hop), event.at, event.over))

    def _payload(self, payload: Payload | None) -> str | None:
        if payload is None:
            return None
        digest = payload.digest
        self.payloads[digest] = payload.data
        return digest

    def _bytes(self, data: bytes | None) -> str | None:
        if data is None:
            return None
        digest = digest_of(data)
        self.payloads[digest] = data
        return digest

    def _hop(self, seq: int, event: HopStarted) -> Values:
        return (
            self._key,
            event.hop,
            seq,
            event.at,
            event.role,
            event.visit,
            event.handoff,
            event.scope,
            self._payload(event.input),
            self._payload(event.previous),
            self._payload(event.feedback),
            event.effect,
        )

    def _end_hop(self, seq: int, event: HopFinished) -> None:
        end = (
            seq,
            event.at,
            event.status,
            self._payload(event.output),
            event.code,
            event.message,
            event.confidence,
            event.confidence_source,
            rows.text(event.confidence_detail and dict(event.confidence_detail)),
            event.cost,
            event.priced,
            event.seconds,
            *rows.verdict_columns(event.verdict),
        )
        place = self._begun.get(event.hop)
        if place is None:
            self.rows.append((_HOP_END, (*end, self._key, event.hop)))
        else:
            self.rows[place] = (_HOP_WHOLE, (*self.rows[place][1], *end))

    def _handoff(self, seq: int, event: HandedOver) -> Values:
        return (
            self._key,
            event.number,
            seq,
            event.at,
            event.edge,
            rows.sources_text(event.sources),
            event.target,
            event.state,
            self._payload(event.payload),
            event.scope,
            *rows.verdict_columns(event.verdict),
            event.blame,
            event.code,
            event.message,
            event.firing,
            event.join,
            event.of,
            event.exempt,
        )

    def _question(self, seq: int, event: Asked) -> Values:
        return (
            self._key,
            event.question,
            seq,
            event.at,
            event.kind,
            event.touchpoint,
            self._payload(event.payload),
            event.handoff,
            event.hop,
            event.due,
            event.why,
            event.scope,
        )

    def _decision(self, seq: int, event: Decided) -> Values:
        return (
            event.at,
            event.decision,
            event.shown,
            event.by,
            self._payload(event.payload),
            event.reason,
            event.seconds,
            seq,
            event.at,
            self._key,
            event.question,
            event.decision,
        )


def write(db: driver.Connection, steps: Sequence[Step], known: Collection[str] = ()) -> None:
    """Write steps within the open transaction, table by table. Payloads whose digests are `known` are there already.

    Raises Fenced, AnswerWaiting, ClaimTaken or the driver's error: then the transaction must not be committed.
    """
    for step in steps:
        if step.make is not None:
            step.make(step)
    payloads: dict[str, bytes] = {}
    tables: dict[str, list[Values]] = {statement: [] for statement in _ORDER}
    for step in steps:
        payloads.update(step.payloads)
        for statement, values in step.rows:
            tables[statement].append(values)
    fresh = [item for item in payloads.items() if item[0] not in known]
    if fresh:
        db.executemany(_PAYLOAD, fresh)
    for statement, values_of_rows in tables.items():
        if values_of_rows:
            done = _write_rows(db, statement, values_of_rows)
            if statement is _RUN and done != len(values_of_rows):
                raise Fenced
            if statement is _DECIDED and done != len(values_of_rows):
                raise AnswerWaiting
    for step in steps:
        for claim in step.claims:
            take_claim(db, claim.name, claim.owner, claim.at, claim.over)


def _write_rows(db: driver.Connection, statement: str, values: Sequence[Values]) -> int:
    """How many rows were written or changed."""
    return int(db.executemany(statement, values).rowcount)
