"""The inputs of a batch: lines of JSON, rows of CSV, or a folder of JSON files, read one at a time."""

from __future__ import annotations

import csv
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.canonical import NotData, Payload, decode
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
    value: Any = None
    fault: str | None = None
    code: str = "not-data"


def count_inputs(path: Path) -> int:
    """How many inputs there are, for a progress bar. Raises UsageError where there is nothing to read."""
    if path.is_dir():
        return len(_files(path))
    _must_be_known(path)
    try:
        with path.open("rb") as file:
            lines = sum(1 for line in file if line.strip())
    except OSError as error:
        raise _unreadable(path, error) from error
    return max(0, lines - 1) if path.suffix == ".csv" else lines


def read_inputs(path: Path, contract: Contract | None) -> Iterator[Input]:
    """Every input, in order. One that cannot be read comes with its `fault` and stops nothing."""
    seen: Counter[str] = Counter()
    for number, (place, value) in enumerate(_values(path, contract), 1):
        if isinstance(value, _Fault):
            yield Input(number, place, fault=value.why, code=value.code)
            continue
        try:
            digest = Payload.of(value).digest
        except NotData as error:
            yield Input(number, place, fault=str(error))
            continue
        seen[digest] += 1
        yield Input(number, place, f"{digest}#{seen[digest]}", value)


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


def _rows(path: Path, contract: Contract | None) -> Iterator[tuple[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file, restkey="", restval=None, strict=True)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield f"line {reader.line_num}", _Fault(f"not CSV: {error}")
                return
            if row is None:
                return
            yield f"line {reader.line_num}", _row_value(row, contract)


def _row_value(row: dict[str, Any], contract: Contract | None) -> Any:
    if row.get("") is not None:
        return _Fault("it has more cells than the first line has names")
    cells = {name: cell for name, cell in row.items() if cell not in (None, "")}  # an empty cell is no value
    try:
        return {name: field_value(contract, name, cell) for name, cell in cells.items()}
    except UsageError as error:
        return _Fault(error.message)


def _decoded(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        return _Fault(f"it has more than {MOST_BYTES:,} bytes")
    try:
        return decode(data)
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
