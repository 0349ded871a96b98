"""Runs as values: `load`, `run`, `resume`, `find`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.api.asked import labels_given, no_loop_runs
from choreo.api.begin import Told, begin, started
from choreo.api.change import accept, as_it_is_now
from choreo.api.checked import Checked, check_spec
from choreo.api.parts import exit_code, parts_of, plan_of, take_up
from choreo.gates.base import Gate
from choreo.runners.local import LocalRunner
from choreo.runners.loop import to_the_end
from choreo.runners.parts import Parts
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import this_process
from choreo.trace import HopFinished, HopStarted, RunFinished


@dataclass(frozen=True)
class Hop:
    """One visit of a role. `cost` is None where a price is not known; `seconds` is the time in play."""

    number: int
    role: str
    visit: int
    scope: str
    status: str
    """`done`, `failed`, `timeout`, or `playing`."""
    input: Any
    output: Any = None
    cost: float | None = None
    seconds: float | None = None
    confidence: float | None = None
    code: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Waiting:
    """A question that waits for a person: `choreo review RUN --question NUMBER`, or a gate given to `resume`."""

    number: int
    touchpoint: str
    payload: Any
    why: str


@dataclass(frozen=True)
class Run:
    """A run as it stands on record. `cost` is None where a price is not known."""

    id: str
    spec: str
    status: str
    """`done`, `failed`, `rejected`, `limit`, `refused`, `stopped`, `duplicate`, `waiting` or `running`."""
    exit_code: int
    outcome: str | None
    result: Any
    code: str | None
    message: str
    cost: float | None
    labels: Mapping[str, str]
    hops: tuple[Hop, ...]
    questions: tuple[Waiting, ...]


def load(path: str | Path, *, models: Mapping[str, str] | None = None) -> Checked:
    """A spec with all its contracts, checked. `models` plays models of the spec by others, as `--model` does.

    Raises SpecErrors with every problem, UsageError where there is no such file.
    """
    return check_spec(str(path), models)


def run(
    spec: Checked | str | Path,
    value: Any,
    *,
    db: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    gate: Gate | None = None,
) -> Run:
    """Play a spec on a trigger payload, to its end or until it waits.

    Inside a running event loop call it in a thread: `await asyncio.to_thread(choreo.run, ...)`.

    `db` is the trace store (None: found as the command line finds it). Without a `gate` nobody is asked: a
    touchpoint's question stays open. A trigger whose `once_per` value was played before gives the first run.
    """
    no_loop_runs("choreo.run")
    kept = labels_given(labels)
    checked = spec if isinstance(spec, Checked) else load(spec)
    store = _store(db)
    try:
        told = Told(str(Path(checked.loaded.path).absolute()), labels=kept)
        begun = begin(checked, store, started(checked, value), told)
        if begun.first is None:
            plan, family = checked.plan, checked.family
            _play(parts_of(plan, begun.position, begun.writer, store, family=family, gate=gate, clock=begun.clock))
        return _run_of(store, store.find(begun.first or begun.position.run))
    finally:
        store.close()


def resume(
    name: str, *, db: str | Path | None = None, gate: Gate | None = None, accept_changes: str | None = None
) -> Run:
    """Go on with a run that was interrupted or waits. Raises HeldError where another process plays it.

    `accept_changes` names who accepts that it goes on with its spec, prompts and contracts as they are now, in place of
    those it began with; ChoreoError (`changes-do-not-fit`) where what is on record does not fit.
    """
    no_loop_runs("choreo.resume")
    store = _store(db, make=False)
    try:
        record = store.top(store.find(name))
        if record.status in ("running", "waiting"):
            checked = plan_of(store, record)
            now = as_it_is_now(record, checked) if accept_changes is not None else None
            if now is not None:
                accept(store, record, checked, now, accept_changes or "")
                record, checked = store.find(record.id), now
            _play(take_up(store, record, checked.plan, family=checked.family, gate=gate), again=True)
        return _run_of(store, store.find(record.id))
    finally:
        store.close()


def find(name: str, *, db: str | Path | None = None) -> Run:
    """A run on record, by its id, the beginning of it, or `last`. Raises UsageError where there is none."""
    store = Store.read(find_store(str(db) if db is not None else None))
    try:
        return _run_of(store, store.find(name))
    finally:
        store.close()


def _store(db: str | Path | None, *, make: bool = True) -> Store:
    return Store.open(find_store(str(db) if db is not None else None), make=make)


def _play(parts: Parts, *, again: bool = False) -> None:
    runner = LocalRunner(parts)

    async def play() -> None:
        if again:
            await runner.resume(str(this_process()))
        await runner.run()

    try:
        to_the_end(play)
    finally:
        if parts.writer.owned:
            parts.writer.release()


def _run_of(store: Store, record: RunRecord) -> Run:
    history = store.history(record)
    ends = {event.hop: event for event in history if isinstance(event, HopFinished)}
    hops = [_hop(event, ends.get(event.hop)) for event in history if isinstance(event, HopStarted)]
    over = record.status not in ("running", "waiting")
    end = next((event for event in reversed(history) if isinstance(event, RunFinished)), None) if over else None
    asked = store.open_questions(record.id)
    return Run(
        id=record.id,
        spec=f"{record.spec} {record.version}",
        status=record.status,
        exit_code=exit_code(end),
        outcome=record.outcome,
        result=end.payload.value if end is not None and end.payload is not None else None,
        code=record.code,
        message=record.message or "",
        cost=record.cost if record.priced else None,
        labels=record.labels,
        hops=tuple(hops),
        questions=tuple(Waiting(one.question, one.touchpoint, one.payload.value, one.why) for one in asked),
    )


def _hop(began: HopStarted, ended: HopFinished | None) -> Hop:
    told = {"number": began.hop, "role": began.role, "visit": began.visit, "scope": began.scope}
    if ended is None:
        return Hop(**told, status="playing", input=began.input.value)  # type: ignore[arg-type]
    return Hop(
        **told,  # type: ignore[arg-type]
        status=ended.status,
        input=began.input.value,
        output=ended.output.value if ended.output is not None else None,
        cost=ended.cost if ended.priced else None,
        seconds=ended.seconds,
        confidence=ended.confidence,
        code=ended.code,
        message=ended.message,
    )
