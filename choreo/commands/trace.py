"""`choreo trace` and `choreo runs`: what is on record. Neither plays, calls or writes anything."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import get_args

from choreo.commands.ended import store_flag
from choreo.commands.run import pairs
from choreo.commands.speech import out, say
from choreo.engine.limits import hops_in_words
from choreo.errors import DONE, FAILED, UsageError
from choreo.plan import Plan
from choreo.render.lanes import scopes_of
from choreo.render.text import one_line
from choreo.render.trace import render_course, render_hop, trace_json
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive
from choreo.trace import Event, HopStarted, RunStatus


def trace(
    name: str,
    *,
    hop: int | None,
    as_json: bool,
    verify: bool,
    db: str | None,
    lane: str | None = None,
    following: bool = False,
) -> int:
    """Show one run, one of its lanes, or one hop of it with every byte."""
    if following:
        from choreo.commands.follow import follow

        _must_stand_alone({"--hop N": hop is not None, "--verify": verify, "--lane LANE": lane is not None})
        return follow(name, as_json=as_json, db=db)
    store = Store.read(find_store(db))
    try:
        record = store.find(name)
        if verify:
            return _verify(store, record, as_json)
        events = store.history(record)
        known = [event.hop for event in events if isinstance(event, HopStarted)]
        if hop is not None and hop not in known:
            raise UsageError("no-hop", f"run {record.id} has no hop {hop}", f"it has {len(known)}")
        if as_json:
            told = trace_json(record, events, store.attempts(record))
            told["children"] = [
                trace_json(child, store.history(child), store.attempts(child)) for child in store.below(record.id)
            ]
            if hop is not None:
                told["events"] = [event for event in told["events"] if event.get("hop") == hop]
                told["attempts"] = [attempt for attempt in told["attempts"] if attempt["hop"] == hop]
            out(json.dumps(told, ensure_ascii=False, indent=2))
        elif hop is not None:
            out(render_hop(events, store.attempts(record), hop).rstrip("\n"))
            if (child := store.lookup(f"{record.id}.{hop}")) is not None:
                say(f"it was played by a child run: choreo trace {child.id}")
        else:
            out(_course(store, record, events, lane=_known_lane(record, events, lane)).rstrip("\n"))
        return DONE
    finally:
        store.close()


def _must_stand_alone(beside: Mapping[str, bool]) -> None:
    """Raises UsageError where `--follow` is given with a flag that shows a part, or what is done."""
    for flag in (flag for flag, given in beside.items() if given):
        help = f"follow the run, then: choreo trace RUN {flag}"
        message = f"`--follow` shows all of a run as it goes on: `{flag}` does not go with it"
        raise UsageError("follow-alone", message, help)


def _known_lane(record: RunRecord, events: Sequence[Event], lane: str | None) -> str:
    if lane is not None and lane not in scopes_of(events).values():
        help = "a lane is called after its role and its element, as `research[3]`; see: choreo trace " + record.id
        raise UsageError("no-lane", f"nothing happened in a lane `{lane}` of run {record.id}", help)
    return lane or ""


def _course(
    store: Store, record: RunRecord, events: Sequence[Event], since: float | None = None, lane: str = ""
) -> str:
    """The course of a run, that of each child run set in under the hop that it plays."""
    first = since if since is not None else events[0].at
    children = [child for child in store.below(record.id) if child.parent == record.id]
    below = {child.parent_hop or 0: _course(store, child, store.history(child), first) for child in children}
    return render_course(record, _plan(store, record), events, below, first, store.taken(record), lane)


def _verify(store: Store, record: RunRecord, as_json: bool) -> int:
    """The run and every child run below it."""
    changed = next((one for one in (record, *store.below(record.id)) if not store.verify(one)), None)
    if as_json:
        out(json.dumps({"run": record.id, "whole": changed is None, "changed": changed.id if changed else None}))
    elif changed is None:
        out(f"run {record.id}: every row and every payload is as it was written")
    if changed is None:
        return DONE
    say(f"error[trace-changed]: the rows or payloads of run {changed.id} are not what was written")
    say("help: someone or something changed the store after the run; restore it from a backup")
    return FAILED


def _plan(store: Store, record: RunRecord) -> Plan | None:
    from choreo.api.parts import plan_of
    from choreo.errors import ChoreoError

    try:
        return plan_of(store, record).plan
    except ChoreoError:
        return None  # an older plan that this version reads no more: the record is shown all the same


def runs(
    *, limit: int, status: str | None, labels: Sequence[str], as_json: bool, db: str | None, children: bool = False
) -> int:
    """The runs on record, newest first; child runs only where they are asked for."""
    if status is not None and status not in get_args(RunStatus):
        help = f"what exists: {', '.join(get_args(RunStatus))}"
        raise UsageError("bad-status", f"there is no status `{status}`", help)
    path = find_store(db)
    if not path.exists() and db is None:
        out("[]" if as_json else "no runs yet; play one: choreo run SPEC")
        return DONE
    wanted = pairs("--label", labels)
    store = Store.read(path)
    try:
        found = store.runs(limit, status, wanted, children=children)
        none_match = bool((wanted or status is not None) and not found and store.runs(1))
    finally:
        store.close()
    if as_json:
        out(json.dumps([_as_json(record) for record in found], ensure_ascii=False, indent=2))
        return DONE
    for record in found:
        out(_line(record))
    if not found:
        out(_none_match(status, wanted, db) if none_match else "no runs yet; play one: choreo run SPEC")
    return DONE


def _none_match(status: str | None, labels: Mapping[str, str], db: str | None) -> str:
    wanted = [f"the status `{status}`"] if status is not None else []
    wanted += [f"the label `{one_line(name)}={one_line(value)}`" for name, value in labels.items()]
    return f"no run has {' and '.join(wanted)}; see all: choreo runs{store_flag(db)}"


def _line(record: RunRecord) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.created))
    cost = f"{record.cost:.4f}" + ("" if record.priced else "+?")
    more = record.outcome or record.code or (f"{record.open_questions} open" if record.open_questions else "")
    labels = " ".join(f"{key}={value}" for key, value in record.labels.items())
    spec = f"{record.spec} {record.version}"
    told = (
        f"{record.id}  {when}  {one_line(spec):<24}  {_status(record):<9}  {hops_in_words(record.hops):>9}  {cost:>9}"
    )
    return f"{told}  {one_line(more)}  {one_line(labels)}".rstrip()


def _status(record: RunRecord) -> str:
    """`cut short` where the row says running and nobody runs it: `choreo resume` goes on with it."""
    alive = record.owner is not None and is_alive(record.owner, record.until, time.time())
    return record.status if record.status != "running" or alive else "cut short"


def _as_json(record: RunRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "spec": record.spec,
        "version": record.version,
        "status": record.status,
        "outcome": record.outcome,
        "code": record.code,
        "message": record.message,
        "created": record.created,
        "changed": record.changed,
        "hops": record.hops,
        "cost": record.cost if record.priced else None,
        "open_questions": record.open_questions,
        "labels": dict(record.labels),
        "parent": record.parent,
        "parent_hop": record.parent_hop,
    }
