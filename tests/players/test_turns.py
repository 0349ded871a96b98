"""`rpm` and `parallel` of a model hold for all calls of the process, and waiting costs nobody their deadline."""

from __future__ import annotations

import asyncio

import pytest
from model_visits import settings

from choreo.players.timing import Timing
from choreo.players.turns import turns_of


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timing = Timing(clock=lambda: self.now, now=lambda: self.now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_model_without_limits_has_no_turns():
    assert asyncio.run(_turns(settings("free"))) is None


async def _turns(given):
    return turns_of(given, Timing())


def test_no_more_calls_at_a_time_than_parallel_whoever_makes_them():
    async def go() -> int:
        now, most = 0, 0

        async def call() -> None:
            nonlocal now, most
            turns = turns_of(settings("m", parallel=3), Timing())
            async with turns.turn():
                now += 1
                most = max(most, now)
                await asyncio.sleep(0)
                now -= 1

        await asyncio.gather(*(call() for _ in range(20)))
        return most

    assert asyncio.run(go()) == 3


@pytest.mark.parametrize("rpm", [1, 60])
def test_no_minute_sees_more_calls_than_rpm(rpm):
    clock = Clock()

    async def go() -> list[float]:
        began = []
        for _ in range(3 * rpm):
            async with turns_of(settings("m", rpm=rpm), clock.timing).turn():
                began.append(clock.now)
        return began

    began = asyncio.run(go())
    assert all(later - earlier >= 60 for earlier, later in zip(began, began[rpm:], strict=False))
    assert began[-1] == 120.0, "and it waits no longer than it must"


def test_the_wait_is_told_so_that_the_deadline_can_move():
    clock = Clock()

    async def go() -> list[float]:
        waits = []
        for _ in range(2):
            async with turns_of(settings("m", rpm=1), clock.timing).turn() as waited:
                waits.append(waited)
        return waits

    assert asyncio.run(go()) == [0.0, 60.0]
