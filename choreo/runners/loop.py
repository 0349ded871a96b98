"""An event loop for what is to be awaited from code that is not, and what a forked child must not take from it."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Given = TypeVar("Given")
_running = 0
_OF_THE_LOOP = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
_held = threading.local()


def to_the_end(work: Callable[[], Coroutine[Any, Any, Given]]) -> Given:
    """What `work` gives. Raises OSError where no loop can be made; then nothing was begun."""
    global _running  # noqa: PLW0603 - a forked child has no other way to know
    _check_handles()
    _watch_forks()
    _running += 1
    try:
        with asyncio.Runner() as runner:
            return runner.run(work())
    finally:
        _running -= 1


def _check_handles() -> None:
    """A loop takes three handles; one that gets only some of them tells of it in a traceback when it is cleared up."""
    handles: list[int] = []
    try:
        handles.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(4))
    finally:
        for handle in handles:
            os.close(handle)


@functools.cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_hold_signals, after_in_parent=_let_signals_in, after_in_child=_forget_signals)


def _hold_signals() -> None:
    """Before a fork: a child that is told to end at once hears of it only when it no longer listens as its parent does.

    Only the thread that forks is held, and that thread alone goes on in the child. Other threads may fork meanwhile.
    """
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_LOOP)


def _let_signals_in() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)


def _forget_signals() -> None:
    """In a child that a service forks, such as a worker of `multiprocessing`.

    The loop hears of signals through a socket that the child has inherited: a worker that is told to end would stop the
    run of its parent, and go on itself.
    """
    if _running:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in _OF_THE_LOOP - {signal.SIGINT}:
            signal.signal(number, signal.SIG_DFL)
    _let_signals_in()
