"""Work that several processes share: items are dealt out to them, and what each says of its part comes together.

The processes are forked (which not every platform has) before there is an event loop, a thread or a connection to the
store: each makes its own. The death of one takes nothing from the others.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import sys
import tempfile
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
        except BlockingIOError:
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
        self._lock.take()
        try:
            number = int(_NUMBER.unpack(os.pread(self._lock.file.fileno(), _NUMBER.size, 0))[0])
            if number:
                self._write(number + 1)
        finally:
            self._lock.give()
        return number or None

    def stop(self) -> None:
        """Nobody begins anything more."""
        self._lock.take()
        self._write(0)
        self._lock.give()

    def close(self) -> None:
        self._lock.close()

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


class _Failed(NamedTuple):
    """What ended the work of a process."""

    error: Exception


class Shared(Generic[News]):
    """The processes, as their parent sees them."""

    def __init__(self, count: int, work: Callable[[Own[News]], None]) -> None:
        """Begin: `work` is called in each of `count` processes."""
        self._turns, self._lock = Turns(), Lock()
        self._processes: dict[connection.Connection, ForkProcess] = {}
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
        failed: Exception | None = None
        lost: list[int] = []
        while self._processes:
            connection.wait(list(self._processes), _LOOK)
            for come, process in list(self._processes.items()):
                is_over = process.exitcode is not None
                for said in _said(come):
                    if not isinstance(said, _Failed):
                        heard(process, said)
                    elif failed is None:
                        failed = said.error
                        self._turns.stop()
                        self.pass_on(signal.SIGTERM)
                if is_over:
                    del self._processes[come]
                    come.close()
                    lost += [process.exitcode] if process.exitcode else []
            look()
        self._close()
        if failed is not None:
            raise failed
        return lost

    def _close(self) -> None:
        self._turns.close()
        self._lock.close()
        for handle in (self._is_there, self._is_here):
            os.close(handle)

    def _part(self, work: Callable[[Own[News]], None], number: int, out: connection.Connection) -> None:
        """In the process itself."""
        os.close(self._is_here)  # else it would hold up for the others what tells that the parent is gone
        for come in self._processes:
            come.close()
        try:
            work(Own(number, self._turns, self._lock, out, self._is_there))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except ChoreoError as error:
            out.send(_Failed(error))
        except Exception as error:  # noqa: BLE001 - raised again in the parent, which keeps the traceback
            out.send(_Failed(RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")))


def _said(come: connection.Connection) -> Iterator[Any]:
    """All that has come from a process so far."""
    with contextlib.suppress(EOFError, OSError):
        while come.poll():
            yield come.recv()
