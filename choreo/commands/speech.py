"""What a command says besides its result: lines on stderr, and whether anyone is there to read or answer."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import TextIO

from choreo.errors import ChoreoError
from choreo.render.text import nothing_hidden, one_line, only_ascii, safe_text


def say(text: str) -> None:
    """One message on stderr. What comes from specs, models and people, file names too, goes through `say_safe`."""
    text = _no_command(text)
    try:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
    except UnicodeEncodeError:
        encoding = getattr(sys.stderr, "encoding", None) or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, ValueError):
        silence(sys.stderr)  # nobody listens: the work goes on, its record is in the store


def _no_command(text: str) -> str:
    """The text as a CI runner may have it. A JSON document stays one, with the same value."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    from choreo.render.problems import inert

    if text.startswith(("{", "[", '"')):
        return text.replace("##", "#\\u0023")
    return "\n".join(map(inert, text.split("\n")))


def say_safe(text: str) -> None:
    """`say` for one line that holds anything from outside: a line end in a file's name begins no line of its own."""
    say(one_line(text))


def out(text: str, *, commands: bool = False, end: str = "\n") -> bool:
    """One line (or block) of the command's result on stdout. A reader that has gone (`| head`) is no error.

    Returns whether anyone reads on. In the log of a CI runner nothing in it is a command to the runner, unless
    `commands` says that it is meant so. Raises ChoreoError where the result cannot be written (a full disk).
    """
    text = text if commands else _no_command(text)
    if is_terminal(sys.stdout):
        text = nothing_hidden(text)  # JSON escapes: a document keeps its value
    try:
        print(text, end=end, flush=True)  # noqa: T201
    except UnicodeEncodeError:
        print(only_ascii(text), end=end, flush=True)  # noqa: T201
    except BrokenPipeError:
        silence(sys.stdout)
        return False
    except OSError as error:
        silence(sys.stdout)
        message = f"the result could not be written to standard output: {error.strerror or error}"
        raise ChoreoError("cannot-write", message, "it is on record; see: choreo runs") from error
    return True


def reader_left(stream: TextIO) -> bool:
    """Whether the pipe that a stream writes into is read by nobody any more: found without writing to it."""
    if not hasattr(select, "poll"):  # not on every platform: there a write finds out
        return False
    with contextlib.suppress(OSError, ValueError):
        asked = select.poll()
        asked.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in asked.poll(0))
    return False


def silence(stream: TextIO) -> None:
    """Send what is still written to a stream nowhere, so that neither a write nor the exit fails on it."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def open_missing_streams() -> None:
    """Put the null device where a standard stream was closed (`>&-`): no file of ours may get its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, "r+" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def wants_colour(stream: TextIO | None) -> bool:
    """Colour only where a terminal can show it and nobody asked for none."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def person() -> str:
    """Who is at this terminal, as the system knows them."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def ask_yes(question: str) -> bool:
    """A yes or no question at the terminal; anything but `y` or `yes` is no."""
    say(f"{safe_text(question)} [y/N]")
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except (OSError, ValueError):
        return False
