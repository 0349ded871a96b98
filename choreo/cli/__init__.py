"""The command line: signatures only, one module per group of commands.

Every command is one plain function in `choreo.commands`, imported when it is called: start-up stays
short, and `--help`, `validate` and `trace` never load a model library.
"""

from __future__ import annotations

import sys

from choreo.cli import start, play, again, look, check, models, contract, store  # isort: skip - the order of `--help`
from choreo.cli.app import app
from choreo.cli.endings import tell
from choreo.errors import UsageError

__all__ = ["again", "app", "check", "contract", "look", "main", "models", "play", "start", "store"]


def main() -> None:
    """The console script."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from choreo.commands.speech import open_missing_streams

        open_missing_streams()
    for word in sys.argv[1:]:
        if any("\ud800" <= char <= "\udfff" for char in word):
            shown = word.encode("utf-8", "backslashreplace").decode()
            wrong = UsageError("not-text", f"the argument `{shown}` is not UTF-8", "write it in UTF-8")
            sys.exit(tell(wrong))
    app()
