"""`choreo resume`: take a run up again, on the plan it started with."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

from choreo.commands.checked import Checked, check_stored
from choreo.commands.playing import Options, play, resumed
from choreo.commands.run import overrides, pairs, prepare_models
from choreo.commands.speech import say
from choreo.engine.advance import rebuild
from choreo.errors import UsageError
from choreo.runners.local import LocalRunner
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import this_process
from choreo.trace import LimitsRaised

LIMITS = ("cost", "hops", "time", "parallel")


def resume(name: str, *, limits: Sequence[str], options: Options) -> int:
    """Go on with a run. Returns the exit code of the run."""
    store = Store.open(find_store(options.db), make=False)
    try:
        record = store.find(name)
        checked = plan_of(store, record)
        raised = _limits(limits)
        if not _can_go_on(record, raised):
            say(f"run {record.id} is over: {record.status}" + (f" [{record.code}]" if record.code else ""))
            return _code_of(store, record, checked, options)
        prepare_models(checked, options)
        return go_on(store, record, checked, options, raised)
    finally:
        store.close()


def go_on(
    store: Store, record: RunRecord, checked: Checked, options: Options, limits: dict[str, float] | None = None
) -> int:
    """Take the run up and play it. Raises HeldError where another process owns it."""
    parts = resumed(checked.plan, record, store, options)
    runner = LocalRunner(parts)

    async def first() -> None:
        # In this order: what starts because of the new limits was not cut short.
        await runner.resume(str(this_process()))
        if limits:
            runner.commit(LimitsRaised(time.time(), limits, options.by))

    return play(parts, options, first=first())


def plan_of(store: Store, record: RunRecord) -> Checked:
    """The plan a run keeps, with the models it was started with."""
    main, sources = store.sources(record)
    path = str(record.settings.get("path", main))
    return check_stored(sources, str(Path(path).with_name(main)), overrides(record.settings))


def _can_go_on(record: RunRecord, limits: dict[str, float]) -> bool:
    return record.status in ("running", "waiting") or (record.status == "limit" and bool(limits))


def _code_of(store: Store, record: RunRecord, checked: Checked, options: Options) -> int:
    from choreo.commands.playing import exit_code

    position = rebuild(checked.plan, record.id, store.history(record))
    if record.status == "limit":
        limit = (record.code or "limit-cost").removeprefix("limit-")
        say(f"give it more: choreo resume {record.id}{options.store_flag} --limit {limit}=MORE")
    return exit_code(position.finished)


def _limits(given: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in pairs("--limit", given).items():
        if name not in LIMITS:
            raise UsageError("bad-limit", f"there is no limit `{name}`", f"what exists: {', '.join(LIMITS)}")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise UsageError("bad-limit", f"`--limit {name}={value}` is not a number") from error
        if not 0 < found[name] < math.inf:
            raise UsageError("bad-limit", f"`--limit {name}={value}` is not a number above 0")
    return found
