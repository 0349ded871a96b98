"""Runs on a real store with scripted players, in this process: a run can be dropped at any point and taken up again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from building import anything

from choreo.canonical import Payload
from choreo.commands.playing import Options, resumed
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.gates.base import Gate
from choreo.plan import Plan, plan_digest
from choreo.players.base import Played, Record, Visit
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts, status_of
from choreo.store import NewRun, RunRecord, Store
from choreo.trace import Event, LimitsRaised, RunFinished, RunStarted

SOURCES = {"s": "choreo: 1"}
Act = Callable[[Visit, Record], Any]


class Crash(BaseException):
    """Stands for the death of the process: nothing after it is recorded."""


class Acts:
    """A player whose every role is one function of (visit, record); it may raise Crash."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def play(self, visit: Visit, record: Record) -> Played:
        given = self._act(visit, record)
        if asyncio.iscoroutine(given):
            given = await given
        return given if isinstance(given, Played) else Played(given)


class Stage:
    """One run of one plan. `clock` gives the times, one second a look, unless told otherwise."""

    def __init__(self, folder: Path, plan: Plan, clock: Callable[[], float] | None = None) -> None:
        ticks = itertools.count(1000)
        self.clock = clock or (lambda: float(next(ticks)))
        self.plan = plan
        self.store = Store.open(folder / "trace.db")
        self.runner: LocalRunner | None = None
        self.position: Position | None = None

    @property
    def record(self) -> RunRecord:
        return self.store.find("r")

    def history(self) -> list[Event]:
        return self.store.history(self.record)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.history() if isinstance(event, kind)]

    def play(self, act: Act, gate: Gate | None = None) -> RunFinished | None:
        """Start the run. A Crash leaves it as a dead process would."""
        position = start(self.plan, "r")
        fact = RunStarted(self.clock(), Payload.of({}))
        events = react(self.plan, position, fact, anything)
        writer = self.store.create_run(
            NewRun("r", ("s", "1"), plan_digest(SOURCES), SOURCES, at=fact.at, main="s"),
            events,
            status=status_of(position),
        )
        parts = Parts(self.plan, position, writer, self.store, anything, lambda _: Acts(act), gate, clock=self.clock)
        return self._run(LocalRunner(parts))

    def resume(self, act: Act, gate: Gate | None = None, limits: dict[str, float] | None = None) -> RunFinished | None:
        parts = resumed(self.plan, self.record, self.store, Options(quiet=True))
        parts.check, parts.player, parts.gate, parts.clock = anything, lambda _: Acts(act), gate, self.clock
        runner = LocalRunner(parts)

        async def first() -> None:
            await runner.resume("a test")
            if limits:
                runner.commit(LimitsRaised(self.clock(), limits))

        return self._run(runner, first)

    def _run(self, runner: LocalRunner, first: Callable[[], Any] | None = None) -> RunFinished | None:
        self.runner, self.position = runner, runner.position

        async def all_of_it() -> RunFinished | None:
            if first is not None:
                await first()
            return await runner.run()

        try:
            return asyncio.run(all_of_it())
        except Crash:
            return None
