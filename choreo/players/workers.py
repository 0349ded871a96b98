"""Threads for calls that block: one call after another in each, as many as there are calls at once."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def in_worker(work: Callable[[], T]) -> T:
    """Await blocking work. When the waiting is given up, the work goes on and what it gives is dropped."""
    return await Begun(work).awaited()


class Begun(Generic[T]):
    """Blocking work, handed on when this is made: to a worker, or to what `hand` calls."""

    def __init__(self, work: Callable[[], T], hand: Hand | None = None) -> None:
        self._work = work
        self._is_running = threading.Lock()
        self._is_running.acquire()
        self._value: T
        self._error: BaseException | None = None
        self._tell: Callable[[], object] | None = None
        self.made = time.monotonic()
        self.seconds = 0.0
        """How long it took, once it is over: without what it waited for a worker, and whoever waits for it."""
        (hand or _to_worker)(self)

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


class Line:
    """Work of many runs that is over within a moment: one worker does one after another, in the order they came.

    A change from one thread to another costs more than most of such work; here there is one for many. Belongs to one
    event loop, in which `then` is called: once the work is over, or (see `Begun.is_over`) has waited for too long,
    which is when each that stands in the line gets a worker of its own.
    """

    LOOK = 0.02
    """Seconds between two looks at whether the line goes on."""
    FEW = 4
    """What has ended between two looks in a line that does not."""
    LONG = 0.25
    """Seconds that none stands in a line, however fast it goes on: others with it may have a deadline."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Begun[Any], Hand] = {}
        self._over: deque[Begun[Any]] = deque()
        self._is_told = False
        self._ended = 0
        """How many have, since the last look."""
        self._is_old = False
        """Whether any of those that wait did at the last look."""
        self._looking: asyncio.TimerHandle | None = None
        self._jobs: _Jobs | None = None

    def add(self, begun: Begun[Any], then: Hand) -> None:
        """Have it done in its turn."""
        self._waiting[begun] = then
        self._jobs = self._jobs or self._hire()
        self._jobs.put(begun)
        if self._looking is None:
            self._looking = self._loop.call_later(self.LOOK, self._look)

    def close(self) -> None:
        """Nothing is told any more; what is being done goes on, and what it gives is dropped."""
        if self._looking is not None:
            self._looking.cancel()
        self._waiting.clear()
        if self._jobs is not None:
            self._jobs.put(None)

    def _hire(self) -> _Jobs:
        jobs: _Jobs = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(jobs,), daemon=True, name="choreo-line").start()
        return jobs

    def _work(self, jobs: _Jobs) -> None:
        while (begun := jobs.get()) is not None:
            begun.do()
            begun.end()
            self._over.append(begun)
            if not self._is_told:  # else those that are told of next include this one
                self._is_told = True
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._is_told = False
        while self._over:
            self._ended += 1
            begun = self._over.popleft()
            then = self._waiting.pop(begun, None)
            if then is not None:
                then(begun)

    def _look(self) -> None:
        self._tell()
        is_slow = self._is_old and self._ended < self.FEW
        if self._waiting and (is_slow or time.monotonic() - next(iter(self._waiting)).made > self.LONG):
            self._break_up()
        self._ended, self._is_old = 0, bool(self._waiting)
        self._looking = self._loop.call_later(self.LOOK, self._look) if self._waiting else None

    def _break_up(self) -> None:
        """Whatever the worker is at takes long: it is left to it, and each of the others gets a worker of its own."""
        if self._jobs is not None and _each_to_a_worker(self._jobs):
            self._jobs.put(None)
            self._jobs = None
        waiting, self._waiting = self._waiting, {}
        for begun, then in waiting.items():
            then(begun)


def _each_to_a_worker(jobs: _Jobs) -> bool:
    """False where no more threads can be made: what is left stays in the line."""
    while not jobs.empty():
        with contextlib.suppress(queue.Empty):  # the worker was quicker
            left = jobs.get_nowait()
            try:
                if left is not None:
                    _to_worker(left)
            except RuntimeError:
                jobs.put(left)
                return False
    return True


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


def _to_worker(begun: Begun[Any]) -> None:
    worker = _idle.pop() if _idle else _Worker()
    worker.jobs.put(begun)


Hand = Callable[[Begun[Any]], None]
_Jobs = queue.SimpleQueue[Begun[Any] | None]
_idle: list[_Worker] = []
