"""The command line: signatures only, one module per group of commands.

Every command is one plain function in `choreo.commands`, imported when it is called: start-up stays
short, and `--help`, `validate` and `trace` never load a model library.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

from choreo.cli import start, play, again, look, check, models, contract, store  # isort: skip - the order of `--help`
from choreo.cli.app import app
from choreo.cli.endings import tell
from choreo.errors import UsageError

__all__ = ["again", "app", "check", "contract", "look", "main", "models", "play", "start", "store"]


def main() -> None:
    """The console script."""
    gc.set_threshold(50_000)  # nearly all that a command makes is kept until its end: looking for garbage is 6 % of it
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from choreo.commands.speech import open_missing_streams

        open_missing_streams()
    for word in sys.argv[1:]:
        if any("\ud800" <= char <= "\udfff" for char in word):
            shown = word.encode("utf-8", "backslashreplace").decode()
            wrong = UsageError("not-text", f"the argument `{shown}` is not UTF-8", "write it in UTF-8")
            sys.exit(tell(wrong))
    _build_less(sys.argv[1:])
    app()


def _build_less(words: list[str]) -> None:
    """Only the command that is called is built, and for the list of all their first lines: typer looks at every
    parameter of every command before the first one runs, which is a third of the start-up."""
    called = words[0] if words else "--help"
    commands = [one for one in app.registered_commands if one.name == called]
    groups = [one for one in app.registered_groups if one.name == called]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups
    elif called in ("-h", "--help") and not any(name.endswith("_COMPLETE") for name in os.environ):
        for one in app.registered_commands:
            one.callback = _title_of(one.callback)
        for group in app.registered_groups:
            if group.typer_instance is not None:
                group.typer_instance.registered_commands = []


def _title_of(callback: Callable[..., object] | None) -> Callable[[], None]:
    def title() -> None:
        pass

    title.__doc__ = callback.__doc__
    return title
