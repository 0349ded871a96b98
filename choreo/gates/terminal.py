"""The gate at a terminal: one question at a time, without holding up the event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from choreo.gates.approve import approve
from choreo.gates.base import Answer, Parked, Question, Violations
from choreo.gates.console import Closed, Console, Stop, Stopped, attributes, can_ask, restore
from choreo.gates.doubt import settle
from choreo.gates.form import fill
from choreo.gates.sitting import Sitting

_CONVERSATIONS = {"approve": approve, "fill": fill, "in_doubt": settle}


class TerminalGate:
    """Asks at a terminal (`gates.base.Gate`). Nothing but a typed choice is an answer.

    `by` is who answers. `quiet` is the silence (seconds) required before a prompt, `patience` how long
    to wait for it before giving up. `busy` is called with True while a question stands on the screen
    (hold live output back) and with False after it. `check` is called from another thread.
    """

    def __init__(
        self,
        by: str,
        stream_in: TextIO | None = None,
        stream_out: TextIO | None = None,
        *,
        quiet: float = 0.2,
        patience: float = 5.0,
        busy: Callable[[bool], None] | None = None,
    ) -> None:
        self._by = by
        self._in = sys.stdin if stream_in is None else stream_in
        self._out = sys.stderr if stream_out is None else stream_out
        self._quiet = quiet
        self._patience = patience
        self._busy = busy or (lambda _: None)
        self._turn = asyncio.Lock()

    def can_ask(self) -> bool:
        """True where a person can be asked here; False for pipes, files, background jobs."""
        return can_ask(self._in, self._out)

    async def ask(self, question: Question, check: Violations) -> Answer | Parked:
        """The answer; `quit` where nobody can answer (no terminal, end of input).

        Cancelling it takes the question off the screen, ends an open editor and restores the terminal.
        """
        async with self._turn:
            if not self.can_ask():
                return "quit"
            self._busy(True)
            try:
                return await self._in_thread(question, check)
            finally:
                self._busy(False)

    async def _in_thread(self, question: Question, check: Violations) -> Answer | Parked:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer | Parked] = loop.create_future()
        stop = Stop()
        # A thread of its own: the loop's pool may be full of services that wait for their turn.
        thread = threading.Thread(target=self._work, args=(question, check, stop, loop, done), daemon=True)
        thread.start()
        try:
            with _woken(loop, stop):
                return await asyncio.shield(done)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait({done}, timeout=5)
            if done.done() and not done.cancelled():
                done.exception()
            raise

    def _work(
        self,
        question: Question,
        check: Violations,
        stop: Stop,
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Future[Answer | Parked],
    ) -> None:
        def tell(outcome: Answer | Parked | BaseException) -> None:
            if done.done():
                return
            if isinstance(outcome, BaseException):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

        outcome: Answer | Parked | BaseException
        try:
            outcome = self._sit(question, check, stop)
        except BaseException as error:  # noqa: BLE001 - it crosses to the loop's thread, which raises it
            outcome = error
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(tell, outcome)
        stop.close()

    def _sit(self, question: Question, check: Violations, stop: Stop) -> Answer | Parked:
        modes = None
        try:
            modes = attributes(self._in.fileno())
            console = Console(self._in, self._out, stop, self._quiet, self._patience)
            sitting = Sitting(console, question, check, self._by)
            return _CONVERSATIONS[question.kind](sitting)
        except Closed as closed:
            self._last_word(f"Not decided: {closed}.")
            return "quit"
        except Stopped:
            self._last_word("Not decided: the question was closed.")
            return "quit"
        finally:
            if modes is not None:
                restore(self._in.fileno(), modes)

    def _last_word(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._out.write(f"\n{text}\n")
            self._out.flush()


@contextmanager
def _woken(loop: asyncio.AbstractEventLoop, stop: Stop) -> Iterator[None]:
    """Wakes the reader when the program continues after Ctrl-Z, unless SIGCONT is somebody else's here."""
    number = getattr(signal, "SIGCONT", None)
    if number is None or signal.getsignal(number) != signal.SIG_DFL:
        yield
        return
    unable = NotImplementedError, ValueError, RuntimeError  # no signals on this loop, or not in this thread
    stops = signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL

    def stopping() -> None:
        stop.wake()  # before the stop: a line typed while we were away must not be read as an answer
        loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, stopping)

    with suppress(*unable):
        loop.add_signal_handler(number, stop.wake)
        if stops:
            loop.add_signal_handler(signal.SIGTSTP, stopping)
    try:
        yield
    finally:
        with suppress(*unable):
            loop.remove_signal_handler(number)
            if stops:
                loop.remove_signal_handler(signal.SIGTSTP)
