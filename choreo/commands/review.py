"""`choreo review`: answer what a run waits for, at the terminal or with flags, and go on with the run."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from choreo.commands.playing import Options
from choreo.commands.resume import go_on, plan_of
from choreo.commands.speech import is_terminal, out, say, say_safe
from choreo.engine.advance import rebuild
from choreo.engine.answer import decided
from choreo.engine.position import OpenQuestion, Position
from choreo.errors import DONE, WAITING, HeldError, UsageError
from choreo.gates.base import Answer, Parked
from choreo.gates.flags import answer_from_flags
from choreo.gates.terminal import TerminalGate
from choreo.plan import Plan
from choreo.runners.questions import answer_check, question_for
from choreo.store import RunRecord, Store, find_store
from choreo.store.owner import is_alive
from choreo.verify import the_checker


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
    """Answer the open questions of a run. Where no living process plays it, go on with it here."""
    store = Store.open(find_store(options.db), make=False)
    try:
        record = store.find(name)
        checked = plan_of(store, record)
        position = rebuild(checked.plan, record.id, store.history(record))
        if not position.questions and flags.given:
            raise _too_late(position, record)
        if not position.questions:
            say(f"run {record.id} waits for nobody: it is {record.status}")
            if record.status != "running":
                return DONE
            say(f"if nobody plays it: choreo resume {record.id}{options.store_flag}")
            return WAITING
        owned = record.owner is not None and is_alive(record.owner, record.until, time.time())
        if flags.given:
            _record(store, checked.plan, position, flags, options)
        elif owned:
            _at_terminal(store, checked.plan, position, options)
        elif not is_terminal(sys.stdin):
            return _show(store, record, checked.plan, position, options)
        if owned:
            say(f"recorded; {record.owner} goes on with run {record.id}")
            return DONE
        return go_on(store, record, checked, options)
    finally:
        store.close()


def _too_late(position: Position, record: RunRecord) -> HeldError:
    """Everything is decided: say what the last decision was."""
    if not position.answered:
        return HeldError("nothing-open", f"run {record.id} waits for nobody: it is {record.status}")
    last = position.answered[max(position.answered)]
    told = f"`{last.touchpoint}` of run {record.id} was already decided: {last.decision} by {last.by}"
    return HeldError("already-decided", told, f"see: choreo trace {record.id}")


def _record(store: Store, plan: Plan, position: Position, flags: Flags, options: Options) -> None:
    question = _chosen(position, flags)
    edit = _file(flags.edit) if flags.edit is not None else None
    shown = question_for(plan, position, question, store.attempts_of(position.run))
    answer = answer_from_flags(
        shown,
        answer_check(plan, position, question, the_checker()),
        by=options.by,
        approve=flags.approve,
        reject=flags.reject,
        edit=edit,
        note=flags.note,
    )
    _keep(store, plan, position, question, answer)


def _at_terminal(store: Store, plan: Plan, position: Position, options: Options) -> None:
    import asyncio

    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("no-terminal", "nobody can be asked here", "answer with --approve, --reject or --edit FILE")
    gate = TerminalGate(options.by)
    for question in list(position.questions.values()):
        shown = question_for(plan, position, question, store.attempts_of(position.run))
        answer: Answer | Parked = asyncio.run(gate.ask(shown, answer_check(plan, position, question, the_checker())))
        if answer == "quit":
            return
        if isinstance(answer, Answer):
            _keep(store, plan, position, question, answer)


def _keep(store: Store, plan: Plan, position: Position, question: OpenQuestion, answer: Answer) -> None:
    fact = decided(
        plan,
        position,
        question.asked.question,
        answer.decision,
        answer.digest,
        check=the_checker(),
        at=time.time(),
        by=answer.by,
        payload=answer.payload,
        reason=answer.reason,
        seconds=answer.seconds,
    )
    store.record_answer(position.run, fact)


def _chosen(position: Position, flags: Flags) -> OpenQuestion:
    if flags.question is not None:
        if flags.question not in position.questions:
            numbers = ", ".join(str(number) for number in position.questions)
            raise HeldError("already-decided", f"question {flags.question} is not open", f"open: {numbers}")
        return position.questions[flags.question]
    if len(position.questions) > 1:
        listed = ", ".join(f"{number} ({q.asked.touchpoint})" for number, q in position.questions.items())
        raise UsageError(
            "which-question", f"{len(position.questions)} questions are open: {listed}", "add --question N"
        )
    return next(iter(position.questions.values()))


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes() if path != "-" else sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError("cannot-read", f"cannot read `{path}`: {error.strerror or error}") from error


def _show(store: Store, record: RunRecord, plan: Plan, position: Position, options: Options) -> int:
    """Without a terminal and without an answer: say what waits, and how it can be answered."""
    for number, open_question in position.questions.items():
        shown = question_for(plan, position, open_question, store.attempts_of(position.run))
        told = {
            "question": number,
            "name": shown.name,
            "ask": shown.ask,
            "why": list(shown.why),
            "payload": shown.payload.value,
            "digest": shown.payload.digest,
        }
        out(json.dumps(told, ensure_ascii=False))
    flag = options.store_flag
    say_safe(f"next: choreo review {record.id}{flag} --approve | --reject --note WHY | --edit FILE, with --by NAME")
    return WAITING
