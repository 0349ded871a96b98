"""How many calls a model takes at a time and in a minute: shared by all runs that this process plays."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator

from choreo.players.timing import Timing
from choreo.spec import ModelSettings

MINUTE = 60.0

_Key = tuple[str, str, int | None, int | None]
_of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, Turns]] = weakref.WeakKeyDictionary()


def turns_of(settings: ModelSettings, timing: Timing) -> Turns | None:
    """The turns of a model with `parallel` or `rpm`; None for one that takes calls as they come."""
    if settings.parallel is None and settings.rpm is None:
        return None
    known = _of_loop.setdefault(asyncio.get_running_loop(), {})
    key = (settings.name, settings.model, settings.parallel, settings.rpm)
    return known.setdefault(key, Turns(settings.parallel, settings.rpm, timing))


class Turns:
    """Calls wait here for their turn, first come, first served. Waiting is no part of anybody's deadline."""

    def __init__(self, parallel: int | None, rpm: int | None, timing: Timing) -> None:
        self._places = asyncio.Semaphore(parallel) if parallel is not None else None
        self._began: deque[float] | None = deque(maxlen=rpm) if rpm is not None else None
        self._line = asyncio.Lock()
        self._timing = timing

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Holds a place while a call is made; gives the seconds it was waited for."""
        came = self._timing.clock()
        async with self._places or contextlib.nullcontext():
            await self._within_the_minute()
            yield self._timing.clock() - came

    async def _within_the_minute(self) -> None:
        began = self._began
        if began is None:
            return
        async with self._line:
            while len(began) == began.maxlen and (wait := began[0] + MINUTE - self._timing.clock()) > 0:
                await self._timing.sleep(wait)
            began.append(self._timing.clock())
