"""Events to rows and back. `encode` gives each event one tuple of plain values; the hash chain runs over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from choreo.canonical import Payload
from choreo.trace import (
    Asked,
    Attempt,
    ChildRun,
    Decided,
    Delayed,
    EffectKey,
    Event,
    HandedOver,
    HopFinished,
    HopStarted,
    LimitsRaised,
    PlanChanged,
    Recalled,
    RunFinished,
    RunResumed,
    RunStarted,
    TimerFired,
    Verdict,
)

KINDS: dict[type[Struct], str] = {
    RunStarted: "started",
    RunResumed: "resumed",
    LimitsRaised: "limits",
    PlanChanged: "plan",
    RunFinished: "finished",
    HandedOver: "handoff",
    HopStarted: "hop",
    HopFinished: "hop-end",
    Asked: "asked",
    Decided: "decided",
    Delayed: "delayed",
    TimerFired: "timer",
    EffectKey: "key",
    ChildRun: "child",
    Recalled: "recalled",
    Attempt: "attempt",
}
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


def _in_chain(value: Any) -> Any:
    return value.digest if isinstance(value, Payload) else dict(value) if isinstance(value, Mapping) else str(value)


_LARGE = 1_000_000
_ENTRY = msgspec.json.Encoder(enc_hook=_in_chain, order="deterministic")


def link(chain: bytes, seq: int, event: Event | Attempt) -> bytes:
    """The next value of a run's hash chain. Payloads enter with their digests, the bytes of attempts as base64."""
    if isinstance(event, Attempt) and len(event.request) + len(event.response or b"") > _LARGE:
        return _link_large(chain, seq, event)
    return hashlib.sha256(chain + _ENTRY.encode((seq, KINDS[type(event)], event))).digest()


def _link_large(chain: bytes, seq: int, attempt: Attempt) -> bytes:
    """The same, with memory taken beforehand: the encoder crashes where it needs more and there is none."""
    kept = len(attempt.request) + len(attempt.response or b"")
    buffer = bytearray(kept * 4 // 3 + _LARGE + 6 * (len(attempt.message) + len(str(attempt.facts))))
    _ENTRY.encode_into((seq, KINDS[Attempt], attempt), buffer)
    link = hashlib.sha256(chain)
    link.update(buffer)
    return link.digest()


def agree(entries: Sequence[Event | Attempt], hops: int, end: tuple[str, str | None, str | None, str | None]) -> bool:
    """Whether the row of a run says what its events say: how many hops, and (status, outcome, code, digest of the
    result) at the end."""
    last: RunFinished | None = None
    for entry in entries:
        if isinstance(entry, RunFinished):
            last = entry
        elif isinstance(entry, LimitsRaised) or (isinstance(entry, RunResumed) and last is not None and last.stopped):
            last = None
    if last is None:
        ended = end[0] in ("running", "waiting")
    else:
        result = last.payload.digest if last.payload is not None else None
        ended = end == (last.status, last.outcome, last.code, result)
    return ended and hops == sum(1 for entry in entries if isinstance(entry, HopStarted))


def text(value: Any) -> str:
    """Compact JSON for a column."""
    return _COMPACT.encode(value) if value else _EMPTY.get(type(value)) or _COMPACT.encode(value)


def detail(value: Mapping[str, Any]) -> str:
    """The same of what `link` has encoded already: in a tenth of the time."""
    return _DETAIL.encode(value).decode()


_DETAIL = msgspec.json.Encoder(enc_hook=str)
_EMPTY: Mapping[type, str] = {dict: "{}", list: "[]", tuple: "[]"}


# -- verdicts and sources ------------------------------------------------------------------------


def verdict_columns(verdict: Verdict | None) -> tuple[str | None, str | None, str | None]:
    if verdict is None:
        return None, None, None
    found = text([list(item) for item in verdict.violations]) if verdict.violations else None
    return verdict.contract, verdict.digest, found


def _verdict_list(verdict: Verdict | None) -> list[Any] | None:
    return None if verdict is None else [verdict.contract, verdict.digest, verdict.violations]


def read_verdict(contract: str | None, digest: str | None, violations: str | None) -> Verdict | None:
    if contract is None or digest is None:
        return None
    found = tuple((pointer, sentence) for pointer, sentence in json.loads(violations)) if violations else ()
    return Verdict(contract, digest, found)


def sources_text(sources: tuple[tuple[str, int], ...]) -> str:
    if len(sources) == 1:
        return f"{sources[0][0]}:{sources[0][1]}"
    return " ".join(f"{kind}:{number}" for kind, number in sources)


def read_sources(written: str) -> tuple[tuple[str, int], ...]:
    pairs = (item.rsplit(":", 1) for item in written.split())
    return tuple((kind, int(number)) for kind, number in pairs)


# -- reading rows back ---------------------------------------------------------------------------

Fetch = Callable[[int | None], Payload | None]
Row = Mapping[str, Any]


def read_event(row: Row, payload: Fetch) -> Event:
    """An entry of the table `event`."""
    detail = json.loads(row["detail"])
    match row["kind"]:
        case "started":
            found = payload(row["payload"])
            verdict = detail.get("verdict")
            return RunStarted(
                row["at"],
                found if found is not None else Payload(b"null"),
                tuple(detail["defaults"]),
                Verdict(verdict[0], verdict[1], tuple((a, b) for a, b in verdict[2])) if verdict else None,
            )
        case "resumed":
            return RunResumed(row["at"], **detail)
        case "limits":
            return LimitsRaised(row["at"], detail["limits"], detail["by"])
        case "delayed":
            return Delayed(row["at"], detail["handoff"], detail["due"])
        case "timer":
            return TimerFired(row["at"], detail["handoff"])
        case "key":
            return EffectKey(row["at"], **detail)
        case "child":
            return ChildRun(row["at"], **detail)
        case "plan":
            return _read_plan(row["at"], detail)
        case "recalled":
            return Recalled(row["at"], **detail)
    return RunFinished(
        row["at"], detail["status"], detail["outcome"], payload(row["payload"]), detail["code"], detail["message"]
    )


def _read_plan(at: float, detail: Mapping[str, Any]) -> PlanChanged:
    places = {name: tuple((was, now) for was, now in detail[name]) for name in ("edges", "joins")}
    return PlanChanged(at, **{**detail, "changed": tuple(detail["changed"]), **places})


Detailed = (
    RunStarted
    | RunResumed
    | LimitsRaised
    | PlanChanged
    | Delayed
    | TimerFired
    | EffectKey
    | ChildRun
    | Recalled
    | RunFinished
)


def event_detail(event: Detailed) -> tuple[Payload | None, str]:
    """The payload and the `detail` column of an entry of the table `event`."""
    match event:
        case RunStarted():
            return event.payload, detail({"defaults": event.defaults, "verdict": _verdict_list(event.verdict)})
        case RunResumed():
            return None, detail({"owner": event.owner, **({"lived": event.lived} if event.lived else {})})
        case LimitsRaised():
            return None, detail({"limits": dict(event.limits), "by": event.by})
        case Delayed():
            return None, detail({"handoff": event.handoff, "due": event.due})
        case TimerFired():
            return None, detail({"handoff": event.handoff})
        case EffectKey():
            return None, detail({name: getattr(event, name) for name in EffectKey.__struct_fields__ if name != "at"})
        case ChildRun() | Recalled() | PlanChanged():
            return None, detail({name: getattr(event, name) for name in event.__struct_fields__ if name != "at"})
    told = {"status": event.status, "outcome": event.outcome, "code": event.code, "message": event.message}
    return event.payload, detail(told)


def read_hop(row: Row, payload: Fetch) -> list[tuple[int, Event]]:
    """A row of `hop`: its start, and its end where it has one."""
    given = payload(row["input"])
    events: list[tuple[int, Event]] = [
        (
            row["seq"],
            HopStarted(
                at=row["started"],
                hop=row["number"],
                role=row["role"],
                visit=row["visit"],
                handoff=row["handoff"],
                input=given if given is not None else Payload(b"null"),
                previous=payload(row["previous"]),
                feedback=payload(row["feedback"]),
                scope=row["scope"],
                effect=bool(row["effect"]),
            ),
        )
    ]
    if row["finished_seq"] is not None:
        events.append((row["finished_seq"], _read_end(row, payload)))
    return events


def _read_end(row: Row, payload: Fetch) -> HopFinished:
    return HopFinished(
        at=row["finished"],
        hop=row["number"],
        status=row["status"],
        output=payload(row["output"]),
        code=row["code"],
        message=row["message"],
        confidence=row["confidence"],
        confidence_source=row["confidence_source"],
        confidence_detail=json.loads(row["confidence_detail"]),
        cost=row["cost"],
        priced=bool(row["priced"]),
        seconds=row["seconds"],
        verdict=read_verdict(row["contract"], row["contract_digest"], row["violations"]),
    )


def read_handoff(row: Row, payload: Fetch) -> HandedOver:
    return HandedOver(
        at=row["at"],
        number=row["number"],
        edge=row["edge"],
        sources=read_sources(row["sources"]),
        target=row["target"],
        state=row["state"],
        payload=payload(row["payload"]),
        scope=row["scope"],
        verdict=read_verdict(row["contract"], row["contract_digest"], row["violations"]),
        blame=row["blame"],
        code=row["code"],
        message=row["message"],
        firing=row["firing"],
        join=row["joined"],
        of=row["arrival"],
        exempt=bool(row["exempt"]),
    )


def read_question(row: Row, payload: Fetch) -> list[tuple[int, Event]]:
    """A row of `decision`: the question, and the decision where it has been booked."""
    shown = payload(row["payload"])
    events: list[tuple[int, Event]] = [
        (
            row["seq"],
            Asked(
                at=row["asked"],
                question=row["number"],
                kind=row["kind"],
                touchpoint=row["touchpoint"],
                payload=shown if shown is not None else Payload(b"null"),
                handoff=row["handoff"],
                hop=row["hop"],
                due=row["due"],
                why=row["why"],
                scope=row["scope"],
            ),
        )
    ]
    if row["decided_seq"] is not None:
        events.append((row["decided_seq"], read_decision(row, payload)))
    return events


def read_decision(row: Row, payload: Fetch) -> Decided:
    return Decided(
        at=row["decided"] if row["decided"] is not None else row["answered"],
        question=row["number"],
        decision=row["decision"],
        shown=row["shown"],
        by=row["who"],
        payload=payload(row["edited"]),
        reason=row["reason"],
        seconds=row["seconds"],
    )


def read_attempt(row: Row, data: Callable[[int | None], bytes | None]) -> Attempt:
    return Attempt(
        kind=row["kind"],
        request=data(row["request"]) or b"",
        response=data(row["response"]),
        started=row["started"],
        seconds=row["seconds"],
        code=row["code"],
        message=row["message"],
        model=row["model"],
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        cost=row["cost"],
        finish=row["finish"],
        who=row["who"],
        facts=json.loads(row["facts"]),
    )
