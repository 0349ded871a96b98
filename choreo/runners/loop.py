"""An event loop for what is to be awaited from code that is not, and what a forked child must not take from it."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Given = TypeVar("Given")
_running = 0


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
        os.register_at_fork(after_in_child=_forget_signals)


def _forget_signals() -> None:
    """In a child that a service forks, such as a worker of `multiprocessing`.

    The loop hears of signals through a socket that the child has inherited: a worker that is told to end would stop the
    run of its parent, and go on itself.
    """
    if not _running:
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
