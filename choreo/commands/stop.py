"""`choreo stop`: have a run save and stop, so that it can be resumed; or end it for good."""

from __future__ import annotations

import time

from choreo.commands.playing import Options
from choreo.commands.speech import say, say_safe
from choreo.errors import DONE, HeldError
from choreo.runners.child_end import end_child_runs
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive
from choreo.store.writer import AnswerWaiting
from choreo.trace import Decided, RunFinished

PATIENCE = 10.0
"""Seconds in which a living owner should have stopped; an effect that happens once is not cut short."""
_LOOK = 0.05


def stop(name: str, *, cancel: bool, options: Options) -> int:
    """Stop a run: 0, also where it was over already. Raises HeldError where its owner does not let go of it yet."""
    store = Store.open(find_store(options.db), make=False)
    try:
        record = _let_go(store, store.top(store.find(name)), options)
        stopped = record.status == "stopped" and record.code == "stopped"
        if record.status in ("running", "waiting") or (cancel and (stopped or record.status == "limit")):
            record = _end(store, record, cancel, options)
        say_safe(f"run {record.id}: {record.message or record.status}")
        if record.status == "stopped" and record.code == "stopped":
            say(f"go on: choreo resume {record.id}{options.store_flag}")
        return DONE
    finally:
        store.close()


def _let_go(store: Store, record: RunRecord, options: Options) -> RunRecord:
    """Ask the living owner, if there is one, to save and stop, and wait until it has."""
    ends = time.monotonic() + PATIENCE
    if _is_owned(record):
        store.ask_to_stop(record, options.by)
    while _is_owned(record):
        if time.monotonic() > ends:
            message = f"{record.owner} was asked to stop run {record.id} and is still finishing what must not be cut"
            raise HeldError("still-stopping", message, f"it stops after that; see: choreo runs{options.store_flag}")
        time.sleep(_LOOK)
        record = store.find(record.id)
    return record


def _is_owned(record: RunRecord) -> bool:
    return record.owner is not None and is_alive(record.owner, record.until, time.time())


def _end(store: Store, record: RunRecord, cancel: bool, options: Options) -> RunRecord:
    """Record the stop of a run that nobody plays. With `cancel` its questions and its child runs end with it."""
    at, code = time.time(), "cancelled" if cancel else "stopped"
    message = f"{code} by {options.by}"
    withdrawn = []
    if cancel:
        for child in store.below(record.id):
            end_child_runs(store, child.id, code, message, at)
        withdrawn = [
            Decided(at, asked.question, "withdrawn", asked.payload.digest, by=options.by, reason=message)
            for asked in store.open_questions(record.id)
        ]
    writer = store.acquire(record, at)
    end = RunFinished(at, "stopped", code=code, message=message)
    try:
        writer.append([*withdrawn, end], status="stopped", at=at)
    except AnswerWaiting:  # someone answered in this moment: what they said stays on record
        writer.append([end], status="stopped", at=at)
    return store.find(record.id)
