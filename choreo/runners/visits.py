"""One visit of a role: played by its player within its deadline, and what it ended with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import nullcontext, suppress
from typing import Any, cast

from choreo.engine.advance import finished_hop
from choreo.engine.position import HopState
from choreo.errors import NoHandles, PlayFailed
from choreo.players.base import Instant, Played, Player, Visit, comes_soon, is_instant, is_quick
from choreo.runners.once import InDoubt, once_over_all
from choreo.runners.parts import HopEnded, Runner, cut_short, is_priced, status_of
from choreo.runners.thread import turns_for
from choreo.spec import ModelPlayer, Role, SpecPlayer
from choreo.store.writer import HopAttempt
from choreo.trace import Asked, Attempt, HopFinished, HopStatus

DEADLINE = 600.0
"""Seconds a hop may take where its role has no `timeout`."""


class Visits:
    """Plays the visits of one run."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._players: dict[str, Player | Instant] = {}
        self.cancelled: set[int] = set()
        """Hops whose lane is over."""

    def cut(self, hop: HopState, made: Sequence[Attempt] = (), seconds: float = 0.0) -> HopEnded:
        """The end of a visit that was cancelled. What a call that was cut short has cost is not known."""
        if self._runner.parts.below is not None and self.is_below(hop):
            self._runner.parts.below.end(self._runner, hop, "its lane is over")
        now, told = self._runner.parts.clock(), self._runner.position.children.get(hop.number)
        under_way = (cut_short(self._runner.plan, hop, now, "its lane is over"),) if seconds else ()
        cost, priced = self._cost(hop.number, (*made, *under_way))
        spent = {"cost": cost, "priced": priced} if told is None else {"cost": told.cost, "priced": told.priced}
        why = {"code": "cancelled", "message": "its lane is over", "seconds": seconds}
        attempts = tuple((hop.number, attempt) for attempt in under_way)
        return HopEnded(hop, HopFinished(now, hop.number, "failed", **why, **spent), attempts)  # type: ignore[arg-type]

    def is_below(self, hop: HopState) -> bool:
        """Whether the hop is a run of its own."""
        return isinstance(self._runner.plan.roles[hop.role].role.player, SpecPlayer)

    def is_paid(self, number: int) -> bool:
        """Whether a hop in play is one of a model."""
        hop = self._runner.position.hops[number]
        return isinstance(self._runner.plan.roles[hop.role].role.player, ModelPlayer)

    def begin(self, hop: HopState, player: Player | Instant) -> HopEnded | Coroutine[Any, Any, HopEnded] | None:
        """The end of a hop whose player has its output on the spot; else what is to be awaited for it, or None where
        the runner is told of one of the two (`begun`) within a moment.

        An effect is never begun here: what is in flight when the process must leave has to have a task.
        """
        role, began = self._runner.plan.roles[hop.role].role, time.monotonic()
        if is_instant(player):
            return self._play_now(hop, player)
        if role.effect != "none" or role.key is not None or not is_quick(player):
            return self._play(hop, cast(Player, player), began)
        played = player.play_if_quick(self._visit(hop, role))
        if comes_soon(played):
            played.then(lambda found: self._came(hop, role, found, began))
            return None
        return self._goes_on(hop, role, cast(Played | Player, played), began)

    def _goes_on(
        self, hop: HopState, role: Role, played: Played | Player, began: float
    ) -> HopEnded | Coroutine[Any, Any, HopEnded]:
        if isinstance(played, Played):
            return self._done(hop, role, played, [], time.monotonic() - began)
        return self._play(hop, played, began)

    def _came(self, hop: HopState, role: Role, found: Callable[[], Played | Player], began: float) -> None:
        """Where the run has been left meanwhile, what its hop gave is dropped, as that of a task is that is ended."""
        with suppress(ReferenceError):
            if hop.number in self.cancelled:
                self._runner.post(self.cut(hop))
            elif not self._runner.interrupted:
                self._runner.go_on(hop, lambda: self._goes_on(hop, role, found(), began))

    def _play_now(self, hop: HopState, player: Instant) -> HopEnded:
        role, began = self._runner.plan.roles[hop.role].role, time.monotonic()
        try:
            played = player.play_now(self._visit(hop, role))
        except PlayFailed as failure:
            return self._failed(hop, failure, [], time.monotonic() - began)
        except InDoubt as doubt:
            return self._in_doubt(hop, str(doubt))
        return self._done(hop, role, played, [], time.monotonic() - began)

    async def _play(self, hop: HopState, player: Player, began: float) -> HopEnded:
        """Have a player play the hop, within its deadline. Whatever comes of it is an end of the hop."""
        role = self._runner.plan.roles[hop.role].role
        visit = self._visit(hop, role)
        made: list[Attempt] = []

        def record(attempt: Attempt) -> None:
            made.append(attempt)
            self._runner.flush()
            now = self._runner.parts.clock()
            self._runner.parts.writer.append(
                (),
                [(hop.number, attempt)],
                status=status_of(self._runner.position),
                at=now,
                due=self._runner.position.due,
            )
            if room:  # another call may follow
                self._runner.store.files.check_room()

        room = isinstance(role.player, ModelPlayer)
        try:
            earlier = await once_over_all(self._runner, hop, visit.deadline) if role.key is not None else None
            kept = self._runner.store.files.room_for_answer() if room else nullcontext()
            async with asyncio.timeout(self._longest(visit)):
                with kept:
                    played = earlier or await player.play(visit, record)
        except TimeoutError:
            failure = PlayFailed("timeout", f"no result within {visit.deadline:g} s", timeout=True)
            return self._failed(hop, failure, made, time.monotonic() - began)
        except PlayFailed as failure:
            if NoHandles.is_behind(failure):  # of this process, not of the hop: it is played again by the next one
                raise NoHandles from failure
            return self._failed(hop, failure, made, time.monotonic() - began)
        except InDoubt as doubt:
            return self._in_doubt(hop, str(doubt))
        except asyncio.CancelledError:
            if hop.number not in self.cancelled:
                raise
            return self.cut(hop, made, time.monotonic() - began)
        return self._done(hop, role, played, made, time.monotonic() - began)

    def _longest(self, visit: Visit) -> float | None:
        """Seconds after which a player is not waited for that forgot its deadline. One may wait for a model's turn."""
        in_turn = any(model.rpm or model.parallel for model in visit.models.values())
        return None if in_turn else visit.deadline + 5.0

    def player(self, hop: HopState) -> Player | Instant:
        """Who plays the hop: in a replay the record, where it has the hop."""
        found = self._players.get(hop.role)
        if found is None:
            role = self._runner.plan.roles[hop.role].role
            found = self._runner.parts.player(role)
            if role.cache:
                from choreo.players.cached import Cached
                from choreo.players.identity import identity

                found = Cached(
                    cast(Player, found), self._runner.store.remembered, identity(self._runner.plan, hop.role)
                )
            self._players[hop.role] = found
        return (
            found if self._runner.parts.recall is None else self._runner.parts.recall.player(self._runner, hop, found)
        )

    def _visit(self, hop: HopState, role: Role) -> Visit:
        emits = self._runner.plan.roles[hop.role].emits
        return Visit(
            run=self._runner.position.run,
            hop=hop.number,
            role=role,
            input=hop.input,
            trigger=self._runner.position.trigger,
            absent=self._runner.plan.absent,
            previous=hop.previous,
            feedback=hop.feedback,
            schema=emits.schema if emits is not None else None,
            emits=emits.ref if emits is not None else None,
            deadline=role.timeout or DEADLINE,
            folder=self._runner.plan.spec.folder,
            models=self._runner.plan.spec.models,
            seed=hop.number,
            turns=turns_for(self._runner.plan, self._runner.position, hop),
            tools=self._runner.plan.roles[hop.role].tools,
        )

    def _done(self, hop: HopState, role: Role, played: Played, made: list[Attempt], seconds: float) -> HopEnded:
        cost, priced = self._cost(hop.number, (*made, *played.attempts))
        measured = None
        if role.confidence is not None and role.confidence.expression is None:
            measured = (played.confidence, played.confidence_source, dict(played.confidence_detail))
        fact = finished_hop(
            self._runner.plan,
            hop,
            played.value,
            self._runner.parts.check,
            more={"trigger": self._runner.position.trigger, "run": {"id": self._runner.position.run}},
            at=self._runner.parts.clock(),
            seconds=seconds,
            cost=cost,
            priced=priced,
            measured=measured,
        )
        attempts = tuple((hop.number, attempt) for attempt in played.attempts)
        if fact.status == "failed" and self._runner.position.hops[hop.number].intent:
            return self._in_doubt(hop, f"the effect was done, and its result cannot be used: {fact.message}", attempts)
        return HopEnded(hop, fact, attempts)

    def _failed(self, hop: HopState, failure: PlayFailed, made: list[Attempt], seconds: float) -> HopEnded:
        now = self._runner.parts.clock()
        if (failure.timeout or failure.unsure) and self._runner.position.hops[hop.number].intent:
            # A late or broken result is discarded, so whether the effect happened is not known.
            why = "did not report back in time" if failure.timeout else "may have happened"
            return self._in_doubt(hop, f"the effect {why}: {failure.message}")
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
        return HopEnded(hop, fact, ())

    def _in_doubt(self, hop: HopState, why: str, attempts: tuple[HopAttempt, ...] = ()) -> HopEnded:
        now, number = self._runner.parts.clock(), self._runner.position.asked + 1
        more = {"hop": hop.number, "why": why, "scope": hop.scope}
        return HopEnded(hop, Asked(now, number, "in_doubt", hop.role, hop.input, **more), attempts)  # type: ignore[arg-type]

    def _cost(self, hop: int, attempts: Iterable[Attempt]) -> tuple[float, bool]:
        """Known cost of a hop, what a process that died had spent on it included, and whether that is all."""
        cost, priced = self._runner.parts.spent_before.get(hop, (0.0, True))
        for attempt in attempts:
            cost += attempt.cost or 0.0
            priced = priced and is_priced(attempt)
        return cost, priced
