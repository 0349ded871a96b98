"""What a command says besides its result: lines on stderr, and whether anyone is there to read or answer."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from choreo.render.text import safe_text


def say(text: str) -> None:
    """One message on stderr. Text from specs, models and people must have gone through `safe_text`."""
    try:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
    except UnicodeEncodeError:
        encoding = getattr(sys.stderr, "encoding", None) or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)  # noqa: T201
    except (BrokenPipeError, ValueError):
        return  # nobody listens: the work goes on, its record is in the store


def say_safe(text: str) -> None:
    """`say` for text that holds anything from outside."""
    say(safe_text(text))


def out(text: str) -> None:
    """One line (or block) of the command's result on stdout."""
    try:
        print(text, flush=True)  # noqa: T201
    except UnicodeEncodeError:
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)  # noqa: T201


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
