"""A real terminal around a small program: type into it, wait for text, look at the raw bytes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

PROGRAM = Path(__file__).parent / "sitting_program.py"
ROOT = Path(__file__).parents[2]
LIMIT = 30.0
"""Seconds until a wait fails: generous, since a loaded machine is slow, and only spent on failure."""


def environment(**changes: str) -> dict[str, str]:
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"}
    kept.update(changes)
    return {name: value for name, value in kept.items() if value}


class Terminal:
    """Runs `sitting_program.py ARGS` on a terminal of its own, as its controlling one."""

    def __init__(self, *args: str, ahead: str = "", columns: int = 80, rows: int = 60, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.modes = termios.tcgetattr(slave)
        if ahead:
            os.write(self.master, ahead.encode())
        self.child = subprocess.Popen(
            [sys.executable, str(PROGRAM), *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(**env),
            start_new_session=True,
        )
        self._slave = slave  # kept open, so that the modes can be read after the program has ended
        self.seen = ""
        self._raw = b""
        self._from = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        os.close(self.master)
        os.close(self._slave)

    def send(self, text: str) -> None:
        os.write(self.master, text.encode())

    def answer(self, text: str, prompt: str) -> None:
        """Wait for the prompt, then type one line."""
        self.wait_for(prompt)
        self.send(text + "\n")

    def wait_for(self, text: str) -> str:
        """Read until `text` appears after the last one waited for; what stood before it."""
        give_up = time.monotonic() + LIMIT
        while (at := self.seen.find(text, self._from)) < 0:
            if not self._more(0.05) and self.child.poll() is not None and not self._more(0.05):
                raise AssertionError(f"ended without {text!r}:\n{self.seen}")
            if time.monotonic() > give_up:
                raise AssertionError(f"no {text!r} in:\n{self.seen}")
        before, self._from = self.seen[self._from : at], at + len(text)
        return before

    def finish(self) -> int:
        """Read until the program ends; its exit code."""
        give_up = time.monotonic() + LIMIT
        while self.child.poll() is None:
            self._more(0.05)
            if time.monotonic() > give_up:
                raise AssertionError(f"did not end:\n{self.seen}")
        while self._more(0):
            pass
        return self.child.returncode

    def restored(self) -> bool:
        return termios.tcgetattr(self._slave) == self.modes

    def _more(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self._raw += os.read(self.master, 65536)
        self.seen = self._raw.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        return True
