"""A run's trace as text: the course of it in one screen, or one hop with every byte it had."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from choreo.canonical import Payload
from choreo.engine.limits import hops_in_words
from choreo.plan import Plan
from choreo.render.lanes import Opened, by_lane, events_of, lane_lines, scopes_of
from choreo.render.text import gutter, one_line, safe_text, utc
from choreo.store import RunRecord
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

_SHORT = 96
_UNDER = "        | "
_CHILD = {"playing": "goes on", "waiting": "waits", "limit": "has nothing left to spend", "over": "is over"}


def render_course(
    record: RunRecord,
    plan: Plan | None,
    events: Sequence[Event],
    below: Mapping[int, str] | None = None,
    since: float | None = None,
    taken: Mapping[int, tuple[str, str, int]] | None = None,
    lane: str = "",
) -> str:
    """The course of a run: every visit, handoff and decision in order, one or two lines each.

    `below` are the courses of child runs by the hop they play; each is set in under the start of its hop. `since`
    (UTC seconds) is what the times count from: the first event of the run, unless told otherwise. `taken`: by hop
    (kind, run, hop) of the earlier hop that its output was taken from. What happened in lanes stands together, where
    they were opened; `lane`: only what happened in this one.
    """
    first = since if since is not None else events[0].at if events else record.created
    roles = {event.hop: event.role for event in events if isinstance(event, HopStarted)}
    scopes = scopes_of(events)

    def tell(part: Sequence[Event], outer: str) -> list[str]:
        lines: list[str] = []
        for entry in by_lane(part, scopes, outer):
            event = entry.event if isinstance(entry, Opened) else entry
            lines.extend(_event(event, first, roles, plan))
            if taken and isinstance(event, HopFinished) and event.hop in taken:
                lines.append(f"{'':12}{taken_told(*taken[event.hop])}")
            if below and isinstance(event, HopStarted) and event.hop in below:
                lines.extend(_UNDER + line for line in below[event.hop].splitlines() if line)
            if isinstance(entry, Opened):
                lines.extend(lane_lines(entry, scopes, tell))
        return lines

    shown = events_of(lane, events, scopes) if lane else events
    return "\n".join([*_head(record), "", *tell(shown, lane)]) + "\n"


def _head(record: RunRecord) -> list[str]:
    created = utc(record.created)
    cost = f"{record.cost:.4f}" + ("" if record.priced else " (some prices unknown)")
    labels = "  ".join(f"{key}={value}" for key, value in record.labels.items())
    lines = [
        f"run {record.id}  {safe_text(record.spec)} {safe_text(record.version)}",
        f"{record.status}"
        + (f" ({record.outcome})" if record.outcome and record.outcome != record.status else "")
        + f"  {created}  {hops_in_words(record.hops)}  cost {cost}",
    ]
    if record.code:
        lines.append(f"[{record.code}] {one_line(record.message or '')}")
    if labels:
        lines.append(f"labels  {one_line(labels)}")
    return lines


def _event(event: Event, first: float, roles: dict[int, str], plan: Plan | None) -> list[str]:
    stamp = f"{event.at - first:8.2f} s  "
    match event:
        case RunStarted():
            filled = f"  (defaults: {', '.join(event.defaults)})" if event.defaults else ""
            return [f"{stamp}trigger  {_brief(event.payload)}{one_line(filled)}", *_verdict("trigger", event.verdict)]
        case HopStarted():
            kind = plan.roles[event.role].role.kind if plan and event.role in plan.roles else ""
            more = " revised" if event.previous is not None else ""
            return [
                f"{stamp}hop {event.hop}  {event.role} ({kind}) visit {event.visit}{more}  <- handoff {event.handoff}"
            ]
        case HopFinished():
            return _hop_end(event, stamp, roles)
        case HandedOver():
            return _handoff(event, stamp, plan)
        case Asked():
            return [f"{stamp}question {event.question}  {event.touchpoint}  {one_line(event.why)}"]
        case Decided():
            return _decision(event, stamp)
        case Delayed():
            return [f"{stamp}handoff {event.handoff}  waits {event.due - event.at:g} s, until {utc(event.due)}"]
        case EffectKey():
            return [f"{stamp}{_key_told(event)}"]
        case TimerFired():
            return [f"{stamp}handoff {event.handoff}  its time has come"]
        case ChildRun():
            until = f", until {utc(event.due)}" if event.due is not None else ""
            spent = f"{hops_in_words(event.hops)}  cost " + (f"{event.cost:.4f}" if event.priced else "?")
            return [f"{stamp}hop {event.hop}  child run {event.run}  {_CHILD[event.state]}{until}  {spent}"]
        case Recalled():
            return [f"{stamp}question {event.question}  as in run {event.run}, question {event.earlier}"]
        case RunResumed():
            return [f"{stamp}taken up by {one_line(event.owner)}"]
        case LimitsRaised():
            return [f"{stamp}limits raised: {one_line(json.dumps(dict(event.limits)))} by {one_line(event.by)}"]
        case PlanChanged():
            named = one_line(", ".join(event.changed))
            return [f"{stamp}goes on with what changed: {named}  accepted by {one_line(event.by)}"]
        case RunFinished():
            outcome = f" ({event.outcome})" if event.outcome else ""
            result = f"  {_brief(event.payload)}" if event.payload is not None else ""
            return [f"{stamp}{event.status}{outcome}{result}"]


def _key_told(event: EffectKey) -> str:
    told = f"hop {event.hop}  key {one_line(event.key)}"
    if event.over:
        return told + (f"  taken over from hop {event.earlier} of run {event.run}" if event.run else "  done again")
    if event.run:
        return f"{told}  skipped: hop {event.earlier} of run {event.run} did it, its receipt is taken"
    return told


def taken_told(kind: str, run: str, hop: int) -> str:
    """Where the output of a hop is from that was not played: of an attempt of this kind."""
    what = {"receipt": "not done again: the receipt"}.get(kind, kind)
    return f"{what} {'of' if kind == 'receipt' else 'from'} hop {hop} of run {one_line(run)}"


def _hop_end(event: HopFinished, stamp: str, roles: dict[int, str]) -> list[str]:
    told = [f"{event.seconds:.2f} s"]
    told.append("cost ?" if not event.priced else f"cost {event.cost or 0.0:.4f}")
    if event.confidence is not None:
        told.append(f"confidence {event.confidence:.2f} ({event.confidence_source})")
    elif "reason" in event.confidence_detail:
        told.append(f"confidence not measured ({one_line(str(event.confidence_detail['reason']))})")
    lines = [f"{stamp}hop {event.hop}  {roles.get(event.hop, '')} {event.status}  {'  '.join(told)}"]
    if event.status != "done":
        lines.append(f"{'':12}[{event.code}] {one_line(event.message)}")
    if event.output is not None:
        lines.append(f"{'':12}{_brief(event.output)}")
    return lines + _verdict("sender", event.verdict)


def _handoff(event: HandedOver, stamp: str, plan: Plan | None) -> list[str]:
    by = ", ".join("trigger" if kind == "trigger" else f"{kind} {number}" for kind, number in event.sources)
    target = f" -> {event.target}" if event.target else ""
    lines = [f"{stamp}handoff {event.number}  {by}{target}  {event.state}"]
    if event.message:
        blame, code = f" (blame: {event.blame})" if event.blame else "", f"[{event.code}] " if event.code else ""
        lines.append(f"{'':12}{code}{one_line(event.message)}{blame}")
    return lines + _verdict("receiver", event.verdict)


def _decision(event: Decided, stamp: str) -> list[str]:
    reason = f": {one_line(event.reason)}" if event.reason else ""
    lines = [f"{stamp}question {event.question}  {event.decision} by {one_line(event.by)}{reason}"]
    lines.append(f"{'':12}shown {event.shown[:19]}" + (f", decided in {event.seconds:.0f} s" if event.seconds else ""))
    if event.payload is not None:
        lines.append(f"{'':12}{_brief(event.payload)}")
    return lines


def _verdict(side: str, verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return []
    if verdict.ok:
        return [f"{'':12}{side}: {verdict.contract} ok"]
    found = [f"{pointer or '/'}: {one_line(sentence)}" for pointer, sentence in verdict.violations]
    return [f"{'':12}{side}: {verdict.contract} BROKEN", *(f"{'':14}{line}" for line in found)]


def _brief(payload: Payload) -> str:
    text = one_line(payload.data.decode("utf-8", "replace"))
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}... ({len(payload.data):,} bytes)"


# -- one hop -------------------------------------------------------------------------------------


def render_hop(events: Sequence[Event], attempts: Sequence[tuple[int, Attempt]], number: int) -> str:
    """One hop whole: causes, exact input, attempts with request and response, output, verdicts."""
    started = next(event for event in events if isinstance(event, HopStarted) and event.hop == number)
    ended = next((event for event in events if isinstance(event, HopFinished) and event.hop == number), None)
    cause = next((event for event in events if isinstance(event, HandedOver) and event.number == started.handoff), None)
    lines = [f"hop {number}  {started.role}, visit {started.visit}"]
    if cause is not None:
        lines += [line.strip() if place == 0 else line for place, line in enumerate(_handoff(cause, "", None))]
    lines += _whole("input", started.input)
    lines += _whole("previous", started.previous) + _whole("feedback", started.feedback)
    lines += [_key_told(event) for event in events if isinstance(event, EffectKey) and event.hop == number]
    own = [attempt for hop, attempt in attempts if hop == number]
    for place, attempt in enumerate(own, 1):
        lines += _attempt(place, attempt)
    if ended is not None:
        lines += _hop_end(ended, "", {number: started.role}) + _whole("output", ended.output)
    else:
        lines.append("not finished")
    return "\n".join(lines) + "\n"


def _attempt(number: int, attempt: Attempt) -> list[str]:
    told = [f"{attempt.seconds:.2f} s"]
    for label, value in (
        ("model", attempt.model),
        ("tool", one_line(str(attempt.facts.get("tool", ""))) or None),
        ("in", attempt.tokens_in),
        ("out", attempt.tokens_out),
        ("cost", attempt.cost),
        ("finish", attempt.finish),
        ("by", attempt.who),
    ):
        if value is not None:
            told.append(f"{label} {one_line(str(value))}")
    lines = [f"attempt {number}  {attempt.kind}  {'  '.join(told)}"]
    if attempt.code:
        lines.append(f"  [{attempt.code}] {one_line(attempt.message)}")
    if attempt.facts:
        lines.append(f"  {one_line(json.dumps(dict(attempt.facts), ensure_ascii=False))}")
    lines += _raw("request", attempt.request)
    if attempt.response is not None:
        lines += _raw("response", attempt.response)
    return lines


def _whole(label: str, payload: Payload | None) -> list[str]:
    if payload is None:
        return []
    return [f"{label}  {payload.digest}", gutter(json.dumps(payload.value, ensure_ascii=False, indent=2))]


def _raw(label: str, data: bytes) -> list[str]:
    return [f"  {label} ({len(data):,} bytes)", gutter(data.decode("utf-8", "replace").replace("\r\n", "\n"))]


# -- as JSON -------------------------------------------------------------------------------------


def trace_json(record: RunRecord, events: Sequence[Event], attempts: Sequence[tuple[int, Attempt]]) -> dict[str, Any]:
    """Everything on record about a run as plain JSON: `run`, `events` in order, `attempts` with their hop.

    A child run names the run (`parent`) and the hop (`parent_hop`) that it plays.
    """
    return {
        "run": {
            "id": record.id,
            "spec": record.spec,
            "version": record.version,
            "status": record.status,
            "outcome": record.outcome,
            "code": record.code,
            "message": record.message,
            "hops": record.hops,
            "cost": record.cost if record.priced else None,
            "labels": dict(record.labels),
            "plan": record.plan,
            "created": record.created,
            "parent": record.parent,
            "parent_hop": record.parent_hop,
        },
        "events": [event_json(event) for event in events],
        "attempts": [{"hop": hop, **_plain(attempt)} for hop, attempt in attempts],
    }


def event_json(event: Event) -> dict[str, Any]:
    """One event as plain JSON; `event` is its kind."""
    return {"event": _KINDS[type(event)], **_plain(event)}


_KINDS = {
    RunStarted: "run-started",
    HandedOver: "handoff",
    HopStarted: "hop-started",
    HopFinished: "hop-finished",
    Asked: "asked",
    Decided: "decided",
    Delayed: "delayed",
    TimerFired: "timer-fired",
    ChildRun: "child-run",
    Recalled: "recalled",
    EffectKey: "effect-key",
    LimitsRaised: "limits-raised",
    PlanChanged: "plan-changed",
    RunResumed: "run-resumed",
    RunFinished: "run-finished",
}


def _plain(entry: Event | Attempt) -> dict[str, Any]:
    return {name: _value(getattr(entry, name)) for name in entry.__struct_fields__}


def _value(value: Any) -> Any:
    if isinstance(value, Payload):
        return {"digest": value.digest, "value": value.value}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Verdict):
        found = [{"pointer": pointer, "message": sentence} for pointer, sentence in value.violations]
        return {"contract": value.contract, "digest": value.digest, "ok": value.ok, "violations": found}
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    return dict(value) if hasattr(value, "items") else value
