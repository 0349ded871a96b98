"""`choreo resume`: take a run up again, on the plan it started with."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from choreo.api.checked import Checked
from choreo.api.parts import exit_code, plan_of
from choreo.commands.ended import still_to_play
from choreo.commands.playing import Options, play, resumed, tell_result
from choreo.commands.run import pairs, prepare_models
from choreo.commands.since import say_what_changed
from choreo.commands.speech import say, say_safe
from choreo.engine.advance import rebuild
from choreo.engine.limits import limit_told, overspent, told
from choreo.engine.position import Position
from choreo.errors import UsageError
from choreo.runners.child_end import end_child_runs
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import this_process
from choreo.trace import LimitsRaised

LIMITS = ("cost", "hops", "time", "parallel")


def resume(name: str | None, *, limits: Sequence[str], options: Options, accept_changes: bool = False) -> int:
    """Go on with a run. Returns the exit code of the run."""
    if name is None:
        raise UsageError("no-run", "no run is named", "choreo resume RUN, or --due, or --all; see: choreo runs")
    store = Store.open(find_store(options.db), make=False)
    try:
        named = store.find(name)
        record, raised = store.top(named), limits_given(limits)
        if record is not named and raised:
            help = f"choreo resume {record.id}{options.store_flag} --limit {limits[0]}"
            raise UsageError("not-its-limit", "a child run has the limits of the runs above it", help)
        if options.effects and "replay_of" not in record.settings:
            raise UsageError("no-replay", f"run {record.id} is no replay", "its effects are done without `--effects`")
        checked = plan_of(store, record)
        if not _can_go_on(record, raised):
            if record.status != "limit":  # its process may have died before it could end what was left below
                end_child_runs(store, record.id, "ended-above", f"run {record.id} is over", time.time())
            say(f"run {record.id} is over: {record.status}" + (f" [{record.code}]" if record.code else ""))
            return _code_of(store, record, checked, options)
        if accept_changes:
            record, checked = _accepted(store, record, checked, options)
        prepare_models(checked, options)
        return go_on(store, record, checked, options, raised)
    finally:
        store.close()


def go_on(
    store: Store, record: RunRecord, checked: Checked, options: Options, limits: dict[str, float] | None = None
) -> int:
    """Take the run up and play it. Raises HeldError where another process owns it."""
    say_what_changed(record, checked, options)
    return play_on(resumed(checked.plan, record, store, options, checked.family), options, limits)


def play_on(parts: Parts, options: Options, limits: dict[str, float] | None = None) -> int:
    """Play a run that this process has taken up."""
    if options.effects and parts.recall is not None:
        parts.recall.effects, parts.recall.by = True, options.by
    runner = LocalRunner(parts)

    async def first() -> None:
        # In this order: what starts because of the new limits was not cut short.
        await runner.resume(str(this_process()))
        if limits:
            runner.commit(LimitsRaised(runner.clock(), limits, options.by))
            _say_reached(parts.position, limits, options)

    return play(parts, options, first=first())


def _say_reached(position: Position, limits: dict[str, float], options: Options) -> None:
    """Limits that were just given, and do not let anything more start."""
    for name, more in overspent(position).items():
        if name in limits and not options.quiet:
            lies = "below" if more else "at"
            say(f"note: {limit_told(position, name)} lies {lies} what is spent: {told(position)}")


def _accepted(store: Store, record: RunRecord, kept: Checked, options: Options) -> tuple[RunRecord, Checked]:
    """The run and its plan, from now on that of the files as they are."""
    from choreo.api.change import accept, as_it_is_now

    now = as_it_is_now(record, kept)
    if now is None:
        if not options.quiet:
            say(f"note: nothing has changed since run {record.id} began")
        return record, kept
    prepare_models(now, options)  # before it is recorded: who wants no weights has accepted nothing
    fact = accept(store, record, kept, now, options.by)
    if not options.quiet:
        say_safe(f"run {record.id} goes on with {', '.join(f'`{name}`' for name in fact.changed)} as it is now")
    return store.find(record.id), now


def _can_go_on(record: RunRecord, limits: dict[str, float]) -> bool:
    stopped = record.status == "stopped" and record.code == "stopped"
    return stopped or record.status in ("running", "waiting") or (record.status == "limit" and bool(limits))


def _code_of(store: Store, record: RunRecord, checked: Checked, options: Options) -> int:
    position = rebuild(checked.plan, record.id, store.history(record))
    tell_result(store, position, position.finished, options)
    if record.status == "limit":
        for line in still_to_play(position):
            say_safe(line)
        limit = (record.code or "limit-cost").removeprefix("limit-")
        say(f"give it more: choreo resume {record.id}{options.store_flag} --limit {limit}=MORE")
    return exit_code(position.finished)


def limits_given(given: Sequence[str]) -> dict[str, float]:
    """`NAME=NUMBER` arguments of `--limit`. Raises UsageError."""
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
