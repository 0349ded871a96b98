"""One terminal, for the time of one question: rows out, lines in, nothing taken that was not meant.

A line counts only if it was typed after its prompt stood on the screen: before each prompt the input is
thrown away and must be quiet for a moment. Several lines at once (a paste, `yes |`) are no answer.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from choreo.gates.layout import Page, Row
from choreo.render.text import ASCII_GUTTER, GUTTER, ascii_only, columns, one_line, safe_text, wrap

Style = Literal["", "bold", "dim", "warn", "danger", "good"]
_SGR: dict[str, str] = {"bold": "1", "dim": "2", "warn": "33", "danger": "1;31", "good": "32"}
_BURST = 0.03
"""Seconds within which a second line cannot have been typed by hand."""
_LINE_BYTES = 4095
"""The kernel cuts longer lines without a word."""


class Stopped(Exception):
    """The question was withdrawn while the person looked at it (Ctrl-C, a deadline)."""


class Closed(Exception):
    """Nobody can answer here: end of input, input that never falls silent, a terminal that is gone."""


class Continued(Exception):
    """The program was stopped (Ctrl-Z) and goes on: the screen and the terminal's modes may be another program's."""


class Stop:
    """Wakes a reader that waits in `select`. Set once, from any thread; or only woken, when the program continues."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._is_set = False
        self._is_closed = False

    def fileno(self) -> int:
        return self._read

    def set(self) -> None:
        self._is_set = True
        os.write(self._write, b"x")

    @property
    def is_set(self) -> bool:
        return self._is_set

    def wake(self) -> None:
        """Have the reader see to its modes and its prompt again (SIGCONT)."""
        if not self._is_closed:
            os.write(self._write, b"c")

    def taken(self) -> None:
        """The reader was woken, and knows."""
        os.read(self._read, 4096)

    def close(self) -> None:
        self._is_closed = True
        os.close(self._read)
        os.close(self._write)


@dataclass(frozen=True)
class Look:
    """How the terminal is written to: columns, rows, colour or not, ASCII only or not."""

    width: int
    height: int
    colour: bool
    ascii_only: bool

    @property
    def gutter(self) -> str:
        return ASCII_GUTTER if self.ascii_only else GUTTER

    @property
    def page(self) -> Page:
        return Page(max(8, self.width - 2), self.ascii_only)


def can_ask(stream_in: TextIO, stream_out: TextIO) -> bool:
    """True where a person can be asked: both ends are a terminal and this process is in the foreground."""
    try:
        import termios  # not on every platform; without it nobody can be asked safely

        if not (os.isatty(stream_in.fileno()) and os.isatty(stream_out.fileno())):
            return False
        termios.tcgetattr(stream_in.fileno())
        return os.tcgetpgrp(stream_in.fileno()) == os.getpgrp()
    except (ImportError, OSError, ValueError, AttributeError, termios.error):
        return False


def look_of(stream: TextIO) -> Look:
    """Read from the stream and the environment: NO_COLOR, TERM=dumb, LC_ALL=C, the window's size."""
    try:
        size = os.get_terminal_size(stream.fileno())
        width, height = size.columns or 80, size.lines or 24
    except (OSError, ValueError):
        width, height = 80, 24
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
    return Look(max(16, width - 1), max(6, height), colour, ascii_only(stream))


class Console:
    """Writes rows and reads lines. Raises Stopped or Closed, and leaves the terminal as it was."""

    def __init__(self, stream_in: TextIO, stream_out: TextIO, stop: Stop, quiet: float, patience: float) -> None:
        self.stop = stop
        self.look = look_of(stream_out)
        self.input = stream_in.fileno()
        self.output = stream_out.fileno()
        self._out = stream_out
        self._quiet = quiet
        self._patience = patience

    # -- out -------------------------------------------------------------------------------------

    def rows(self, rows: Sequence[Row], style: Style = "") -> None:
        """Untrusted rows, already laid out, each behind the gutter."""
        mark = self._styled(self.look.gutter, "dim")
        self._write("".join(f"{mark}{self._styled(row.text, style)}\n" for row in rows))

    def say(self, text: str = "", style: Style = "", mark: str = "") -> None:
        """One paragraph of ours. What it quotes is made safe and kept on its line; `mark` hangs before it."""
        safe = one_line(text, ascii_only=self.look.ascii_only)
        if columns(mark) > self.look.width // 2:  # no room beside it: the text goes below
            self.say(mark.strip())
            mark = "    "
        indent = " " * columns(mark)
        rows = wrap(safe, self.look.width - columns(mark))
        shown = (indent + row.removeprefix(" ") if place else mark + row for place, row in enumerate(rows))
        self._write("\n".join(self._styled(row, style) for row in shown) + "\n")

    def labels(self, labels: Sequence[str]) -> None:
        """Short labels side by side, none broken over two rows."""
        row = ""
        for label in labels:
            if row and columns(row) + columns(label) + 2 > self.look.width:
                self.say(row)
                row = ""
            row += ("  " if row else "") + label
        self.say(row)

    def quote(self, text: str, style: Style = "") -> None:
        """Untrusted text in full, behind the gutter."""
        safe = safe_text(text, ascii_only=self.look.ascii_only).expandtabs(4)
        self.rows([Row(row) for line in safe.split("\n") for row in wrap(line, self.look.page.width)], style)

    def head(self, text: str, aside: str = "") -> None:
        """A section's title after an empty line, with a remark beside it, or below where it does not fit."""
        self._write("\n")
        safe = one_line(text, ascii_only=self.look.ascii_only)
        if aside and columns(safe) + len(aside) + 2 <= self.look.width:
            self._write(f"{self._styled(safe, 'bold')}  {self._styled(aside, 'dim')}\n")
            return
        self.say(text, "bold")
        if aside:
            self.say(aside, "dim")

    def rule(self, text: str) -> None:
        """The line that opens a question."""
        dash = "-" if self.look.ascii_only else "─"
        safe = one_line(text, ascii_only=self.look.ascii_only)
        if len(safe) + 6 > self.look.width:
            self._write("\n" + self._styled(dash * self.look.width, "dim") + "\n")
            self.say(text, "bold")
            return
        tail = dash * (self.look.width - len(safe) - 4)
        self._write(f"\n{self._styled(dash * 2, 'dim')} {self._styled(safe, 'bold')} {self._styled(tail, 'dim')}\n")

    def _styled(self, text: str, style: Style) -> str:
        return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if style and self.look.colour and text else text

    def _write(self, text: str) -> None:
        if self.stop.is_set:
            raise Stopped
        encoding = self._out.encoding or "ascii"
        try:
            self._out.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._out.flush()
        except (OSError, ValueError) as error:
            raise Closed("the terminal is gone") from error

    # -- in --------------------------------------------------------------------------------------

    def ask(self, prompt: str, *, ahead: bool = False) -> str | None:
        """One line typed after the prompt was drawn; None where what came is no answer (and why was said).

        `ahead` takes what was typed before the prompt too, for fields that are confirmed later.
        """
        line = self.line(prompt, quiet=not ahead)
        if self._waits(_BURST):
            self.say("Several lines arrived at once: nothing was taken.", "warn")
            self._await_quiet()
            return None
        return self._text(line)

    def line(self, prompt: str, *, quiet: bool = False) -> bytes:
        """The line typed at a prompt, which is drawn again after Ctrl-Z and `fg`. `quiet`: see `ask`."""
        while True:
            if quiet:
                self._await_quiet()
            self._write(self._styled(one_line(prompt, ascii_only=self.look.ascii_only), "bold") + " ")
            try:
                return self._read()
            except Continued:
                self._write("\n")

    def _read(self) -> bytes:
        """The next line, without its end. A line without a line end (Ctrl-D) is never one. Raises Continued."""
        with self._mode(by_line=True):
            taken = b""
            while not taken.endswith(b"\n"):
                taken += self._some()
        return taken[:-1]

    def _text(self, line: bytes) -> str | None:
        if len(line) >= _LINE_BYTES:
            self.say("That line is longer than a terminal can carry (4,095 bytes): nothing was taken.", "warn")
            return None
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self.say("That line is not UTF-8: nothing was taken.", "warn")
            return None
        if any(ord(char) < 32 and char != "\t" for char in text):
            self.say("Arrow and control keys do not work here: nothing was taken, type the line again.", "warn")
            return None
        return text

    def _some(self) -> bytes:
        self._wait(None)
        try:
            data = os.read(self.input, 65536)
        except OSError as error:
            raise Closed("the terminal is gone") from error
        if not data:
            raise Closed("end of input")
        return data

    def _wait(self, seconds: float | None) -> bool:
        ready, _, _ = select.select([self.input, self.stop.fileno()], [], [], seconds)
        if self.stop.fileno() in ready:
            if self.stop.is_set:
                raise Stopped
            self.stop.taken()
            raise Continued
        return bool(ready)

    def _waits(self, seconds: float) -> bool:
        try:
            with self._mode(by_line=False):
                return self._wait(seconds)
        except Continued:
            return True  # what was read may have been typed before the prompt stood again

    def _await_quiet(self) -> None:
        """Throw away what was typed before the prompt, until nothing came for a moment."""
        give_up = time.monotonic() + self._patience
        while True:
            with suppress(Continued), self._mode(by_line=False):
                while self._wait(self._quiet):
                    if time.monotonic() > give_up:
                        raise Closed("the input never falls silent, so nobody seems to be typing")
                    self._some()
                return

    @contextmanager
    def _mode(self, *, by_line: bool) -> Iterator[None]:
        """Line by line with echo, or unseen byte by byte; signals (Ctrl-C) work in both."""
        import termios

        saved = attributes(self.input)
        wanted = [*saved[:6], list(saved[6])]
        wanted[0] |= termios.ICRNL
        line_flags = termios.ICANON | termios.ECHO
        wanted[3] = (wanted[3] | line_flags if by_line else wanted[3] & ~line_flags) | termios.ISIG
        if not by_line:
            wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
        restore(self.input, wanted)
        try:
            yield
        finally:
            restore(self.input, saved)


def attributes(terminal: int) -> list[Any]:
    """The terminal's modes. Raises Closed."""
    import termios

    try:
        return termios.tcgetattr(terminal)
    except termios.error as error:
        raise Closed("the terminal is gone") from error


def terminal_modes(stream: TextIO) -> list[Any] | None:
    """The modes of the terminal behind a stream; None where it is none."""
    try:
        return attributes(stream.fileno()) if stream.isatty() else None
    except (Closed, ImportError, OSError, ValueError):
        return None


def restore_terminal(stream: TextIO, modes: list[Any] | None) -> None:
    """Set what `terminal_modes` gave."""
    if modes is not None:
        restore(stream.fileno(), modes)


def restore(terminal: int, modes: list[Any]) -> None:
    """Set the terminal's modes; a terminal that is gone has none."""
    import termios

    with suppress(termios.error):
        termios.tcsetattr(terminal, termios.TCSANOW, modes)
