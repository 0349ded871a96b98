"""The clock of one run in one process: it starts with what the machine says and then goes on as time does.

The events of a run are stamped with UTC, and what a run has spent of `limits.time`, when a delay is over and when a
question runs out are differences of such stamps. A machine's clock that is set while the run is played (by hand, by a
time server, by daylight saving done wrong) must change none of them, so it is looked at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def elapsed() -> float:
    """Seconds since some moment: never set, never back, and going on while the machine sleeps, where it can tell."""
    return time.clock_gettime(_KIND) if _KIND is not None else time.monotonic()


_KIND: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SteadyClock:
    """UTC seconds. Made anew whenever a process begins a run or takes one up: what was wrong then is not kept on."""

    __slots__ = ("_ahead",)

    def __init__(self) -> None:
        self._ahead = time.time() - elapsed()

    def __call__(self) -> float:
        return self._ahead + elapsed()
