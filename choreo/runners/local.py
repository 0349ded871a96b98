"""The local runner: performs what `advance` says in this process, and commits what happened.

One asyncio loop; parallel hops are tasks. Everything a hop or a person brings back goes through one
mailbox, so that facts are booked one at a time, each with all that follows from it. Hops that ended may share
a transaction: it is written before anything leaves this process (a service or a model is called, a person is
asked, the end is told) and before this process waits.
"""

from __future__ import annotations

import asyncio
import math
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, cast

from msgspec.structs import replace

from choreo.engine.advance import Cancel, Finish, Play, asks, in_hand, rebuild
from choreo.engine.fold import fold
from choreo.engine.position import HopState
from choreo.engine.react import Check, react
from choreo.errors import ChoreoError, NoRoom
from choreo.players.base import Instant, Player, is_instant
from choreo.runners.mailbox import Mailbox
from choreo.runners.once import receipts
from choreo.runners.parts import HopEnded, Mail, Parts, PersonAnswered, cut_short, is_priced, status_of
from choreo.runners.persons import Persons
from choreo.runners.visits import Visits
from choreo.store import Store
from choreo.store.claims import ClaimTaken
from choreo.store.writer import AnswerWaiting, HopAttempt
from choreo.trace import (
    Asked,
    ChildRun,
    Decided,
    EffectKey,
    Event,
    HopFinished,
    RunFinished,
    RunResumed,
    TimerFired,
)

POLL = 0.3
LOOK = 1.0
"""Seconds between two looks whether someone wants the run to stop."""
RENEW = 20
"""Looks after which the lease is renewed; where time is limited it is at each, so that a death costs none of it."""
TURN = 0.05
"""Seconds that a run which never waits goes on for without looking up."""
_MOST_HELD = 256
"""Events that may be booked before they are written, where a run never has to wait."""
PATIENCE = 5.0
"""Seconds that a process stays only to wait for a delay. For a longer one it leaves, and `resume --due` goes on."""


class LocalRunner:
    """Plays one run until it is over, waits for a person, or is interrupted."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.plan, self.position = parts.plan, parts.position
        self._mail: Mailbox[Mail] = Mailbox()
        self._on_the_spot: deque[Mail] = deque()
        """The mail of players that had their output at once."""
        self._hops: dict[int, asyncio.Task[None] | None] = {}
        own = cast(LocalRunner, weakref.proxy(self))  # no cycle: a run is gone as soon as it is over
        self._visits = Visits(own)
        self._persons = Persons(own)
        self._ahead = False
        """True once a write has failed: the position holds what cannot be on disk, so nothing may follow from it."""
        self._held: list[Event] = list(parts.writer.opening)
        self._held_attempts: list[HopAttempt] = []
        self.interrupted = False
        self.finishes = False
        """Whether model calls in flight are awaited as it leaves, not cut: they are paid."""
        self._paid: list[asyncio.Task[None]] = []
        """Those that are awaited."""
        self._looks = 0
        self._turn = time.monotonic()
        self._stopped_by: str | None = None
        self._renewing: asyncio.TimerHandle | None = None
        """Set from when this run first has to wait, or has gone on for a while."""

    def interrupt(self, *, finishes: bool = False) -> None:
        """Stop as soon as what must not be cut is on record. The run stays resumable."""
        cuts = self.finishes and not finishes
        self.interrupted, self.finishes = True, finishes
        for task in self._paid if cuts else ():
            task.cancel()
        if cuts and self.parts.below is not None:
            self.parts.below.interrupt(self.position.run)
        self._mail.post(None)

    async def run(self) -> RunFinished | None:
        """The end of the run, or None where it waits or was interrupted. Raises StoreError, HeldError."""
        try:
            end = await self._main_line()
            await self.parts.writer.settled()
        except NoRoom:
            self.finishes = True
            raise
        finally:
            if self._renewing is not None:
                self._renewing.cancel()
            await self._let_go()
        return end if self._stopped_by is None or self.position.finished is not None else await self._stop()

    async def _stop(self) -> RunFinished:
        end = RunFinished(self.parts.clock(), "stopped", code="stopped", message=f"stopped by {self._stopped_by}")
        self.commit(end)
        await self.parts.writer.settled()
        return end

    async def resume(self, owner: str) -> None:
        """Book that this process took the run up: effects that were cut short become questions."""
        now = self.parts.clock()
        hops = [hop for hop in self.position.in_play if not self._visits.is_below(hop)]
        lost = [(hop.number, cut_short(self.plan, hop, now)) for hop in hops]
        self.commit(RunResumed(now, owner, self.parts.lived or None), lost)
        spent = dict(self.parts.spent_before)
        for number, attempt in lost:
            cost, priced = spent.get(number, (0.0, True))
            spent[number] = (cost, priced and is_priced(attempt))
        self.parts.spent_before = spent
        for question, receipt, reason in list(receipts(self)):
            asked = question.asked
            shown = asked.payload.digest
            self.commit(Decided(now, asked.question, "done", shown, by="choreo", payload=receipt, reason=reason))

    async def _main_line(self) -> RunFinished | None:
        try:
            return await self._until_rest()
        finally:
            if not self._ahead:
                self.flush()

    async def _until_rest(self) -> RunFinished | None:
        while not self.interrupted:
            self._persons.take_answers()
            self._take_delayed()
            actions = in_hand(self.position)
            if actions and isinstance(actions[0], Finish):
                return actions[0].event
            self._cancel(action.hop for action in actions if isinstance(action, Cancel))
            await self._play(action for action in actions if isinstance(action, Play))
            self._persons.ask(asks(self.position))
            if self.rests and not self.parts.stays:
                return None
            if time.monotonic() - self._turn > TURN:
                await self._give_way()
            self._book(await self._next())  # what it starts is begun before anything else has its turn
            while not self._mail.is_empty:
                self._book(self._mail.take_now())
        return None

    @property
    def rests(self) -> bool:
        """Whether only what comes from outside this process can bring the run on: a person, or a time far away."""
        below = self.parts.below
        if self.position.machines or self._persons.may_answer:
            return False
        children = all(below is not None and below.rests(self.position.run, number) for number in self._hops)
        return children and self._until_delayed() > PATIENCE

    @property
    def over(self) -> bool:
        """Whether it is on record that the run is over for good."""
        end = self.position.finished
        return end is not None and end.status != "limit" and not end.stopped and not self._ahead

    def post(self, mail: Mail) -> None:
        """Leave something for the main line to book."""
        self._mail.post(mail)

    # -- facts -----------------------------------------------------------------------------------

    def commit(self, fact: Event, attempts: Iterable[HopAttempt] = (), first: tuple[Event, ...] = ()) -> None:
        """Book a fact and all that follows. On disk when this returns, but for a hop's end: `flush` writes it."""
        if isinstance(fact, Asked):  # another question may have been booked since this one was thought of
            fact = replace(fact, question=self.position.asked + 1)
        made = tuple(attempts)
        may_wait = isinstance(fact, HopFinished) and not self.position.questions and len(self._held) < _MOST_HELD
        if not may_wait:
            self.flush()
        self._ahead = True
        if self.parts.below is not None:
            first = (*first, *self.parts.below.first(self.position, fact))
        for event in first:
            fold(self.plan, self.position, event)
        starts = not self.interrupted  # who leaves begins nothing: an effect would look as if it had been begun
        self._held += (*first, *react(self.plan, self.position, fact, self.parts.check, starts=starts))
        self._held_attempts += made
        self._ahead = False
        if may_wait and not self.position.questions and self.position.finished is None:
            return
        try:
            self.flush()
        except AnswerWaiting:
            self._held, self._held_attempts = [], []
            self._answer_first(fact, made)

    @property
    def store(self) -> Store:
        return self.parts.store

    @property
    def clock(self) -> Callable[[], float]:
        return self.parts.clock

    @property
    def check(self) -> Check:
        return self.parts.check

    async def claim(self, fact: EffectKey) -> bool:
        """Commit the key of an effect before it is done. False where someone else was quicker."""
        self.flush()
        now, due = fact.at, self.position.due
        try:
            self.parts.writer.append((fact,), status=status_of(self.position), at=now, due=due)
        except ClaimTaken:
            return False
        await self.parts.writer.settled()
        fold(self.plan, self.position, fact)
        self.parts.watch((fact,), self.position)
        return True

    def flush(self) -> None:
        """Write what was booked, in one durable transaction, then tell whoever watches. Raises AnswerWaiting."""
        if not self._held:
            return
        events, attempts = self._held, self._held_attempts
        now, due = events[-1].at, self.position.due
        self._ahead = True
        self.parts.writer.append(events, attempts, status=status_of(self.position), at=now, due=due)
        self._ahead = False
        self._held, self._held_attempts = [], []
        self.parts.watch(events, self.position)

    def _answer_first(self, fact: Event, attempts: Sequence[HopAttempt]) -> None:
        """Someone answered while this fact was about to close their question: what they said comes first."""
        store = self.parts.store
        history = store.history(store.find(self.position.run), checked=True)
        self.position = self.parts.position = rebuild(self.plan, self.position.run, history)
        self._ahead = False
        self._persons.take_answers()
        if not isinstance(fact, Decided) or fact.question in self.position.questions:
            self.commit(fact, attempts)

    def _book(self, mail: Mail) -> None:
        if isinstance(mail, BaseException):
            raise mail
        if isinstance(mail, HopEnded):
            self._hops.pop(mail.hop.number, None)
            self.commit(mail.fact, mail.attempts, mail.first)
        elif isinstance(mail, ChildRun):
            if mail.state == "limit":
                self._hops.pop(mail.hop, None)
            if mail.hop in self.position.playing:
                self.commit(mail)
        elif isinstance(mail, PersonAnswered):
            self._persons.answered(mail.question, mail.answer)

    async def _next(self) -> Mail:
        if self._on_the_spot:
            return self._on_the_spot.popleft()
        if self._mail.is_empty:
            self.flush()
            self._keep_looking()
        asked = self.position.questions or self.position.children
        if not asked and not self.position.delayed:
            return await self._mail.take()
        # A question is open: someone may answer it from another process, or its time may run out.
        wait = min(self._until_delayed(), POLL if asked else math.inf)
        try:
            return await asyncio.wait_for(self._mail.take(), wait)
        except TimeoutError:
            return None

    def _until_delayed(self) -> float:
        """Seconds until the first delayed arrival is due; infinite where nothing is delayed."""
        dues = [delayed.due for delayed in self.position.delayed.values()]
        return max(0.0, min(dues) - self.parts.clock()) if dues else math.inf

    def _take_delayed(self) -> None:
        """Send what was delayed and whose time has come on its way, in the order in which it came due."""
        if not self.position.delayed:
            return
        now = self.parts.clock()
        for number, delayed in sorted(self.position.delayed.items(), key=lambda item: (item[1].due, item[0])):
            if delayed.due <= now and number in self.position.delayed:
                self.commit(TimerFired(now, number))

    def _keep_looking(self) -> None:
        if self._renewing is None:
            self._renew_later()

    def _renew_later(self) -> None:
        self._renewing = asyncio.get_running_loop().call_later(LOOK, self._renew)

    def _renew(self) -> None:
        self._looks += 1
        try:
            self._stopped_by = self.parts.writer.asked_to_stop()
            if self._looks % RENEW == 0 or self._is_timed:
                self.parts.writer.renew(self.parts.clock())
        except ChoreoError as error:
            self._mail.post(error)
            return
        if self._stopped_by is not None:
            self.interrupt()
        self._renew_later()

    # -- hops ------------------------------------------------------------------------------------

    async def _play(self, actions: Iterable[Play]) -> None:
        for action in actions:
            if action.hop.number in self._hops:
                continue
            player = None if self._visits.is_below(action.hop) else self._visits.player(action.hop)
            if player is None or not is_instant(player):
                self.flush()
                await self.parts.writer.settled()
            self._begin_hop(action.hop, player)

    def _begin_hop(self, hop: HopState, player: Player | Instant | None) -> None:
        """Where a player has its output on the spot, a task of its own would only cost time. None: a child run."""
        below = self.parts.below if player is None else None
        if below is not None:
            self._take_begun(hop, lambda: below.play(self, hop), self._on_the_spot.append)
        else:
            self._take_begun(hop, lambda: self._visits.begin(hop, cast(Player, player)), self._on_the_spot.append)

    def go_on(self, hop: HopState, begin: Callable[[], Mail | Coroutine[Any, Any, Mail]]) -> None:
        """Take what a player gave that was waited for without a task."""
        self._take_begun(hop, begin, self.post)

    def _take_begun(
        self,
        hop: HopState,
        begin: Callable[[], Mail | Coroutine[Any, Any, Mail]],
        post: Callable[[Mail], None],
    ) -> None:
        self._hops[hop.number] = None
        try:
            begun = begin()
        except Exception as error:  # noqa: BLE001 - goes to the main line, which raises it
            post(error)
            return
        if type(begun) is HopEnded:
            post(begun)
        elif isinstance(begun, Coroutine):
            self._hops[hop.number] = asyncio.create_task(self._play_hop(hop, begun))
        elif begun is not None:
            post(begun)

    async def _give_way(self) -> None:
        """Let signals and other runs have their turn, where this run has nothing to wait for."""
        self._keep_looking()
        await asyncio.sleep(0)
        self._turn = time.monotonic()

    async def _play_hop(self, hop: HopState, play: Coroutine[Any, Any, Mail]) -> None:
        try:
            self._mail.post(await play)
        except asyncio.CancelledError:
            if hop.number not in self._visits.cancelled:
                raise
            self.post(self._visits.cut(hop))
        except BaseException as error:  # noqa: BLE001 - goes to the main line, which raises it
            self._mail.post(error)

    def _cancel(self, hops: Iterable[HopState]) -> None:
        """Stop visits whose lane is over. How each of them ended comes by mail."""
        for hop in hops:
            if hop.number in self._visits.cancelled:
                continue
            self._visits.cancelled.add(hop.number)
            task = self._hops.get(hop.number)
            if task is not None:  # not before it has begun: it says itself that it was cut
                asyncio.get_running_loop().call_soon(task.cancel)
            elif hop.number not in self._hops:
                self.post(self._visits.cut(hop))

    # -- the end ---------------------------------------------------------------------------------

    async def _let_go(self) -> None:
        """Cancel what may be cut; wait for effects that happen once, and record what has ended."""
        self.interrupted = True
        await self._persons.let_go()
        if self._hops:
            await self._end_hops()
        while not self._mail.is_empty:
            self._on_the_spot.append(self._mail.take_now())
        for mail in self._on_the_spot:
            over = self.position.finished is not None
            if isinstance(mail, HopEnded) and (mail.hop.effect or not over) and not self._ahead:
                self.commit(mail.fact, mail.attempts, mail.first)
        if not self._ahead:
            self.flush()
            if self.position.running and self._is_timed and self.parts.writer.owned:
                self.parts.writer.renew(self.parts.clock())

    @property
    def _is_timed(self) -> bool:
        return self.position.limits.get("time") is not None

    async def _end_hops(self) -> None:
        tasks = {number: task for number, task in self._hops.items() if task is not None}
        effects = [task for number, task in tasks.items() if self.position.hops[number].intent]
        rest = {number: task for number, task in tasks.items() if task not in effects}
        self._paid = [task for number, task in rest.items() if self.finishes and self._visits.is_paid(number)]
        others = [task for task in rest.values() if task not in self._paid]
        await asyncio.sleep(0)  # each has begun then
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.gather(*effects, *self._paid, return_exceptions=True)
