"""The inputs of a batch: lines of JSON, rows of CSV, or a folder of JSON files, read one at a time."""

from __future__ import annotations

import csv
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.canonical import NotData, Payload
from choreo.commands.payloads import MOST_BYTES, field_value
from choreo.contract import Contract
from choreo.errors import NoHandles, UsageError

KINDS = ".jsonl, .csv, or a folder of .json files"


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `number` counts from 1; `place` says where it stands; `fault` why it is no payload, `code` in a word.

    `key` is the digest of the payload and which occurrence of it this is: the same from one batch run to the next,
    also where other inputs were added or taken out between.
    """

    number: int
    place: str
    key: str = ""
    payload: Payload | None = None
    fault: str | None = None
    code: str = "not-data"


def count_inputs(path: Path) -> int:
    """How many inputs there are, for a progress bar. Raises UsageError where there is nothing to read."""
    if path.is_dir():
        return len(_files(path))
    _must_be_known(path)
    try:
        if path.suffix == ".csv":
            return sum(1 for _ in _table(path)[1])
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError as error:
        raise _unreadable(path, error) from error


def read_inputs(path: Path, contract: Contract | None) -> Iterator[Input]:
    """Every input, in order. One that cannot be read comes with its `fault` and stops nothing."""
    seen: Counter[str] = Counter()
    for number, (place, value) in enumerate(_values(path, contract), 1):
        if isinstance(value, _Fault):
            yield Input(number, place, fault=value.why, code=value.code)
            continue
        try:
            payload = value if isinstance(value, Payload) else Payload.of(value)
        except NotData as error:
            yield Input(number, place, fault=str(error))
            continue
        seen[payload.digest] += 1
        yield Input(number, place, f"{payload.digest}#{seen[payload.digest]}", payload)


def holds(folder: Path, file: Path) -> bool:
    """Whether a file, which need not be there yet, lies in a folder of inputs or is one of the files in it."""
    if not folder.is_dir():
        return False
    return is_same(folder, Path(os.path.realpath(file)).parent) or any(
        is_same(file, one) for one in folder.glob("*.json")
    )


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, however they are written and whether or not it is there."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why an input is none."""

    why: str
    code: str = "not-data"


def _values(path: Path, contract: Contract | None) -> Iterator[tuple[str, Any]]:
    try:
        if path.is_dir():
            for file in _files(path):
                yield file.name, _of_file(file)
        elif path.suffix == ".csv":
            yield from _rows(path, contract)
        else:
            _must_be_known(path)
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield f"line {number}", _decoded(line)
    except OSError as error:
        raise _unreadable(path, error) from error


def _files(folder: Path) -> list[Path]:
    """What a folder has by way of inputs, in order. Raises UsageError where it cannot be listed."""
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".json")]
    except OSError as error:
        raise _unreadable(folder, error) from error


def _of_file(file: Path) -> Any:
    """The value in one file of a folder. That it cannot be read is a fault of this input alone."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe waits for whoever writes into it
            return _Fault("it is no plain file", "cannot-read")
        with file.open("rb") as opened:
            return _decoded(opened.read(MOST_BYTES + 1))
    except OSError as error:
        if NoHandles.is_behind(error):
            raise NoHandles from error
        return _Fault(f"it cannot be read: {error.strerror or error}", "cannot-read")


_Row = tuple[int, list[str] | _Fault]
"""The line that a row of CSV begins in, and its cells."""


def _rows(path: Path, contract: Contract | None) -> Iterator[tuple[str, Any]]:
    names, rows = _table(path)
    for line, row in rows:
        yield f"line {line}", row if isinstance(row, _Fault) else _row_value(names, row, contract)


def _table(path: Path) -> tuple[list[str], Iterator[_Row]]:
    """The names of the columns, and the rows below them. Raises UsageError where the names cannot be used."""
    rows = _csv_rows(path)
    line, names = next(rows, (1, []))
    if isinstance(names, _Fault):
        message = f"`{path}` line {line} should name the columns, but it is {names.why}"
        raise UsageError("bad-columns", message, "give the columns' names as the first row")
    twice = next((name for name, times in Counter(names).items() if name and times > 1), None)
    if twice is not None:
        message = f"`{path}` line {line} names the column {twice!r} twice"
        raise UsageError("bad-columns", message, "a row can have one value of a name: rename one of the columns")
    return names, rows


def _csv_rows(path: Path) -> Iterator[_Row]:
    """Every row; empty lines are none. Each line of what is no CSV is a fault of its own: it may be a row that an
    open quote before it has swallowed."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        taken: list[int] = []
        reader = csv.reader(_noted(file, taken), strict=True)
        while True:
            taken.clear()
            try:
                row = _next_row(reader)
            except csv.Error as error:
                first, *others = taken
                yield first, _Fault(f"not CSV: {error}")
                for line in others:
                    yield line, _Fault(f"not CSV: line {first}, which is at fault, has a quote that takes it in")
                continue
            if row is None:
                return
            if row:
                yield taken[0], row


def _noted(lines: Iterable[str], taken: list[int]) -> Iterator[str]:
    """The lines, with the numbers of those that are not empty put into `taken`."""
    for number, line in enumerate(lines, 1):
        if line.strip("\r\n"):
            taken.append(number)
        yield line


def _next_row(reader: Iterator[list[str]]) -> list[str] | None:
    """The next row, with cells as large as an input may be.

    The csv module has one limit for the whole process. It is put back at once: a service may count on it.
    """
    before = csv.field_size_limit(MOST_BYTES)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def _row_value(names: list[str], row: list[str], contract: Contract | None) -> Any:
    cells = {name: cell for name, cell in zip(names, row, strict=False) if cell != ""}  # an empty cell is no value
    if len(row) > len(names) or "" in cells:
        return _Fault("it has more cells than the first line has names")
    try:
        return {name: field_value(contract, name, cell) for name, cell in cells.items()}
    except UsageError as error:
        return _Fault(error.message)


def _decoded(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        return _Fault(f"it has more than {MOST_BYTES:,} bytes")
    try:
        return Payload.decoded(data)
    except NotData as error:
        return _Fault(str(error))


def _must_be_known(path: Path) -> None:
    if not path.exists():
        raise UsageError("cannot-read", f"there is no `{path}`", f"name a file or folder: {KINDS}")
    if path.suffix not in (".jsonl", ".ndjson", ".csv"):
        raise UsageError("unknown-inputs", f"`{path}` is none of what a batch reads", f"give {KINDS}")
    if not path.is_file():  # it is read twice, which a pipe does not allow
        raise UsageError("cannot-read", f"`{path}` is no plain file", f"give {KINDS}")


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError("cannot-read", f"cannot read `{path}`: {error.strerror or error}", "check the path")
