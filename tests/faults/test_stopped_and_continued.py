"""Ctrl-Z and `fg` in a real shell, a second Ctrl-C, a terminal that goes away: nothing is decided, nothing is lost."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from command_line import AtTerminal, choreo, own_the_terminal, result_of, slow_spec, wait_until
from gates.pty_driver import Terminal
from relay import environment

from choreo.store import Store
from choreo.trace import Decided

SHELL = shutil.which("sh") or "/bin/sh"
RUN = "run slow.yaml --set n=1"
STOPPED = "Stopped"


class InShell(Terminal):
    """A shell with job control on a terminal of its own: `fg` brings back what Ctrl-Z has stopped."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 80, 0, 0))
        self.modes = termios.tcgetattr(slave)
        self.child = subprocess.Popen(
            [SHELL, "-i"],
            cwd=folder,
            env={**environment(), "TERM": "xterm", "NO_COLOR": "1", "PS1": "shell$ ", "ENV": "/dev/null", **env},
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
        self.wait_for("shell$ ")

    def choreo(self, arguments: str) -> None:
        self.send(f"{sys.executable} -m choreo {arguments}\n")

    def stop(self) -> None:
        self.send("\x1a")
        self.wait_for(STOPPED)
        self.wait_for("shell$ ")
        # One that has not seen its signal yet would still take the first letter that is typed.
        wait_until(lambda: {state_of(pid) for pid in jobs_of(self.child.pid)} <= {"T", "Z"}, "all are stopped")

    def reads_lines_with_echo(self) -> bool:
        flags = termios.tcgetattr(self._slave)[3]
        return all(flags & flag for flag in (termios.ICANON, termios.ECHO, termios.ISIG))

    def __exit__(self, *_: object) -> None:
        for pid in jobs_of(self.child.pid):
            os.kill(pid, signal.SIGKILL)
        super().__exit__()


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def jobs_of(shell: int) -> list[int]:
    """The processes of the shell's session besides itself."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == shell and int(stat.parent.name) != shell:
            found.append(int(stat.parent.name))
    return found


def decisions(folder: Path) -> list[str]:
    store = Store.read(folder / ".choreo" / "trace.db")
    try:
        return [event.decision for event in store.history(store.find("last")) if isinstance(event, Decided)]
    finally:
        store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec that comes to its question at once."""
    slow_spec(tmp_path, touchpoint=True)
    (tmp_path / "slow.go").touch()
    return tmp_path


def test_after_fg_the_prompt_stands_again_and_what_was_typed_before_it_is_no_answer(folder: Path) -> None:
    with InShell(folder) as shell:
        shell.choreo(RUN)
        shell.wait_for("gate> ")
        shell.send("appro")  # begun, then thought better of it
        shell.stop()
        assert decisions(folder) == []
        shell.send(
            "stty -echo -icanon; fg\na\n"
        )  # a program in between left its modes, and `a` comes before the prompt
        shell.wait_for("gate> ")
        assert shell.reads_lines_with_echo()
        assert decisions(folder) == []
        shell.send("ve\n")
        shell.wait_for("`ve` is none of the choices")
        shell.answer("a", "gate> ")
        shell.wait_for('"n": 2')
    assert decisions(folder) == ["approve"]


def test_a_review_can_be_stopped_and_taken_up_again_too(folder: Path) -> None:
    assert choreo(*RUN.split(), cwd=folder).returncode == 4
    with InShell(folder) as shell:
        shell.choreo("review last")
        shell.wait_for("gate> ")
        shell.send("r\n")
        shell.wait_for("Reason (one line): ")
        for _ in range(2):
            shell.stop()
            shell.send("fg\n")
            shell.wait_for("Reason (one line): ")
        shell.send("not today\n")
        shell.wait_for("rejected")
    assert decisions(folder) == ["reject"]


def test_a_hop_that_was_stopped_goes_on(tmp_path: Path) -> None:
    slow_spec(tmp_path)
    with InShell(tmp_path) as shell:
        shell.choreo(RUN)
        wait_until(lambda: (tmp_path / "slow.pid").exists() and (tmp_path / "slow.pid").read_text(), "it was called")
        shell.stop()
        assert shell.reads_lines_with_echo()
        (tmp_path / "slow.go").touch()
        shell.send("fg\n")
        shell.wait_for('"n": 2')
    assert (tmp_path / "slow.calls").read_text() == "call\n"


EDITOR = """\
import pathlib, sys, termios, tty
modes = termios.tcgetattr(0)
tty.setraw(0)
termios.tcsetattr(0, termios.TCSANOW, [*termios.tcgetattr(0)[:3], termios.tcgetattr(0)[3] | termios.ISIG, *modes[4:]])
print("EDITING", flush=True)
while (key := sys.stdin.buffer.raw.read(1)) != b"w":
    print("KEY", key, flush=True)
termios.tcsetattr(0, termios.TCSANOW, modes)
path = pathlib.Path(sys.argv[1])
path.write_text(path.read_text().replace("2", "3"))
"""


def test_an_editor_that_was_stopped_goes_on_and_the_prompt_after_it_reads_lines(folder: Path) -> None:
    (folder / "editor.py").write_text(EDITOR)
    with InShell(folder, EDITOR=f"{sys.executable} {folder / 'editor.py'}") as shell:
        shell.choreo(RUN)
        shell.answer("e", "gate> ")
        shell.wait_for("EDITING")
        shell.stop()
        shell.send("fg\n")
        shell.wait_for("slow.yaml")  # the shell names what it brings back
        shell.send("xw")
        shell.wait_for("What you changed")
        shell.wait_for("gate> ")
        assert shell.reads_lines_with_echo()
        assert decisions(folder) == []
        shell.send("a\n")
        shell.wait_for('"n": 3')
    assert decisions(folder) == ["edit"]


def test_a_second_ctrl_c_at_the_prompt_decides_nothing_and_restores_the_terminal(folder: Path) -> None:
    with AtTerminal(*RUN.split(), cwd=folder) as terminal:
        terminal.wait_for("gate> ")
        terminal.send("\x03\x03")
        assert terminal.finish() == 130, terminal.seen
        assert terminal.restored()
        assert "Go on: choreo resume " in terminal.seen
        assert "Traceback" not in terminal.seen
    assert decisions(folder) == []


def test_a_terminal_that_goes_away_decides_nothing_and_the_run_can_be_answered_elsewhere(folder: Path) -> None:
    with AtTerminal(*RUN.split(), cwd=folder) as terminal:
        terminal.wait_for("gate> ")
        os.close(terminal._slave)
        os.close(terminal.master)  # the window is closed: SIGHUP, and every write fails
        try:
            assert terminal.child.wait(timeout=40) == 129
        finally:
            terminal.master, terminal._slave = pty.openpty()
    assert decisions(folder) == []
    done = choreo("review", "last", "--approve", "--by", "ann", cwd=folder)
    assert (done.returncode, result_of(done)) == (0, {"n": 2})
