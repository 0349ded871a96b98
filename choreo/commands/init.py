"""`choreo init`: a new project, from five steps at the terminal or from an example. Never overwrites a file."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from choreo.api.checked import problems_of
from choreo.commands.speech import is_terminal, say, say_safe, wants_colour
from choreo.errors import DONE, ChoreoError, SpecErrors, UsageError
from choreo.loading import load_spec
from choreo.render.problems import render_problems
from choreo.render.text import one_line, wrap
from choreo.starter.answers import slug
from choreo.starter.draft import Draft
from choreo.starter.examples import EXAMPLES, example_files
from choreo.starter.interview import Interview
from choreo.starter.project import IGNORED, SAMPLE, project_files, run_command

_SGR = {"bold": "1", "step": "1;36", "quiet": "2", "warn": "33"}
_FIXED = ("README.md", ".gitignore", SAMPLE, "services.py")


def init(folder: str, *, example: str | None) -> int:
    """Write a project into a folder, made where it is not there. Raises UsageError, before anything is written."""
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise UsageError("not-a-folder", f"`{folder}` is there and is no folder", "name another")
    if example is not None:
        if example not in EXAMPLES:
            raise UsageError("unknown-example", f"there is no example `{example}`", listed_examples())
        return make_project(folder, {**example_files(example), ".gitignore": IGNORED}, run_command(example))
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        raise UsageError("no-terminal", "there is nobody to ask: this is no terminal", listed_examples())
    _refuse_existing(folder, _FIXED)
    draft = interview(_read_line, _tell).draft(slug(Path(os.path.abspath(folder)).name, "-") or "help-desk")
    return make_project(folder, project_files(draft), run_command(draft.name))


def listed_examples() -> str:
    """The examples as a help text."""
    listed = "".join(f"\n  {name:<8} {about}" for name, about in EXAMPLES.items())
    return f"take an example, choreo init DIR --example NAME:{listed}"


def interview(read: Callable[[str], str], tell: Callable[[str, str], None]) -> Interview:
    """The conversation, with the real validator behind its questions."""
    return Interview(read, tell, first_problem)


def first_problem(draft: Draft) -> str | None:
    """What the validator says first about a draft: written out where nobody sees it, and thrown away."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, project_files(draft))
        found = problems_of(load_spec(os.fspath(folder / f"{draft.name}.yaml")))
    error = next((problem for problem in found if problem.severity == "error"), None)
    return None if error is None else f"{error.message} ({error.help})" if error.help else error.message


# -- at the terminal -----------------------------------------------------------------------------


def _read_line(prompt: str) -> str:
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - arrow keys work in `input`
    try:
        return input(one_line(prompt))
    except KeyboardInterrupt:
        say("\nnothing was written")
        raise
    except EOFError as error:
        raise UsageError("no-answer", "the answers ended before the last question; nothing was written") from error
    except UnicodeDecodeError:
        return "\udcff"  # what is no UTF-8 is refused like any other character that does not show


def _tell(text: str, style: str) -> None:
    is_coloured = bool(style) and wants_colour(sys.stderr)
    for row in wrap(one_line(text), max(30, shutil.get_terminal_size((80, 24)).columns - 1)):
        say(f"\x1b[{_SGR[style]}m{row}\x1b[0m" if is_coloured and row else row)


# -- writing -------------------------------------------------------------------------------------


def make_project(folder: str, files: Mapping[str, str], command: str) -> int:
    """Write a project, check it with the real validator, and say the next two commands. Overwrites nothing."""
    _refuse_existing(folder, tuple(files))
    _write(Path(folder), files)
    spec = next(os.path.join(folder, path) for path in files if "/" not in path and path.endswith(".yaml"))
    loaded = load_spec(spec)
    found = problems_of(loaded)
    if any(problem.severity == "error" for problem in found):
        raise SpecErrors(found, loaded.texts)
    say("")
    if found:
        say(render_problems(found, loaded.texts, colour=wants_colour(sys.stderr)))
    for path in files:
        say_safe(f"wrote {os.path.join(folder, path)}")
    say_safe(f"{spec}: no errors")
    enter = "" if os.path.abspath(folder) == os.getcwd() else f"cd {shlex.quote(folder)} && "
    say("")
    say_safe(f"next: {enter}{command}")
    say("then: choreo trace last")
    return DONE


def _refuse_existing(folder: str, paths: tuple[str, ...]) -> None:
    there = [path for path in paths if os.path.lexists(os.path.join(folder, path))]
    if there:
        shown = ", ".join(f"`{os.path.join(folder, path)}`" for path in there[:6])
        message = f"{shown} {'is' if len(there) == 1 else 'are'} there already: nothing was written"
        raise UsageError("file-exists", message, "name an empty folder: choreo init DIR")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write every file anew; one that appeared meanwhile is not overwritten. Raises ChoreoError."""
    try:
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except FileExistsError as error:
        raise UsageError("file-exists", f"`{error.filename}` is there already", "name an empty folder") from error
    except OSError as error:
        message = f"cannot write `{error.filename or folder}`: {error.strerror or error}"
        raise ChoreoError("cannot-write", message, "check the folder and its permissions") from error
