"""`choreo review`: answer what a run waits for, at the terminal or with flags, and go on with the run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from choreo.api.parts import plan_of
from choreo.commands.playing import Options
from choreo.commands.resume import go_on
from choreo.commands.speech import is_terminal, out, say, say_safe
from choreo.engine.advance import rebuild
from choreo.engine.answer import decided, in_time
from choreo.engine.position import OpenQuestion, Position
from choreo.errors import DONE, WAITING, ExpiredError, HeldError, UsageError
from choreo.gates.base import Answer, Parked, Question, Violations
from choreo.gates.flags import answer_from_flags
from choreo.gates.terminal import TerminalGate
from choreo.plan import Plan
from choreo.render.text import utc
from choreo.runners.loop import to_the_end
from choreo.runners.questions import answer_check, question_for
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive
from choreo.verify import the_checker

_ANSWERS = {"approve": "--approve", "reject": "--reject --note WHY", "edit": "--edit FILE"}


@dataclass(frozen=True)
class Waiting:
    """An open question, and the run (or child run) that waits for its answer."""

    plan: Plan
    position: Position
    question: OpenQuestion

    @property
    def number(self) -> int:
        return self.question.asked.question


@dataclass(frozen=True)
class Flags:
    """An answer given on the command line. `question` is its number, where more than one is open."""

    approve: bool = False
    reject: bool = False
    edit: str | None = None
    note: str = ""
    question: int | None = None

    @property
    def given(self) -> bool:
        return self.approve or self.reject or self.edit is not None


def review(name: str, *, flags: Flags, options: Options) -> int:
    """Answer the open questions of a run and its child runs. Where no living process plays it, go on with it here:
    with the run at the top, where it is a child run."""
    store = Store.open(find_store(options.db), make=False)
    try:
        record = store.find(name)
        waiting = waiting_in(store, record)
        if not waiting and flags.given:
            raise _too_late(rebuild(plan_of(store, record).plan, record.id, store.history(record)), record)
        if not waiting:
            say(f"run {record.id} waits for nobody: it is {record.status}")
            if record.status != "running":
                return DONE
            say(f"if nobody plays it: choreo resume {record.id}{options.store_flag}")
            return WAITING
        top = store.top(record)
        owned = top.owner is not None and is_alive(top.owner, top.until, time.time())
        if flags.given:
            one = _chosen(waiting, record, flags)
            try:
                _record(store, one, flags, options)
            except ExpiredError as late:
                if not owned:
                    go_on(store, top, plan_of(store, top), options)
                raise expired(one, late, options) from late
        elif owned:
            _at_terminal(store, waiting, options)
        elif not is_terminal(sys.stdin):
            return _show(store, record, waiting, options)
        if owned:
            say(f"recorded; {top.owner} goes on with run {top.id}")
            return DONE
        return go_on(store, top, plan_of(store, top), options)
    finally:
        store.close()


def waiting_in(store: Store, record: RunRecord) -> list[Waiting]:
    """What the run waits for, then what its child runs wait for."""
    found: list[Waiting] = []
    for run in (record, *(child for child in store.below(record.id) if child.open_questions)):
        plan = plan_of(store, run).plan
        position = rebuild(plan, run.id, store.history(run, checked=True))
        found += [Waiting(plan, position, question) for question in position.questions.values()]
    return found


def _too_late(position: Position, record: RunRecord) -> HeldError:
    """Everything is decided: say what the last decision was."""
    if not position.answered:
        return HeldError("nothing-open", f"run {record.id} waits for nobody: it is {record.status}")
    last = position.answered[max(position.answered)]
    told = f"`{last.touchpoint}` of run {record.id} was already decided: {last.decision} by {last.by}"
    return HeldError("already-decided", told, f"see: choreo trace {record.id}")


def expired(one: Waiting, late: ExpiredError, options: Options) -> ExpiredError:
    """Why an answer was not taken; that the question expired is on record by now, or whoever plays the run books it."""
    name, run = one.question.asked.touchpoint, one.position.run
    told = f"`{name}` of run {run} (question {one.number}) expired at {utc(late.due)}: an answer comes too late"
    return ExpiredError(told, f"what came of it: choreo trace {run}{options.store_flag}", late.due)


def shown(store: Store, one: Waiting) -> Question:
    """The question as a gate shows it."""
    return question_for(one.plan, one.position, one.question, store.attempts_of(one.position.run))


def violations(one: Waiting) -> Violations:
    """What tells an answer's violations of the receiver's contract."""
    return answer_check(one.plan, one.position, one.question, the_checker())


def _record(store: Store, one: Waiting, flags: Flags, options: Options) -> None:
    in_time(one.question, time.time())  # before the words of the call are looked at: none of them would do
    edit = _file(flags.edit) if flags.edit is not None else None
    answer = answer_from_flags(
        shown(store, one),
        violations(one),
        by=options.by,
        approve=flags.approve,
        reject=flags.reject,
        edit=edit,
        note=flags.note,
    )
    keep(store, one, answer)


def _at_terminal(store: Store, waiting: Sequence[Waiting], options: Options) -> None:

    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("no-terminal", "nobody can be asked here", "answer with --approve, --reject or --edit FILE")
    gate = TerminalGate(options.by)
    for one in waiting:
        answer: Answer | Parked = to_the_end(partial(gate.ask, shown(store, one), violations(one)))
        if answer == "quit":
            return
        if isinstance(answer, Answer):
            keep(store, one, answer)


def keep(store: Store, one: Waiting, answer: Answer) -> None:
    """Put an answer on record. Raises HeldError where the question is decided already."""
    fact = decided(
        one.plan,
        one.position,
        one.number,
        answer.decision,
        answer.digest,
        check=the_checker(),
        at=time.time(),
        by=answer.by,
        payload=answer.payload,
        reason=answer.reason,
        seconds=answer.seconds,
    )
    store.record_answer(one.position.run, fact)


def _chosen(waiting: Sequence[Waiting], record: RunRecord, flags: Flags) -> Waiting:
    """The question that is answered. A number means one of the named run before one of a child run."""
    listed = ", ".join(f"{one.number} ({_where(one, record)})" for one in waiting)
    possible = [one for one in waiting if flags.question in (None, one.number)]
    own = [one for one in possible if one.position.run == record.id]
    if not possible:
        raise HeldError("already-decided", f"question {flags.question} is not open", f"open: {listed}")
    if flags.question is not None and own:
        return own[0]
    if len(possible) > 1:
        runs = {one.position.run for one in possible}
        help = "add --question N" if len(runs) == 1 else "name the child run, and add --question N where it has several"
        raise UsageError("which-question", f"{len(waiting)} questions are open: {listed}", help)
    return possible[0]


def _where(one: Waiting, record: RunRecord) -> str:
    asked = one.question.asked
    place = f"{asked.touchpoint} in {asked.scope}" if asked.scope else asked.touchpoint
    return place if one.position.run == record.id else f"{place} of run {one.position.run}"


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes() if path != "-" else sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError("cannot-read", f"cannot read `{path}`: {error.strerror or error}") from error


def _show(store: Store, record: RunRecord, waiting: Sequence[Waiting], options: Options) -> int:
    """Without a terminal and without an answer: say what waits, and how it can be answered."""
    for one in waiting:
        question = shown(store, one)
        told = {
            "run": one.position.run,
            "question": one.number,
            "name": question.name,
            "scope": one.question.asked.scope,
            "ask": question.ask,
            "why": list(question.why),
            "payload": question.payload.value,
            "digest": question.payload.digest,
        }
        out(json.dumps(told, ensure_ascii=False))
        due = one.question.asked.due
        if due is not None and due <= time.time():
            say_safe(f"`{question.name}` expired at {utc(due)}; go on: choreo resume {record.id}{options.store_flag}")
            continue
        which = f" --question {one.number}" if len(waiting) > 1 else ""
        flags = " | ".join(_flags_for(question))
        say_safe(f"next: choreo review {one.position.run}{options.store_flag}{which} {flags}, with --by NAME")
    return WAITING


def _flags_for(question: Question) -> Iterator[str]:
    """What may be answered without a terminal."""
    if question.kind == "approve":
        yield from (_ANSWERS[choice] for choice in _ANSWERS if choice in question.may)
    else:
        yield "--edit FILE"
        yield from () if question.kind == "fill" else ("--reject --note WHY",)
