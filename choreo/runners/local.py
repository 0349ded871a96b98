"""The local runner: performs what `advance` says in this process, and commits what happened.

One asyncio loop; parallel hops are tasks. Everything a hop or a person brings back goes through one
mailbox, so that facts are booked one at a time, each with all that follows from it, in one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from msgspec.structs import replace

from choreo.engine.advance import Ask, Finish, Play, advance, finished_hop, rebuild
from choreo.engine.answer import decided
from choreo.engine.position import HopState, OpenQuestion, Position
from choreo.engine.react import Check, react
from choreo.errors import ChoreoError, HeldError, PlayFailed
from choreo.gates.base import Answer, Gate, Parked
from choreo.plan import Plan
from choreo.players.base import Instant, Played, Player, Visit, is_instant
from choreo.runners.questions import answer_check, question_for
from choreo.spec import Role
from choreo.store import Store
from choreo.store.writer import AnswerWaiting, HopAttempt, RunWriter
from choreo.trace import Asked, Attempt, Decided, Event, HopFinished, HopStatus, RunFinished, RunResumed

Watch = Callable[[Sequence[Event], Position], None]
"""Told what was committed, after it was."""

DEADLINE = 600.0
"""Seconds a hop may take where its role has no `timeout`."""
POLL = 0.3
RENEW = 20.0


@dataclass
class Parts:
    """What a runner works with. `gate` is None where nobody can be asked now."""

    plan: Plan
    position: Position
    writer: RunWriter
    store: Store
    check: Check
    player: Callable[[Role], Player | Instant]
    gate: Gate | None = None
    watch: Watch = lambda events, position: None
    clock: Callable[[], float] = time.time
    spent_before: Mapping[int, tuple[float, bool]] = field(default_factory=dict)
    """Of hops that were in play when the last process ended: (cost so far, all of it known)."""


@dataclass(frozen=True, slots=True)
class _HopEnded:
    hop: HopState
    fact: Event
    attempts: tuple[HopAttempt, ...]


@dataclass(frozen=True, slots=True)
class _PersonAnswered:
    question: OpenQuestion
    answer: Answer | Parked


class LocalRunner:
    """Plays one run until it is over, waits for a person, or is interrupted."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.plan, self.position = parts.plan, parts.position
        self._mail: asyncio.Queue[_HopEnded | _PersonAnswered | BaseException | None] = asyncio.Queue()
        self._hops: dict[int, asyncio.Task[None] | None] = {}
        self._asking: tuple[int, asyncio.Task[None]] | None = None
        self._parked: set[int] = set()
        self._players: dict[str, Player | Instant] = {}
        self._quit = False
        self._ahead = False
        """True once a write has failed: the position holds what is not on disk, so nothing may follow from it."""
        self.interrupted = False

    def interrupt(self) -> None:
        """Stop as soon as what must not be cut is on record. The run stays resumable."""
        self.interrupted = True
        self._mail.put_nowait(None)

    async def run(self) -> RunFinished | None:
        """The end of the run, or None where it waits or was interrupted. Raises StoreError, HeldError."""
        self._renew_later()
        try:
            return await self._main_line()
        finally:
            self._renewing.cancel()
            await self._let_go()

    async def resume(self, owner: str) -> None:
        """Book that this process took the run up: effects that were cut short become questions."""
        now = self.parts.clock()
        lost = [(hop.number, _cut_short(self.plan, hop, now)) for hop in self.position.in_play]
        self.commit(RunResumed(now, owner), lost)
        spent = dict(self.parts.spent_before)
        for number, attempt in lost:
            cost, priced = spent.get(number, (0.0, True))
            spent[number] = (cost, priced and is_priced(attempt))
        self.parts.spent_before = spent

    async def _main_line(self) -> RunFinished | None:
        while not self.interrupted:
            self._take_answers()
            actions = advance(self.plan, self.position)
            if actions and isinstance(actions[0], Finish):
                return actions[0].event
            await self._play(action for action in actions if isinstance(action, Play))
            self._ask([action for action in actions if isinstance(action, Ask)])
            if not self._hops and self._asking is None:
                return None
            self._book(await self._next())
        return None

    # -- facts -----------------------------------------------------------------------------------

    def commit(self, fact: Event, attempts: Iterable[HopAttempt] = ()) -> None:
        """Book a fact and all that follows, durably, then tell whoever watches."""
        if isinstance(fact, Asked):  # another question may have been booked since this one was thought of
            fact = replace(fact, question=self.position.asked + 1)
        made = tuple(attempts)
        self._ahead = True
        events = react(self.plan, self.position, fact, self.parts.check)
        try:
            self.parts.writer.append(events, made, status=status_of(self.position), at=fact.at)
        except AnswerWaiting:
            self._answer_first(fact, made)
            return
        self._ahead = False
        self.parts.watch(events, self.position)

    def _answer_first(self, fact: Event, attempts: Sequence[HopAttempt]) -> None:
        """Someone answered while this fact was about to close their question: what they said comes first."""
        store = self.parts.store
        history = store.history(store.find(self.position.run))
        self.position = self.parts.position = rebuild(self.plan, self.position.run, history)
        self._ahead = False
        self._take_answers()
        if not isinstance(fact, Decided) or fact.question in self.position.questions:
            self.commit(fact, attempts)

    def _book(self, mail: _HopEnded | _PersonAnswered | BaseException | None) -> None:
        if isinstance(mail, BaseException):
            raise mail
        if isinstance(mail, _HopEnded):
            self._hops.pop(mail.hop.number, None)
            self.commit(mail.fact, mail.attempts)
        elif isinstance(mail, _PersonAnswered):
            self._asking = None
            self._answered(mail.question, mail.answer)

    async def _next(self) -> _HopEnded | _PersonAnswered | BaseException | None:
        if not self.position.questions:
            return await self._mail.get()
        # A question is open: someone may answer it from another process, or its time may run out.
        try:
            return await asyncio.wait_for(self._mail.get(), POLL)
        except TimeoutError:
            return None

    def _renew_later(self) -> None:
        self._renewing = asyncio.get_running_loop().call_later(RENEW, self._renew)

    def _renew(self) -> None:
        try:
            self.parts.writer.renew(self.parts.clock())
        except ChoreoError as error:
            self._mail.put_nowait(error)
        else:
            self._renew_later()

    # -- hops ------------------------------------------------------------------------------------

    async def _play(self, actions: Iterable[Play]) -> None:
        for action in actions:
            if action.hop.number in self._hops:
                continue
            if is_instant(self._player(action.hop)):
                # Nothing to wait for: a task of its own would only cost time.
                self._hops[action.hop.number] = None
                await self._play_hop(action.hop)
            else:
                self._hops[action.hop.number] = asyncio.create_task(self._play_hop(action.hop))

    async def _play_hop(self, hop: HopState) -> None:
        try:
            self._mail.put_nowait(await self._played(hop))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - goes to the main line, which raises it
            self._mail.put_nowait(error)

    async def _played(self, hop: HopState) -> _HopEnded:
        role = self.plan.roles[hop.role].role
        visit = self._visit(hop, role)
        made: list[Attempt] = []
        began = time.monotonic()

        def record(attempt: Attempt) -> None:
            made.append(attempt)
            now = self.parts.clock()
            self.parts.writer.append((), [(hop.number, attempt)], status=status_of(self.position), at=now)

        try:
            player = self._player(hop)
            if is_instant(player):
                played = player.play_now(visit)
            else:
                async with asyncio.timeout(visit.deadline + 5.0):
                    played = await cast(Player, player).play(visit, record)
        except TimeoutError:
            failure = PlayFailed("timeout", f"no result within {visit.deadline:g} s", timeout=True)
            return self._failed(hop, failure, made, time.monotonic() - began)
        except PlayFailed as failure:
            return self._failed(hop, failure, made, time.monotonic() - began)
        return self._done(hop, role, played, made, time.monotonic() - began)

    def _player(self, hop: HopState) -> Player | Instant:
        found = self._players.get(hop.role)
        if found is None:
            found = self._players[hop.role] = self.parts.player(self.plan.roles[hop.role].role)
        return found

    def _visit(self, hop: HopState, role: Role) -> Visit:
        emits = self.plan.roles[hop.role].emits
        return Visit(
            run=self.position.run,
            hop=hop.number,
            role=role,
            input=hop.input,
            trigger=self.position.trigger,
            absent=self.plan.absent,
            previous=hop.previous,
            feedback=hop.feedback,
            schema=emits.schema if emits is not None else None,
            emits=emits.ref if emits is not None else None,
            deadline=role.timeout or DEADLINE,
            folder=self.plan.spec.folder,
            models=self.plan.spec.models,
            seed=hop.number,
        )

    def _done(self, hop: HopState, role: Role, played: Played, made: list[Attempt], seconds: float) -> _HopEnded:
        cost, priced = self._cost(hop.number, (*made, *played.attempts))
        measured = None
        if role.confidence is not None and role.confidence.expression is None:
            measured = (played.confidence, played.confidence_source, dict(played.confidence_detail))
        fact = finished_hop(
            self.plan,
            hop,
            played.value,
            self.parts.check,
            more={"trigger": self.position.trigger, "run": {"id": self.position.run}},
            at=self.parts.clock(),
            seconds=seconds,
            cost=cost,
            priced=priced,
            measured=measured,
        )
        return _HopEnded(hop, fact, tuple((hop.number, attempt) for attempt in played.attempts))

    def _failed(self, hop: HopState, failure: PlayFailed, made: list[Attempt], seconds: float) -> _HopEnded:
        now = self.parts.clock()
        if failure.timeout and hop.effect:
            # The late result is discarded, so whether the effect happened is not known.
            why = f"the effect did not report back in time: {failure.message}"
            number = self.position.asked + 1
            return _HopEnded(hop, Asked(now, number, "in_doubt", hop.role, hop.input, hop=hop.number, why=why), ())
        cost, priced = self._cost(hop.number, made)
        status: HopStatus = "timeout" if failure.timeout else "failed"
        fact = HopFinished(
            now,
            hop.number,
            status,
            code=failure.code,
            message=failure.message,
            cost=cost,
            priced=priced,
            seconds=seconds,
        )
        return _HopEnded(hop, fact, ())

    def _cost(self, hop: int, attempts: Iterable[Attempt]) -> tuple[float, bool]:
        """Known cost of a hop, what a process that died had spent on it included, and whether that is all."""
        cost, priced = self.parts.spent_before.get(hop, (0.0, True))
        for attempt in attempts:
            cost += attempt.cost or 0.0
            priced = priced and is_priced(attempt)
        return cost, priced

    # -- persons ---------------------------------------------------------------------------------

    def _ask(self, actions: list[Ask]) -> None:
        gate = self.parts.gate
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
            attempts = self.parts.store.attempts_of(self.position.run)
            shown = question_for(self.plan, self.position, question, attempts)
            answer = await gate.ask(shown, answer_check(self.plan, self.position, question, self.parts.check))
            self._mail.put_nowait(_PersonAnswered(question, answer))
        except asyncio.CancelledError:
            raise
        except KeyboardInterrupt:
            self.interrupt()
        except BaseException as error:  # noqa: BLE001 - goes to the main line, which raises it
            self._mail.put_nowait(error)

    def _answered(self, question: OpenQuestion, answer: Answer | Parked) -> None:
        number = question.asked.question
        if not isinstance(answer, Answer):
            self._parked.add(number)
            self._quit = self._quit or answer == "quit"
            return
        if number not in self.position.questions:
            return  # withdrawn, or decided elsewhere, while it was on the screen
        try:
            self._record(answer, number)
        except HeldError:
            return  # someone else was quicker: their answer is on record and is taken in next

    def _record(self, answer: Answer, number: int) -> None:
        fact = decided(
            self.plan,
            self.position,
            number,
            answer.decision,
            answer.digest,
            check=self.parts.check,
            at=self.parts.clock(),
            by=answer.by,
            payload=answer.payload,
            reason=answer.reason,
            seconds=answer.seconds,
        )
        self.parts.store.record_answer(self.position.run, fact)

    def _take_answers(self) -> None:
        """Book answers that were recorded (here or elsewhere) and questions whose time is over."""
        if not self.position.questions:
            return
        for answer in self.parts.store.answers(self.position.run):
            if answer.question in self.position.questions:
                self._stop_asking(answer.question)
                self.commit(_at(answer, self.parts.clock()))
        now = self.parts.clock()
        for number, question in list(self.position.questions.items()):
            due = question.asked.due
            if due is not None and due <= now and number in self.position.questions:
                self._stop_asking(number)
                shown = question.asked.payload.digest
                self.commit(Decided(now, number, "expired", shown, by="choreo", reason="nobody answered in time"))

    def _stop_asking(self, number: int) -> None:
        if self._asking is not None and self._asking[0] == number:
            self._asking[1].cancel()
            self._asking = None

    # -- the end ---------------------------------------------------------------------------------

    async def _let_go(self) -> None:
        """Cancel what may be cut; wait for effects that happen once, and record how they went."""
        if self._asking is not None:
            self._asking[1].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._asking[1]
        tasks = {number: task for number, task in self._hops.items() if task is not None}
        effects = [task for number, task in tasks.items() if self.position.hops[number].effect]
        others = [task for task in tasks.values() if task not in effects]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.gather(*effects, return_exceptions=True)
        while not self._mail.empty():
            mail = self._mail.get_nowait()
            if isinstance(mail, _HopEnded) and mail.hop.effect and not self._ahead:
                self.commit(mail.fact, mail.attempts)


def status_of(position: Position) -> str:
    """The status of a run as the table `run` has it."""
    if position.finished is not None:
        return position.finished.status
    return "waiting" if position.questions and not position.in_play else "running"


def is_priced(attempt: Attempt) -> bool:
    """Whether what an attempt cost is known. A call that brought no answer back costs nothing."""
    answered = attempt.finish is not None or attempt.code is None or attempt.kind == "interrupted"
    return attempt.cost is not None or not answered


def _cut_short(plan: Plan, hop: HopState, now: float) -> Attempt:
    """The attempt that was under way when the last process ended: what it brought and cost is not known."""
    from choreo.spec import ModelPlayer

    paid = isinstance(plan.roles[hop.role].role.player, ModelPlayer)
    return Attempt(
        kind="interrupted",
        request=hop.input.data,
        response=None,
        started=now,
        seconds=0.0,
        code="interrupted",
        message="the process ended while this was under way",
        cost=None if paid else 0.0,
    )


def _at(answer: Decided, now: float) -> Decided:
    return replace(answer, at=now)
