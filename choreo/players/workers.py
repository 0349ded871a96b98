"""Threads for calls that block: one call after another in each, as many as there are calls at once."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_worker(work: Callable[[], T]) -> T:
    """Await blocking work. When the waiting is given up, the work goes on and what it gives is dropped."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(give: Callable[[asyncio.Future[T]], None]) -> None:
        if not done.done():
            give(done)

    def tell(give: Callable[[asyncio.Future[T]], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the run is over: nobody waits for a late result
            loop.call_soon_threadsafe(settle, give)

    def job() -> Callable[[], None]:
        try:
            value = work()
        except BaseException as raised:  # noqa: BLE001 - raised again where it is awaited
            error = raised
            return lambda: tell(lambda waiting: waiting.set_exception(error))
        return lambda: tell(lambda waiting: waiting.set_result(value))

    worker = _idle.pop() if _idle else _Worker()
    worker.jobs.put(job)
    return await done


class _Worker:
    """A thread that makes one call after another. A call that hangs keeps its worker; others get a new one."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Callable[[], Callable[[], None]]] = queue.SimpleQueue()
        # A daemon: a call that hangs past its deadline must not keep the process from ending.
        threading.Thread(target=self._work, daemon=True, name="choreo-service").start()

    def _work(self) -> None:
        while True:
            tell = self.jobs.get()()
            _idle.append(self)
            tell()


_idle: list[_Worker] = []
