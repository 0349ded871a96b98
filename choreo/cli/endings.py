"""The one place that turns errors into exit codes. No error gets past here as a traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from choreo import errors
from choreo.errors import ChoreoError, NoHandles, SpecErrors


def leave(work: Callable[[], int], db: str | None) -> NoReturn:
    """Run a command and leave with its exit code. No error gets past here as a traceback."""
    try:
        code = work()
    except SpecErrors as found:
        code = _tell_problems(found)
    except ChoreoError as error:
        other = NoHandles.is_behind(error) and error.exit_code != errors.STORE
        code = _tell_plainly(NoHandles()) if other else tell(error, db)
    except KeyboardInterrupt:
        code = errors.INTERRUPTED
    except MemoryError:
        code = tell(_no_memory(), db)
    except Exception as error:  # noqa: BLE001 - a bug: one line here, the traceback in a file
        code = _tell_plainly(NoHandles()) if NoHandles.is_behind(error) else _tell_bug(error, db)
    _tell_upgrades()
    _flush()
    raise typer.Exit(code)


def _tell_upgrades() -> None:
    """Whichever command met an older store: there is now a copy beside it."""
    backup = sys.modules.get("choreo.store.backup")
    if backup is not None and backup.untold:
        from choreo.commands.db import say_what_was_upgraded

        say_what_was_upgraded()


def _no_memory() -> ChoreoError:
    error = ChoreoError("out-of-memory", "this process may take no more memory", "what is on record is safe: give it "
        "more memory, or hand over references in place of large payloads; then: choreo resume last")  # fmt: skip
    error.exit_code = errors.LIMIT
    return error


def _tell_problems(found: SpecErrors) -> int:
    from choreo.commands.speech import say, wants_colour
    from choreo.render.problems import render_problems

    say(render_problems(found.problems, found.texts, colour=wants_colour(sys.stderr)).rstrip("\n"))
    return found.exit_code


def tell(error: ChoreoError, db: str | None = None) -> int:
    """The error, and what to do: its commands find the store that `--db` named."""
    from choreo.commands.speech import say_safe

    say_safe(f"error[{error.code}]: {error.message}")
    if error.help:
        say_safe(f"help: {_with_store(error.help, db) if db and '--db' not in error.help else error.help}")
    return error.exit_code


def _with_store(help: str, db: str) -> str:
    import re
    import shlex

    named = r"runs|(?:resume|trace|review|stop) (?:RUN|last|[0-9]{8}-[0-9]{6}-[\w.]+)"
    return re.sub(rf"\bchoreo (?:{named})", rf"\g<0> --db {shlex.quote(db)}", help)


def _tell_plainly(error: ChoreoError) -> int:
    """Without a module that may not be loaded yet: there is no handle left to load it with."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"error[{error.code}]: {error.message}\nhelp: {error.help}\n")
    return error.exit_code


def _flush() -> None:
    """A stream that cannot be written any more must not change the exit code when Python ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            from choreo.commands.speech import silence

            silence(stream)


def _tell_bug(error: Exception, db: str | None) -> int:
    from choreo.commands.bug import keep_traceback
    from choreo.commands.speech import say_safe

    kept = keep_traceback(error, db)
    say_safe(f"error[bug]: choreo met something it did not expect: {type(error).__name__}: {error}")
    say_safe(f"help: what is on record is safe; please report it with {kept}")
    return errors.BUG
