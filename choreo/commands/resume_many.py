"""`choreo resume --all` and `--due`: every run that can go on, one after the other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from choreo import errors
from choreo.api.parts import plan_of
from choreo.commands.bug import keep_traceback
from choreo.commands.playing import SIGNALS, Options
from choreo.commands.resume import go_on
from choreo.commands.run import prepare_models
from choreo.commands.speech import say, say_safe
from choreo.errors import ChoreoError, UsageError
from choreo.render.text import utc
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive

_ENDED = {
    errors.DONE: "done",
    errors.WAITING: "waiting",
    errors.REJECTED: "rejected",
    errors.LIMIT: "at a limit",
    errors.HELD: "held",
}
_INTERRUPTED = (*SIGNALS.values(),)


def resume_many(
    name: str | None, *, limits: Sequence[str], due_only: bool, options: Options, accept_changes: bool = False
) -> int:
    """Take up every run that can go on now, or only those whose time has come; nobody is asked anything.

    A run that fails does not stop the others. Gives 0 where all are done (or there was nothing to do), 4 where
    runs wait, 1 where one failed, was rejected, reached a limit or could not be taken up.
    """
    if name is not None or limits or accept_changes:
        wrong = "run" if name is not None else "`--limit`" if limits else "`--accept-changes`"
        raise UsageError("bad-combination", f"`--all` and `--due` take no {wrong}", "resume that run on its own")
    options = replace(options, ask=False)
    place = find_store(options.db)
    if due_only and not place.exists():  # a timer may be set up before the first run
        if not options.quiet:
            say("no run is due: nothing was played yet")
        return errors.DONE
    store = Store.open(place, make=False)
    try:
        now = time.time()
        records = store.due(now) if due_only else store.unfinished()
        ended: Counter[str] = Counter()
        codes: list[int] = []
        for record in records:
            if _in_play(record, now):
                ended["played by others"] += 1
            elif not due_only and not _can_go_on(store, record, now):
                ended["waiting"] += 1
                codes.append(errors.WAITING)
                _say_waits(record, options)
            else:
                codes.append(_take_up(store, record, options))
                ended[_ENDED.get(codes[-1], "failed")] += 1
            if codes and codes[-1] in _INTERRUPTED:
                return codes[-1]
        _say_summary(store, ended, due_only, options)
        return _worst(codes)
    finally:
        store.close()


def _in_play(record: RunRecord, now: float) -> bool:
    return record.owner is not None and is_alive(record.owner, record.until, now)


def _can_go_on(store: Store, record: RunRecord, now: float) -> bool:
    """A run that waits goes on only where its time has come, or where an answer has not been taken in yet."""
    if record.status != "waiting" or (record.due is not None and record.due <= now):
        return True
    return any(store.answers(run.id) for run in (record, *store.below(record.id)))


def _take_up(store: Store, record: RunRecord, options: Options) -> int:
    say(f"run {record.id}")
    try:
        checked = plan_of(store, record)
        prepare_models(checked, options)
        return go_on(store, record, checked, options)
    except ChoreoError as error:
        say_safe(f"error[{error.code}]: {error.message}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a bug in one run must not keep the others waiting
        kept = keep_traceback(error, options.db)
        say_safe(f"error[bug]: {type(error).__name__}: {error}; please report it with {kept}")
        return errors.BUG


def _say_waits(record: RunRecord, options: Options) -> None:
    person = f"{record.open_questions} open: choreo review {record.id}{options.store_flag}"
    parts = [person] if record.open_questions else []
    parts += [f"until {utc(record.due)}"] if record.due is not None else []
    say(f"run {record.id} waits ({'; '.join(parts)})")


def _say_summary(store: Store, ended: Counter[str], due_only: bool, options: Options) -> None:
    if options.quiet:
        return
    if not ended:
        say("no run is due" if due_only else "no run is left to go on with")
    else:
        runs = "1 run" if ended.total() == 1 else f"{ended.total()} runs"
        say(f"{runs}: {', '.join(f'{number} {name}' for name, number in sorted(ended.items()))}")
    following = store.next_due()
    if following is not None:
        say(f"the next is due {utc(following)}: choreo resume --due{options.store_flag}")


def _worst(codes: list[int]) -> int:
    if any(code not in (errors.DONE, errors.WAITING) for code in codes):
        return errors.FAILED
    return errors.WAITING if errors.WAITING in codes else errors.DONE
