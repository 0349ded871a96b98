"""What players, persons and timers bring back to a run, in the order in which it comes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

Letter = TypeVar("Letter")


class Mailbox(Generic[Letter]):
    """A queue with one reader, in one event loop: a hop goes through it, and `asyncio.Queue` takes thrice as long."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._waits: asyncio.Future[None] | None = None

    @property
    def is_empty(self) -> bool:
        return not self._letters

    def post(self, letter: Letter) -> None:
        self._letters.append(letter)
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)

    def take_now(self) -> Letter:
        """The first of what is there. Raises IndexError where nothing is."""
        return self._letters.popleft()

    async def take(self) -> Letter:
        """The first of what is there, or of what comes."""
        while not self._letters:
            self._waits = asyncio.get_running_loop().create_future()
            await self._waits
        return self._letters.popleft()
