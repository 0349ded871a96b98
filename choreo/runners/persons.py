"""The persons of one run: asked at the gate here, or answering from elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace

from choreo.engine.advance import Ask
from choreo.engine.answer import decided
from choreo.engine.position import OpenQuestion
from choreo.errors import HeldError
from choreo.gates.base import Answer, Gate, Parked
from choreo.gates.given import answer_given
from choreo.runners.parts import PersonAnswered, Runner
from choreo.runners.questions import answer_check, question_for
from choreo.trace import Decided

_MOST_STALE = 3
"""Answers to other bytes that a question takes before it is given up: who always answers so never answers."""


class Persons:
    """Asks one question at a time; takes in what others have answered, and what nobody answered in time."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._asking: tuple[int, asyncio.Task[None]] | None = None
        self._parked: set[int] = set()
        self._quit = False
        self._stale: Counter[int] = Counter()
        """Answers to other bytes, by question."""
        self._said_at = 0.0
        """When the person at the gate answered. It is booked later, and counts from then on."""

    @property
    def may_answer(self) -> bool:
        """Whether somebody here is being asked, or could be."""
        if self._asking is not None:
            return True
        may_ask = self._runner.parts.gate is not None and not self._quit
        return may_ask and any(number not in self._parked for number in self._runner.position.questions)

    def ask(self, actions: Iterable[Ask]) -> None:
        """Put the first question that was not put off to the person at the gate, if nobody is being asked."""
        gate = self._runner.parts.gate
        if gate is None or self._asking is not None or self._quit:
            return
        for action in actions:
            asked = action.question.asked
            if asked.question not in self._parked:
                task = asyncio.create_task(self._ask_one(gate, action.question))
                self._asking = (asked.question, task)
                return

    async def _ask_one(self, gate: Gate, question: OpenQuestion) -> None:
        try:
            attempts = self._runner.parts.store.attempts_of(self._runner.position.run)
            shown = question_for(self._runner.plan, self._runner.position, question, attempts)
            answer = await gate.ask(
                shown, answer_check(self._runner.plan, self._runner.position, question, self._runner.parts.check)
            )
            self._said_at = self._runner.parts.clock()
            self._runner.post(PersonAnswered(question, answer))
        except asyncio.CancelledError:
            raise
        except KeyboardInterrupt:
            self._runner.interrupt()
        except BaseException as error:  # noqa: BLE001 - goes to the main line, which raises it
            self._runner.post(error)

    def answered(self, question: OpenQuestion, answer: Answer | Parked) -> None:
        """Keep what the person at the gate said. Raises UsageError for what is no answer, HeldError for a gate that
        always answers to other bytes."""
        self._asking = None
        number = question.asked.question
        answer = answer_given(question.asked.touchpoint, answer)
        if not isinstance(answer, Answer):
            self._parked.add(number)
            self._quit = self._quit or answer == "quit"
            return
        if number not in self._runner.position.questions:
            return  # withdrawn, or decided elsewhere, while it was on the screen
        try:
            self._record(answer, number)
        except HeldError as refused:
            if refused.code == "stale-answer":
                self._ask_anew(question, answer)
            return  # or someone else was quicker (that is on record), or it is too late: that is taken in next

    def _ask_anew(self, question: OpenQuestion, answer: Answer) -> None:
        """Let the next turn ask a question again that was answered for other bytes, but not for ever."""
        asked = question.asked
        self._stale[asked.question] += 1
        if self._stale[asked.question] == _MOST_STALE:
            shown = f"the gate answered `{asked.touchpoint}` {_MOST_STALE} times for {answer.digest[:80]!a}"
            help = f"answer with the `payload.digest` of the question, then: choreo resume {self._runner.position.run}"
            raise HeldError("stale-answer", f"{shown}, and {asked.payload.digest} waits", help)

    def _record(self, answer: Answer, number: int) -> None:
        fact = decided(
            self._runner.plan,
            self._runner.position,
            number,
            answer.decision,
            answer.digest,
            check=self._runner.parts.check,
            at=self._said_at,
            by=answer.by,
            payload=answer.payload,
            reason=answer.reason,
            seconds=answer.seconds,
        )
        self._runner.parts.store.record_answer(self._runner.position.run, fact)

    def take_answers(self) -> None:
        """Book answers that were recorded (here or elsewhere) and questions whose time is over."""
        if not self._runner.position.questions:
            return
        for answer in self._runner.parts.store.answers(self._runner.position.run):
            if answer.question in self._runner.position.questions:
                self._stop_asking(answer.question)
                self._runner.commit(replace(answer, at=self._runner.parts.clock()))
        if self._runner.parts.recall is not None:
            self._runner.parts.recall.answer(self._runner)
        now = self._runner.parts.clock()
        for number, due in list(self._runner.position.timed.items()):
            question = self._runner.position.questions.get(number)
            if due <= now and question is not None:
                self._stop_asking(number)
                shown = question.asked.payload.digest
                self._runner.commit(
                    Decided(now, number, "expired", shown, by="choreo", reason="nobody answered in time")
                )

    def _stop_asking(self, number: int) -> None:
        if self._asking is not None and self._asking[0] == number:
            self._asking[1].cancel()
            self._asking = None

    async def let_go(self) -> None:
        """Take the question from the screen."""
        if self._asking is not None:
            self._asking[1].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._asking[1]
