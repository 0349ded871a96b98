"""`choreo review --list` and `--all`: what waits for a person in all runs, and working through it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from functools import partial

from choreo.api.parts import plan_of
from choreo.commands.playing import Options
from choreo.commands.resume import go_on
from choreo.commands.review import expired, keep, shown, violations, waiting_in
from choreo.commands.speech import is_terminal, out, say, say_safe
from choreo.engine.answer import in_time
from choreo.errors import DONE, WAITING, ChoreoError, ExpiredError, HeldError, UsageError
from choreo.gates.base import Answer
from choreo.gates.terminal import TerminalGate
from choreo.render.text import utc
from choreo.runners.loop import to_the_end
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive

_SHOWN = 50


def review_many(run: str | None, *, every: bool, listed: bool, answered: bool, options: Options) -> int:
    """`review` without a run. Returns the exit code."""
    if run is not None or (every and listed) or answered:
        wrong = "`--all` and `--list` take no run and no answer"
        raise UsageError("bad-combination", wrong, "answer one run: choreo review RUN --approve")
    if not every and not listed:
        raise UsageError("no-run", "no run is named", "choreo review RUN, or --all, or --list")
    return list_questions(options=options) if listed else review_all(options=options)


def list_questions(*, options: Options) -> int:
    """The open questions of all runs, oldest first. Returns 0."""
    store = Store.read(find_store(options.db))
    try:
        total = store.count_questions()
        found = store.questions(total if options.as_json else _SHOWN)
        if options.as_json:
            out(json.dumps([one._asdict() for one in found], ensure_ascii=False))
            return DONE
        for one in found:
            until = f"  until {utc(one.due)}" if one.due is not None else ""
            place = f"{one.touchpoint} in {one.scope}" if one.scope else one.touchpoint
            out(f"{one.run}  question {one.question}  {one.spec}  {place}  since {utc(one.asked)}{until}")
        more = f", of which the {len(found)} oldest are shown" if total > len(found) else ""
        say(f"{total} open question{'' if total == 1 else 's'}{more}")
        if found:
            say(f"next: choreo review --all{options.store_flag}, or choreo review RUN{options.store_flag}")
        return DONE
    finally:
        store.close()


def review_all(*, options: Options) -> int:
    """Ask for every open question at this terminal, oldest first, and go on with each run that was answered.

    Returns 4 where questions are left, else 0; what a run comes to is said, and is no code of this command.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(
            "no-terminal", "nobody can be asked here", "see: choreo review --list; answer with flags by run"
        )
    store = Store.open(find_store(options.db), make=False)
    try:
        passed: set[tuple[str, int]] = set()
        while one := next((q for q in store.questions(len(passed) + 1) if (q.run, q.question) not in passed), None):
            if not _asked(store, store.top(store.find(one.run)), passed, options):
                break
        left = store.count_questions()
        say(f"{left} open question{'' if left == 1 else 's'} left")
        return WAITING if left else DONE
    finally:
        store.close()


def _asked(store: Store, record: RunRecord, passed: set[tuple[str, int]], options: Options) -> bool:
    """Ask for all that a run waits for, then go on with it. False where the person quit."""
    gate, goes_on = TerminalGate(options.by), False
    for one in waiting_in(store, record):
        if (one.position.run, one.number) in passed:
            continue
        passed.add((one.position.run, one.number))
        try:
            in_time(one.question, time.time())  # nobody is asked what no longer counts
            answer = to_the_end(partial(gate.ask, shown(store, one), violations(one)))
            if answer == "quit":
                return False
            if isinstance(answer, Answer):
                keep(store, one, answer)
                goes_on = True
        except ExpiredError as late:  # the run goes on by that
            say_safe(f"error[{late.code}]: {expired(one, late, options).message}")
            goes_on = True
        except HeldError as error:  # someone else was quicker
            say_safe(f"error[{error.code}]: {error.message}")
    owned = record.owner is not None and is_alive(record.owner, record.until, time.time())
    if goes_on and not owned:
        try:
            go_on(store, record, plan_of(store, record), replace(options, ask=False))
        except ChoreoError as error:
            say_safe(f"error[{error.code}]: {error.message}")
    return True
