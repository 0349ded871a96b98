"""A line of quick work: one thread for many calls, which holds nobody up where one of them takes long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from choreo.players.workers import Begun, Line


def in_loop(work: Callable[[Line], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        line = Line()
        try:
            await asyncio.wait_for(work(line), 30)
        finally:
            line.close()

    asyncio.run(main())


def test_quick_work_is_done_in_one_thread_and_told_in_the_loops_own_in_order() -> None:
    told: list[tuple[int, bool]] = []
    threads: set[int] = set()

    async def work(line: Line) -> None:
        own, all_over = threading.get_ident(), asyncio.Event()

        def then(begun: Begun[Any]) -> None:
            told.append((begun.result(), threading.get_ident() == own))
            if len(told) == 50:
                all_over.set()

        for number in range(50):
            Begun(
                lambda number=number: (threads.add(threading.get_ident()), number)[1], lambda one: line.add(one, then)
            )
        await all_over.wait()
        assert len(threads) == 1
        assert own not in threads

    in_loop(work)
    assert told == [(number, True) for number in range(50)]


def test_work_that_takes_long_is_told_of_as_not_over_and_those_behind_it_are_done() -> None:
    async def work(line: Line) -> None:
        gate, slow, quick = threading.Event(), asyncio.Event(), asyncio.Event()
        over: list[bool] = []

        def later(begun: Begun[Any]) -> None:
            over.append(begun.is_over())
            slow.set()

        async def goes_on(begun: Begun[Any]) -> None:
            assert await begun.awaited() == "quick"
            quick.set()

        tasks: list[asyncio.Task[None]] = []
        held = Begun(lambda: gate.wait(30), lambda one: line.add(one, later))
        Begun(lambda: "quick", lambda one: line.add(one, lambda one: tasks.append(asyncio.create_task(goes_on(one)))))
        try:
            await slow.wait()
            await quick.wait()
            assert over == [False]
        finally:
            gate.set()
        assert await held.awaited() is True

    in_loop(work)


def test_a_line_that_was_held_up_goes_on_for_those_that_come_later() -> None:
    async def work(line: Line) -> None:
        gate, slow, done = threading.Event(), asyncio.Event(), asyncio.Event()
        Begun(lambda: gate.wait(30), lambda one: line.add(one, lambda _: slow.set()))
        try:
            await slow.wait()
            Begun(lambda: "later", lambda one: line.add(one, lambda one: one.result() == "later" and done.set()))
            await done.wait()
        finally:
            gate.set()

    in_loop(work)


def test_none_stands_in_a_line_for_long_though_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Line, "FEW", 0)
    told: list[str] = []

    async def work(line: Line) -> None:
        gate, ended = threading.Event(), asyncio.Event()
        Begun(lambda: gate.wait(30), lambda one: line.add(one, lambda _: ended.set()))
        await ended.wait()
        told.append("not over")
        gate.set()

    in_loop(work)
    assert told == ["not over"]


def test_what_a_line_was_left_with_is_told_to_nobody() -> None:
    told: list[Begun[Any]] = []

    async def work(line: Line) -> None:
        begun = [Begun(lambda: 1, lambda one: line.add(one, told.append)) for _ in range(5)]
        line.close()
        for one in begun:
            await one.awaited()
        await asyncio.sleep(0)

    in_loop(work)
    assert told == []
