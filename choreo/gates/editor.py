"""A JSON value in the person's editor, until it is right or given up.

The value stands in a private file (folder 0700, file 0600) under a comment header. A text that does not
parse, or breaks the contract, is opened again as it was left, with the findings as comments above it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.canonical import NotData, Payload, decode
from choreo.gates.base import Violations
from choreo.gates.console import Console, Stopped, attributes, restore
from choreo.render.text import json_escaped, one_line

_MOST_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The edit came to nothing; `why` is a sentence for the person."""

    why: str


class _Failed(Exception):
    """The editor, or the file it left, cannot be used."""


class _Wrong(Exception):
    """The text is not a valid value. `line` and `column` count from 1 inside the text; 0 where unknown."""

    def __init__(self, findings: Sequence[str], line: int = 0, column: int = 0) -> None:
        super().__init__(*findings)
        self.findings, self.line, self.column = findings, line, column


def edit(console: Console, value: Any, notes: Sequence[str], check: Violations, name: str) -> Payload | GivenUp:
    """Let the person edit `value`; the result meets `check` and differs from it.

    `notes` are the lines of the header. Raises Stopped, after the editor was ended.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="choreo-") as folder:
            return _until_right(console, Path(folder) / f"{name}.json", value, notes, check)
    except _Failed as failure:
        return GivenUp(str(failure))
    except OSError as error:
        return GivenUp(f"the file for the editor could not be used: {error.strerror or error}")


def _until_right(
    console: Console, path: Path, value: Any, notes: Sequence[str], check: Violations
) -> Payload | GivenUp:
    text = editable(value)
    head = _comments(notes)
    while True:
        _write(path, head + text)
        _open_editor(console, path)
        left = _without_head(_read(path))
        if not _bare(left).strip():
            return GivenUp("the file was left empty")
        if left == text:
            return GivenUp("nothing was changed")
        try:
            edited = _checked(left, check)
        except _Wrong as wrong:
            text, head = left, _comments(notes, wrong)
            console.say(f"Not valid, opened again: {wrong.findings[0]}", "warn")
            continue
        return GivenUp("nothing was changed") if edited == Payload.of(value) else edited


def editable(value: Any) -> str:
    """JSON for an editor: indented; what does not print stands as a JSON escape and so survives."""
    return "".join(json_escaped(char) for char in json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


# -- the text ------------------------------------------------------------------------------------


def _comments(notes: Sequence[str], wrong: _Wrong | None = None) -> str:
    lines = list(notes)
    if wrong is not None:
        # The findings' lines are counted in the file as the person will see it, header and all.
        total = len(notes) + len(wrong.findings) + 3
        where = f" (line {wrong.line + total}, column {wrong.column})" if wrong.line else ""
        lines = [f"NOT VALID YET{where}:", *(f"  {one_line(text)}" for text in wrong.findings), "", *lines]
    return "".join(f"# {line}".rstrip() + "\n" for line in [*lines, ""])


def _without_head(text: str) -> str:
    lines = text.split("\n")
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "\n".join(lines)


def _bare(text: str) -> str:
    """The text with comment lines emptied: lines keep their numbers. No JSON text holds a line break,
    so a line that begins with `#` is never inside one."""
    return "\n".join("" if line.startswith("#") else line for line in text.split("\n"))


def _checked(text: str, check: Violations) -> Payload:
    try:
        edited = Payload.of(decode(_bare(text)))
    except NotData as error:
        cause = error.__cause__
        if isinstance(cause, json.JSONDecodeError):
            raise _Wrong([f"not JSON: {cause.msg}"], cause.lineno, cause.colno) from error
        raise _Wrong([str(error)]) from error
    violations = check(edited.value)
    if violations:
        raise _Wrong(violations)
    return edited


# -- the file ------------------------------------------------------------------------------------


def _write(path: Path, text: str) -> None:
    """A new file each time: whatever stands there now (a link, a pipe) is not written through."""
    path.unlink(missing_ok=True)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(target, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def _read(path: Path) -> str:
    try:
        if path.is_symlink():
            raise _Failed("the file was replaced by a symbolic link, which is not followed")
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    with os.fdopen(source, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise _Failed("the file was replaced by something that is not a plain file")
        if found.st_size > _MOST_BYTES:
            raise _Failed(f"the file is larger than {_MOST_BYTES // 1_000_000} MB")
        data = file.read(_MOST_BYTES + 1)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _Failed(f"the file is not UTF-8 (byte {error.start})") from error


# -- the editor ----------------------------------------------------------------------------------


def editor_command() -> tuple[list[str], str]:
    """The editor's argv and where it was found: $VISUAL, $EDITOR, then nano or vi. Raises _Failed."""
    for source in ("VISUAL", "EDITOR"):
        written = os.environ.get(source, "").strip()
        if not written:
            continue
        try:
            return shlex.split(written), f"${source}"
        except ValueError as error:
            raise _Failed(f"${source} cannot be read as a command ({error}): {written}") from error
    for known in ("nano", "vi"):
        if shutil.which(known):
            return [known], "the default"
    raise _Failed("no editor was found: set VISUAL or EDITOR to the one you use")


def _open_editor(console: Console, path: Path) -> None:
    argv, source = editor_command()
    modes = attributes(console.input)
    try:
        # Its output goes where the question stands: stdout may be a file that waits for the result.
        child = subprocess.Popen([*argv, str(path)], stdin=console.input, stdout=console.output, stderr=console.output)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _Failed(f"the editor `{argv[0]}` (from {source}) could not be started: {reason}") from error
    try:
        code = _wait(console, child)
    finally:
        restore(console.input, modes)
    if code != 0:
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise _Failed(f"the editor `{argv[0]}` {ended}")


def _wait(console: Console, child: subprocess.Popen[bytes]) -> int:
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(0.05)
        if console.stop.is_set:
            _end(child)
            raise Stopped


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(1)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
