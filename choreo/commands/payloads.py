"""The trigger payload of a run: from `--input`, with `--set path=value` on top."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from choreo.canonical import NotData, decode
from choreo.contract import Contract
from choreo.errors import UsageError

MOST_BYTES = 50_000_000


def read_payload(source: str | None, sets: Sequence[str], contract: Contract | None) -> Any:
    """The JSON value that starts the run. Raises UsageError where there is none or it is not data."""
    if source is None and not sets:
        example = "--input FILE (or - for standard input), or --set field=value"
        wants = f" It accepts {contract.ref}." if contract is not None else ""
        raise UsageError("no-input", f"the run needs a trigger payload.{wants}", f"give it with {example}")
    value = _read(source) if source is not None else {}
    for given in sets:
        _set(value, given, contract)
    return value


def _read(source: str) -> Any:
    try:
        data = sys.stdin.buffer.read(MOST_BYTES + 1) if source == "-" else _bytes_of(Path(source))
    except OSError as error:
        raise UsageError(
            "cannot-read", f"cannot read `{source}`: {error.strerror or error}", "check the path"
        ) from error
    if len(data) > MOST_BYTES:
        raise UsageError("input-too-large", f"`{source}` has more than {MOST_BYTES:,} bytes", "hand over a reference")
    try:
        return decode(data)
    except NotData as error:
        raise UsageError("not-data", f"`{source}` is not a JSON payload: {error}", "give one JSON value") from error


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _set(value: Any, given: str, contract: Contract | None) -> None:
    path, equals, written = given.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise UsageError("bad-set", f"`--set {given}` is not path=value", "for example --set order.id=A-1")
    where = value
    for key in keys[:-1]:
        where = where.setdefault(key, {}) if isinstance(where, dict) else None
    if not isinstance(where, dict):
        raise UsageError("bad-set", f"`--set {path}=...` leads through something that is not an object")
    where[keys[-1]] = field_value(contract, path, written, "--set ")


def field_value(contract: Contract | None, path: str, written: str, flag: str = "") -> Any:
    """What `written` stands for at a dotted path: text where the contract takes text there, else JSON.

    Raises UsageError where it is no JSON.
    """
    if _is_text(contract, path.split(".")):
        return written
    try:
        return decode(written)
    except NotData as error:
        message = f"`{flag}{path}={written}`: the contract wants no text here, and {error}"
        raise UsageError("bad-set", message, "write JSON: 3, true, [1, 2]") from error


def _is_text(contract: Contract | None, keys: list[str]) -> bool:
    """Whether the trigger contract takes text at a path. What it says nothing about is text, too."""
    schema: Any = contract.schema if contract is not None else {}
    for key in keys:
        properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
        schema = properties.get(key, {})
    kind = schema.get("type", "string") if isinstance(schema, dict) else "string"
    return kind == "string" or (isinstance(kind, list) and "string" in kind)
