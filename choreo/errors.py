"""Errors that end a command, each with the exit code of the table in the README.

Nothing below `choreo.cli` exits: it raises one of these, and the one handler in `choreo.cli` prints
`error[CODE]: message` and `help: ...` and leaves with `exit_code`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # msgspec, which a Problem is made of, costs `--help` a tenth of its time
    from collections.abc import Mapping

    from choreo.problem import Problem

DONE = 0
FAILED = 1
USAGE = 2
BUG = 3
WAITING = 4
STORE = 5
HELD = 6
REJECTED = 7
LIMIT = 8
INTERRUPTED = 130
TERMINATED = 143


class ChoreoError(Exception):
    """An error a person can act on: what was found, and what to do (`help`)."""

    exit_code = FAILED

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help

    def __reduce__(self) -> tuple[object, ...]:
        """As it crosses from one process to another: kinds differ in what they are made of."""
        return _made_again, (type(self), self.__dict__)


def _made_again(kind: type[ChoreoError], parts: dict[str, object]) -> ChoreoError:
    error = kind.__new__(kind, parts["message"])
    error.__dict__.update(parts)
    return error


class UsageError(ChoreoError):
    """The call's words are off, or a file it names does not exist."""

    exit_code = USAGE


class StoreError(ChoreoError):
    """The trace store cannot be used; it was left as it was found."""

    exit_code = STORE


class NoRoom(StoreError):
    """What another paid call would bring back could not be kept. What is under way has its room: it is awaited."""


class NoHandles(ChoreoError):
    """This process has as many files open as it may (`ulimit -n`): what fails now fails for no other reason."""

    exit_code = STORE

    def __init__(self) -> None:
        help = "what is on record is safe: allow more (`ulimit -n 256`), then: choreo resume last"
        super().__init__("too-many-open-files", "this process may open no more files", help)

    @staticmethod
    def is_behind(error: BaseException | None) -> bool:
        """Whether an error, or what it came from, is that no more files may be opened."""
        seen: list[BaseException] = []
        while error is not None and error not in seen:
            if isinstance(error, OSError) and error.errno in _NO_HANDLES:
                return True
            seen.append(error)
            error = error.__cause__ or error.__context__
        return False


_NO_HANDLES = (errno.EMFILE, errno.ENFILE)


class HeldError(ChoreoError):
    """Someone else holds the run, or has decided the question already."""

    exit_code = HELD


class ExpiredError(HeldError):
    """An answer that came too late: the question's `within` was over at `due` (UTC seconds)."""

    def __init__(self, message: str, help: str, due: float) -> None:
        super().__init__("expired", message, help)
        self.due = due


class SpecErrors(ChoreoError):
    """A spec with problems: all of them at once."""

    def __init__(self, problems: tuple[Problem, ...], texts: Mapping[str, str] | None = None) -> None:
        refusing = [problem for problem in problems if problem.severity == "error"] or problems
        first = f"{refusing[0].place}: [{refusing[0].code}] {refusing[0].message}" if problems else "none told"
        super().__init__("bad-spec", f"{len(problems)} found, the first: {first}")
        self.problems = problems
        self.texts = texts or {}


class PlayFailed(Exception):
    """A player could not give an output: the hop fails with `code`.

    `retriable` says whether another attempt may help; `retry_after` (seconds) is the least wait the
    other side asked for; `timeout` makes the event `timeout` in place of `failed`; `unsure` says that what was
    asked for may have been done all the same.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retriable: bool = False,
        retry_after: float | None = None,
        timeout: bool = False,
        unsure: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retriable = retriable
        self.retry_after = retry_after
        self.timeout = timeout
        self.unsure = unsure
