"""Who owns a run: one process at a time, known by pid, host and start time."""

from __future__ import annotations

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path

LEASE = 60.0
"""Seconds after which an owner on another host counts as gone unless it renews."""


@dataclass(frozen=True, slots=True)
class Owner:
    """`process` tells two processes with the same pid apart (its start time, where the system gives it)."""

    pid: int
    host: str
    process: str

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}"


def this_process() -> Owner:
    return _process(os.getpid())


@functools.cache
def _process(pid: int) -> Owner:
    """By pid, so that a forked child is not taken for its parent."""
    return Owner(pid, socket.gethostname(), _start_time(pid))


def is_alive(owner: Owner, until: float, now: float) -> bool:
    """Whether the owner may still write. On this host we ask the system; elsewhere only the lease tells."""
    if owner.host != socket.gethostname():
        return until > now
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not owner.process or _start_time(owner.pid) in ("", owner.process)


def _start_time(pid: int) -> str:
    """The start time of a process in clock ticks (Linux), else the empty string. A zombie has none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "zombie" if fields[0] == "Z" else fields[19]
