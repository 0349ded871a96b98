"""`choreo resume --accept-changes`: a run that goes on with the texts as they are now, where what is on record fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from choreo.api.checked import Checked, check_spec
from choreo.api.parts import chosen_models
from choreo.engine.advance import rebuild
from choreo.engine.change import Fit, fit, in_last_terms
from choreo.engine.position import Position
from choreo.errors import ChoreoError
from choreo.plan import plan_digest
from choreo.runners.clock import SteadyClock
from choreo.runners.parts import status_of
from choreo.store import RunRecord, Store
from choreo.trace import PlanChanged
from choreo.verify import the_checker

_MOST_TOLD = 8


def as_it_is_now(record: RunRecord, kept: Checked) -> Checked | None:
    """The spec of a run as its files are now, None where they are what they were. Raises SpecErrors, UsageError."""
    now = check_spec(kept.loaded.path, chosen_models(record))
    return now if now.digest != record.plan else None


def accept(store: Store, record: RunRecord, kept: Checked, now: Checked, by: str) -> PlanChanged:
    """Record that a run goes on with another plan. Raises ChoreoError (nothing is recorded) where it cannot, HeldError
    where another process plays it."""
    clock = SteadyClock()
    writer = store.acquire(record, clock())
    try:
        history = store.history(record)
        position = rebuild(kept.plan, record.id, history)
        found = fit(kept.plan, now.plan, position, in_last_terms(history), the_checker())
        misfits = [*found.misfits, *_child_runs(store, record, position, now)]
        if misfits:
            raise _does_not_fit(record, misfits)
        fact = _fact(record, kept, now, found, clock(), by)
        store.keep_plan(now.digest, Path(now.loaded.path).name, now.loaded.sources, fact.at)
        after = rebuild(now.plan, record.id, [*history, fact])
        writer.append((fact,), status=status_of(after), at=fact.at, due=after.due)
        return fact
    finally:
        writer.release()


def _fact(record: RunRecord, kept: Checked, now: Checked, found: Fit, at: float, by: str) -> PlanChanged:
    changed = tuple(sorted(_changed(kept.loaded.sources, now.loaded.sources)))
    edges, joins = (tuple(sorted(places.items())) for places in (found.edges, found.joins))
    return PlanChanged(at, now.digest, record.plan, now.plan.spec.version, by, changed, edges, joins)


def _changed(kept: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    yield from (name for name in {*kept, *now} if kept.get(name) != now.get(name))


def _child_runs(store: Store, record: RunRecord, position: Position, now: Checked) -> Iterator[str]:
    """Child runs that have begun and whose end is not taken in yet go on with their own spec: it must be the same."""
    known = {plan_digest(sub.sources) for sub in now.family.values()}
    for child in store.below(record.id):
        ended = child.status not in ("running", "waiting", "limit")
        awaited = child.parent == record.id and child.parent_hop in position.playing
        if (awaited or not ended) and child.plan not in known:
            yield f"child run {child.id} has begun, and its spec `{child.spec}` is another now"


def _does_not_fit(record: RunRecord, misfits: list[str]) -> ChoreoError:
    more = f"; and {len(misfits) - _MOST_TOLD} more" if len(misfits) > _MOST_TOLD else ""
    message = f"run {record.id} cannot go on with what changed: {'; '.join(misfits[:_MOST_TOLD])}{more}"
    help = "without `--accept-changes` it goes on with the texts it began with; `choreo replay RUN --spec` begins anew"
    return ChoreoError("changes-do-not-fit", message, help)
