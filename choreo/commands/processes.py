"""Work that several processes share: items are dealt out to them, and what each says of its part comes together.

The processes are forked (which not every platform has) before there is an event loop, a thread or a connection to the
store: each makes its own. The death of one takes nothing from the others.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import io
import os
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from choreo.errors import INTERRUPTED, ChoreoError

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

News = TypeVar("News")
_LOOK = 0.2
"""Seconds within which the parent looks up, whether there is news or not."""
_NUMBER = struct.Struct("q")


class Numbered(Protocol):
    """What is dealt out, numbered from 1 in the order in which every process comes to it."""

    @property
    def number(self) -> int: ...


Item = TypeVar("Item", bound=Numbered)


class Lock:
    """Held by one process at a time. Whoever waits gets it at once; the system takes it from a process that dies."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as there are processes

    def take(self) -> None:
        """Wait for it."""
        fcntl.lockf(self.file, fcntl.LOCK_EX)

    def take_now(self) -> bool:
        """Have it if nobody else has."""
        try:
            fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # which of them is the system's to choose
            return False
        return True

    def give(self) -> None:
        """Let the next have it. Nothing happens where it was not taken."""
        fcntl.lockf(self.file, fcntl.LOCK_UN)

    def close(self) -> None:
        self.file.close()


class Turns:
    """Whose turn it is: each of the numbers 1, 2, ... is given to one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._write(1)

    def take(self) -> int | None:
        """The next number; None where nothing more is begun."""
        self._take_lock()
        try:
            number = int(_NUMBER.unpack(os.pread(self._lock.file.fileno(), _NUMBER.size, 0))[0])
            if number:
                self._write(number + 1)
        finally:
            self._lock.give()
        return number or None

    def stop(self) -> None:
        """Nobody begins anything more."""
        self._take_lock()
        self._write(0)
        self._lock.give()

    def close(self) -> None:
        self._lock.close()

    def _take_lock(self) -> None:
        """It is held for microseconds. Whoever waits does not ask the system to wake them: to it two locks that are
        waited for crosswise, if only by other threads, are a deadlock."""
        while not self._lock.take_now():
            time.sleep(0.0001)

    def _write(self, number: int) -> None:
        os.pwrite(self._lock.file.fileno(), _NUMBER.pack(number), 0)


class Own(Generic[News]):
    """What one of the processes has of its own: its share of the items, and the way to its parent.

    `number` counts the processes from 0; `lock` is common to all; `parent` is a handle that can be read as soon as the
    parent is gone.
    """

    def __init__(self, number: int, turns: Turns, lock: Lock, out: connection.Connection, parent: int) -> None:
        self.number, self.lock, self.parent = number, lock, parent
        self._turns, self._out = turns, out

    def dealt(self, items: Iterator[Item]) -> Iterator[Item]:
        """Those of the items that fall to this process: a turn is taken when the next is asked for."""
        turn = self._turns.take()
        for item in items:
            if turn is None:
                return
            if item.number == turn:
                yield item
                turn = self._turns.take()

    def tell(self, news: News) -> None:
        """Let the parent know. Where it is gone nobody needs to."""
        with contextlib.suppress(OSError):
            self._out.send(news)


class _Over(NamedTuple):
    """The end of the work of a process, and what it raised, with its traceback where that is a bug."""

    error: Exception | None = None
    traceback: str = ""


class _Elsewhere(Exception):
    """Shown before an error that comes from another process: how it came about there."""


class Shared(Generic[News]):
    """The processes, as their parent sees them."""

    def __init__(self, count: int, work: Callable[[Own[News]], None]) -> None:
        """Begin: `work` is called in each of `count` processes."""
        self._turns, self._lock = Turns(), Lock()
        self._processes: dict[connection.Connection, ForkProcess] = {}
        self._over: set[object] = set()
        """Those that came to the end of their work."""
        self._failed: Exception | None = None
        self._lost: list[int] = []
        self._is_there, self._is_here = os.pipe()
        context = get_context("fork")
        try:
            for number in range(count):
                come, out = context.Pipe(duplex=False)
                process = context.Process(target=self._part, args=(work, number, out))
                process.start()
                out.close()
                self._processes[come] = process
        except BaseException:
            self.pass_on(signal.SIGTERM)
            raise

    def pass_on(self, number: int) -> None:
        """Send all of them a signal."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, number)

    def follow(self, heard: Callable[[object, News], None], look: Callable[[], None]) -> list[int]:
        """Until all have ended: calls `heard` with a process and what it says, and `look` now and then.

        Returns the exit codes of those that did not end by themselves (negative: the signal). Raises what one of them
        raised, once all have ended: the others save what they are at and end, too.
        """
        try:
            while self._processes:
                connection.wait(list(self._processes), _LOOK)
                for come, process in list(self._processes.items()):
                    self._hear(come, process, heard)
                look()
        except BaseException:
            self.pass_on(signal.SIGTERM)
            raise
        self._close()
        if self._failed is not None:
            raise self._failed
        return self._lost

    def _hear(self, come: connection.Connection, process: ForkProcess, heard: Callable[[object, News], None]) -> None:
        code = process.exitcode  # before what it said is read: that is then all
        for said in _said(come):
            if not isinstance(said, _Over):
                heard(process, said)
                continue
            self._over.add(process)
            if said.error is not None and self._failed is None:
                self._failed = said.error
                self._failed.__cause__ = _Elsewhere(f"\n{said.traceback}") if said.traceback else None
                self._turns.stop()
                self.pass_on(signal.SIGTERM)
        if code is not None:
            del self._processes[come]
            come.close()
            self._lost += [code] if code or process not in self._over else []

    def _close(self) -> None:
        self._turns.close()
        self._lock.close()
        for handle in (self._is_there, self._is_here):
            os.close(handle)

    def _part(self, work: Callable[[Own[News]], None], number: int, out: connection.Connection) -> None:
        """In the process itself."""
        for one in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_DFL)  # what its parent does with them is not for it to do
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._is_here)  # else it would hold up for the others what tells that the parent is gone
        for come in self._processes:
            come.close()
        atexit._clear()  # what the parent has to do at its end is not for this one
        over = _Over()
        try:
            work(Own(number, self._turns, self._lock, out, self._is_there))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except ChoreoError as raised:
            over = _Over(raised)
        except Exception as raised:  # noqa: BLE001 - raised again in the parent, which keeps the traceback
            over = _Over(RuntimeError(f"{type(raised).__name__}: {raised}"), traceback.format_exc())
        _clear_up()
        with contextlib.suppress(OSError):
            out.send(over)


def _clear_up() -> None:
    """What Python does when a process ends by itself, which a forked one does not: services may count on it."""
    atexit._run_exitfuncs()
    for one in gc.get_objects():
        if issubclass(type(one), io.TextIOWrapper | io.BufferedWriter):  # not `isinstance`: that asks dead proxies
            with contextlib.suppress(OSError, ValueError):
                one.flush()


def _said(come: connection.Connection) -> Iterator[Any]:
    """All that has come from a process so far."""
    with contextlib.suppress(EOFError, OSError):
        while come.poll():
            yield come.recv()
