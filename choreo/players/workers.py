"""Threads for calls that block: one call after another in each, as many as there are calls at once."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def in_worker(work: Callable[[], T]) -> T:
    """Await blocking work. When the waiting is given up, the work goes on and what it gives is dropped."""
    return await Begun(work).awaited()


class Begun(Generic[T]):
    """Blocking work, handed to a worker when this is made."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._is_running = threading.Lock()
        self._is_running.acquire()
        self._value: T
        self._error: BaseException | None = None
        self._tell: Callable[[], object] | None = None
        self.seconds = 0.0
        """How long it took, once it is over: without what it waited for a worker, and whoever waits for it."""
        worker = _idle.pop() if _idle else _Worker()
        worker.jobs.put(self)

    def is_over(self, within: float = 0.0) -> bool:
        """Whether it has ended; at most `within` seconds are waited for that, and nothing else is done meanwhile."""
        over = self._is_running.acquire(timeout=within)
        if over:
            self._is_running.release()
        return over

    def result(self) -> T:
        """What the work gave, or raises what it raised: to be asked once it is over."""
        if self._error is not None:
            raise self._error
        return self._value

    async def awaited(self) -> T:
        """`result`, once it is there."""
        if not self.is_over():
            loop = asyncio.get_running_loop()
            ended: asyncio.Future[None] = loop.create_future()
            self._tell = lambda: loop.call_soon_threadsafe(_settle, ended)
            if not self.is_over():  # it may have ended before it knew whom to tell
                await ended
        return self.result()

    def do(self) -> None:
        """The work itself, in the worker."""
        began = time.monotonic()
        try:
            self._value = self._work()
        except BaseException as raised:  # noqa: BLE001 - raised again where it is waited for
            self._error = raised
        self.seconds = time.monotonic() - began

    def end(self) -> None:
        """Say that it is over."""
        self._is_running.release()
        if self._tell is not None:
            with contextlib.suppress(RuntimeError):  # the run is over: nobody waits for a late result
                self._tell()


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


class _Worker:
    """A thread that makes one call after another. A call that hangs keeps its worker; others get a new one."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Begun[Any]] = queue.SimpleQueue()
        # A daemon: a call that hangs past its deadline must not keep the process from ending.
        threading.Thread(target=self._work, daemon=True, name="choreo-service").start()

    def _work(self) -> None:
        while True:
            begun = self.jobs.get()
            begun.do()
            _idle.append(self)
            begun.end()
            del begun  # what it holds is not kept until the next call


_idle: list[_Worker] = []
