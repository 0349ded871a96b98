"""How a run begins: the first events, the row in the store, and what it claims."""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from choreo.api.checked import Checked
from choreo.canonical import NotData
from choreo.engine.fold import fold
from choreo.engine.keys import trigger_key
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.errors import UsageError
from choreo.expression import ExpressionError
from choreo.plan import Plan
from choreo.runners.children import first_fact
from choreo.runners.clock import Clock, SteadyClock
from choreo.runners.parts import status_of
from choreo.store import NewRun, Store
from choreo.store.claims import ClaimTaken
from choreo.store.writer import RunWriter
from choreo.trace import Event, RunFinished, RunStarted
from choreo.verify import the_checker

Claims = tuple[tuple[str, str], ...]
"""(scope, key) of what may happen once over all runs: see `Store.create_run`."""


@dataclass(frozen=True)
class Begun:
    """A run of this process. `first` names the run whose duplicate it is: nothing plays."""

    position: Position
    events: tuple[Event, ...]
    writer: RunWriter
    clock: Clock
    first: str | None = None


@dataclass(frozen=True)
class Told:
    """What a run keeps of how it was started."""

    path: str
    models: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def begin(checked: Checked, store: Store, fact: RunStarted, told: Told, claims: Claims = ()) -> Begun:
    """Begin a new run. The key of `once_per` makes a duplicate of a run that is another's.

    Where nothing else depends on it, the opening is not on disk yet: the runner writes it with the first step. That is
    when ClaimTaken is raised where `claims` are another run's.
    """
    clock = SteadyClock()
    fact = replace(fact, at=clock())  # since the payload came weights may have been fetched: no time in play
    plan, run = checked.plan, new_run_id(fact.at)
    position, events, key = _opening(plan, run, fact)
    new = _new_run(checked, position, fact, told, (*key, *claims))
    if not key and position.finished is None:
        return Begun(position, events, store.new_run(new, events), clock)
    try:
        writer = store.create_run(new, events, status=status_of(position), due=position.due)
        return Begun(position, events, writer, clock)
    except ClaimTaken as taken:
        if (taken.scope, taken.key) not in key:
            raise
        message = f"run {taken.run} has the same `once_per` value"
        position, events, _ = _ended(plan, run, fact, "duplicate", "duplicate", message)
        new = _new_run(checked, position, fact, told, claims, duplicate_of=taken.run)
        writer = store.create_run(new, events, status=status_of(position), due=position.due)
        return Begun(position, events, writer, clock, taken.run)


def _new_run(
    checked: Checked, position: Position, fact: RunStarted, told: Told, claims: Claims, **more: object
) -> NewRun:
    return NewRun(
        position.run,
        (checked.plan.spec.name, checked.plan.spec.version),
        checked.digest,
        checked.loaded.sources,
        at=fact.at,
        main=Path(told.path).name,
        claims=claims,
        labels=told.labels,
        settings={"path": told.path, "models": dict(told.models), **more},
    )


_Opening = tuple[Position, tuple[Event, ...], Claims]


def _opening(plan: Plan, run: str, fact: RunStarted) -> _Opening:
    """The first events of a run. Where `once_per` cannot be told the run has failed: it might be a duplicate."""
    key = None
    try:
        if fact.verdict is None or fact.verdict.ok:
            key = trigger_key(plan, run, fact.payload)
    except ExpressionError as error:
        return _ended(plan, run, fact, "failed", "once-per-error", f"`once_per`: {error}")
    position = start(plan, run)
    return position, react(plan, position, fact, the_checker()), (key,) if key is not None else ()


def _ended(plan: Plan, run: str, fact: RunStarted, status: str, code: str, message: str) -> _Opening:
    """A run that is over before anything was played."""
    position = start(plan, run)
    events = (fact, RunFinished(fact.at, status, code=code, message=message))  # type: ignore[arg-type]
    for event in events:
        fold(plan, position, event)
    return position, events, ()


def started(checked: Checked, value: object, at: float | None = None) -> RunStarted:
    """The first event: the payload with the trigger contract's defaults, and the verdict on it. Raises UsageError."""
    try:
        return first_fact(checked.plan, value, time.time() if at is None else at, the_checker())
    except NotData as error:
        raise UsageError("not-data", f"the trigger payload holds {error}") from error


def new_run_id(now: float) -> str:
    """`YYYYMMDD-HHMMSS-mmmxxxxxx`: ids sort by time (UTC, to the millisecond); the last six are drawn.

    So many that two processes which each begin a thousand runs a second in one store meet once in a week.
    """
    global _last  # noqa: PLW0603 - two runs that this process begins in one millisecond must not draw the same id
    _last = max(int(now * 1000), _last + 1)
    drawn = "".join(_LETTERS[byte % len(_LETTERS)] for byte in secrets.token_bytes(6))
    return f"{_stamp(_last // 1000)}-{_last % 1000:03d}{drawn}"


@functools.lru_cache(maxsize=2)
def _stamp(second: int) -> str:
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(second))


_last = 0
_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"
