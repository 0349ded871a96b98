"""choreo as a person starts it: a process of its own, with pipes, closed streams or a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gates.pty_driver import Terminal
from relay import environment

CHOREO = [sys.executable, "-m", "choreo"]
PATIENCE = 40.0
"""Seconds until a wait fails; only spent on failure."""


def choreo(
    *args: str, cwd: Path, env: Mapping[str, str] | None = None, shell: str = "", stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to the end. `shell` is put behind the command: redirections, or a pipe with its exit code passed on."""
    argv = [*CHOREO, *args]
    if shell:
        argv = ["bash", "-o", "pipefail", "-c", f'"$@" {shell}', "bash", *argv]
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(  # noqa: PLW1510
        argv, cwd=cwd, env={**environment(), **(env or {})}, capture_output=True, text=True, timeout=PATIENCE, **given
    )  # type: ignore[call-overload,no-any-return]


def start(*args: str, cwd: Path) -> subprocess.Popen[str]:
    """Start in the background, in a process group of its own."""
    return subprocess.Popen(
        [*CHOREO, *args],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


class AtTerminal(Terminal):
    """choreo on a terminal of its own, as its controlling one, as a shell would start it."""

    def __init__(self, *args: str, cwd: Path, columns: int = 80, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
        self.modes = termios.tcgetattr(slave)
        self.child = subprocess.Popen(
            [*CHOREO, *args],
            cwd=cwd,
            env={**environment(), "TERM": "xterm", "NO_COLOR": "1", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=own_the_terminal,  # noqa: PLW1509 - no thread is started before it
        )
        self._slave = slave
        self.seen = ""
        self._raw = b""
        self._from = 0


def own_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def wait_until(true: Any, what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > ends:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def result_of(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


SLOW = """\
#!/bin/sh
# Stays until the file `go` is there; leaves its own number and that of a child behind.
echo call >> "$1.calls"
sleep 1000 >/dev/null 2>&1 &
echo $! > "$1.child"
echo $! $$ >> "$1.all"
echo $$ > "$1.pid"
while [ ! -e "$1.go" ]; do sleep 0.05; done
cat
"""


def slow_spec(folder: Path, *, effect: bool = False, touchpoint: bool = False) -> Path:
    """`first` is an expression; `slow` is a program that stays in play until the file slow.go is there."""
    (folder / "slow.sh").write_text(SLOW)
    (folder / "slow.sh").chmod(0o700)
    thing = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    last = {"from": "slow", "to": "end", **({"touchpoint": "gate"} if touchpoint else {})}
    spec = {
        "choreo": 1,
        "name": "slow",
        "version": "1.0.0",
        "contracts": {"thing@1.0.0": thing},
        "trigger": {"accepts": "thing@^1"},
        "result": {"emits": "thing@1.0.0"},
        "roles": {
            "first": {"kind": "reader", "does": "Count", "set": {"n": "input.n + 1"}, "emits": "thing@1.0.0"},
            "slow": {
                "kind": "actor" if effect else "researcher",
                "does": "Take its time",
                "service": {"command": ["./slow.sh", "slow"]},
                "accepts": "thing@^1",
                "emits": "thing@1.0.0",
                **({"effect": "once"} if effect else {}),
            },
        },
        "handoffs": [{"from": "trigger", "to": "first"}, {"from": "first", "to": "slow"}, last],
        **({"touchpoints": {"gate": {"ask": "Let it out?"}}} if touchpoint else {}),
    }
    path = folder / "slow.yaml"
    path.write_text(json.dumps(spec, indent=1))
    return path


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line on stdout."""
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, and what stands on stdout and stderr and was not read yet.

    `communicate` would read beside the stream, and lose what `line_of` has taken in with its line.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        out, err = process.stdout.read(), process.stderr.read()
        return process.wait(PATIENCE), out, err


def end_group(process: subprocess.Popen[str]) -> None:
    """For the end of a test: nothing of it stays behind."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
