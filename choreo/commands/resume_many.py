"""`choreo resume --all` and `--due`: every run that can go on, one after the other."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from choreo import errors
from choreo.api.parts import plan_of
from choreo.commands.bug import keep_traceback
from choreo.commands.playing import SIGNALS, Options, resumed
from choreo.commands.resume import play_on
from choreo.commands.run import prepare_models
from choreo.commands.since import say_what_changed
from choreo.commands.speech import say, say_safe
from choreo.errors import ChoreoError, HeldError, UsageError
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
_PASSED = "played by another process"
_OF_ONE_RUN = "store-damaged"
"""What a store that is open says of the rows of one run: others may be whole."""


def resume_many(
    name: str | None, *, limits: Sequence[str], due_only: bool, options: Options, accept_changes: bool = False
) -> int:
    """Take up every run that can go on now, or only those whose time has come; nobody is asked anything.

    A run that fails does not stop the others, and one that another process plays is passed over. Gives 0 where all are
    done (or there was nothing to do), 4 where runs wait, 1 where one failed, was rejected, reached a limit or could not
    be taken up. Raises StoreError where the store can take nothing more: no other run would fare better.
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
        ended: Counter[str] = Counter()
        codes: list[int] = []
        for listed in store.due(time.time()) if due_only else store.unfinished():
            code = _go_on(store, listed, due_only, options)
            ended[_PASSED if code is None else _ENDED.get(code, "failed")] += 1
            if code in _INTERRUPTED:
                return code
            if code is not None:
                codes.append(code)
        _say_summary(store, ended, due_only, options)
        return _worst(codes)
    finally:
        store.close()


def _go_on(store: Store, listed: RunRecord, due_only: bool, options: Options) -> int | None:
    """The exit code of a run, None where another process plays it, or has played it since it was listed."""
    record, now = store.find(listed.id), time.time()
    in_play = record.owner is not None and is_alive(record.owner, record.until, now)
    if in_play or record.seq != listed.seq:
        return None
    if not due_only and not _can_go_on(store, record, now):
        _say_waits(record, options)
        return errors.WAITING
    return _take_up(store, record, options)


def _can_go_on(store: Store, record: RunRecord, now: float) -> bool:
    """A run that waits goes on only where its time has come, or where an answer has not been taken in yet."""
    if record.status != "waiting" or (record.due is not None and record.due <= now):
        return True
    return any(store.answers(run.id) for run in (record, *store.below(record.id)))


def _take_up(store: Store, record: RunRecord, options: Options) -> int | None:
    """As `_go_on`: of processes that take a run up in the same moment one has it, and the others say nothing."""
    try:
        checked = plan_of(store, record)
        prepare_models(checked, options)
        parts = resumed(checked.plan, record, store, options, checked.family)
    except Exception as error:  # noqa: BLE001 - see `_failed`
        if isinstance(error, HeldError) and error.code == "run-held":
            return None
        say(f"run {record.id}")
        return _failed(error, options)
    if parts.position.finished is not None:  # another process was done with it before this one had it
        parts.writer.release()
        return None
    say(f"run {record.id}")
    try:
        say_what_changed(record, checked, options)
        return play_on(parts, options)
    except Exception as error:  # noqa: BLE001 - see `_failed`
        return _failed(error, options)


def _failed(error: Exception, options: Options) -> int:
    """Tell it: neither an error nor a bug in one run keeps the others waiting, but for a store that fails them all."""
    if isinstance(error, ChoreoError):
        if error.exit_code == errors.STORE and error.code != _OF_ONE_RUN:
            one = rf"choreo resume [\w.-]+(?:{re.escape(options.store_flag)})?"
            error.help = re.sub(one, "the same command", error.help)
            raise error
        say_safe(f"error[{error.code}]: {error.message}")
        return error.exit_code
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
