"""Many runs side by side in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


async def side_by_side(
    items: Iterator[Item], play: Callable[[Item], Awaitable[None]], places: int, stopped: Callable[[], bool]
) -> None:
    """Play every item, at most `places` at a time, in their order; none is begun once `stopped` says so.

    What `play` raises ends all: a fault of one item is its own to keep.
    """

    async def place() -> None:
        for item in items:
            await play(item)
            if stopped():
                return

    tasks = [asyncio.create_task(place()) for _ in range(places)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
