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
_DEEPEST = 20
"""Steps of `$ref` and `allOf` that are followed."""


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
    if contract is None:
        return True
    here: list[Any] = [contract.schema]
    for key in keys:
        parts = [part for schema in here for part in _parts(schema, contract.schema)]
        here = [part["properties"][key] for part in parts if key in part.get("properties", {})]
    kinds = [kind for schema in here for part in _parts(schema, contract.schema) if (kind := _kinds(part)) is not None]
    return all("string" in kind for kind in kinds)


def _parts(schema: Any, root: Any, depth: int = 0) -> list[dict[str, Any]]:
    """A schema, and all that must hold beside it: what it refers to, and what is in its `allOf`."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return []
    beside = [*schema.get("allOf", ()), *_referred(schema.get("$ref"), root)]
    return [schema, *(part for one in beside for part in _parts(one, root, depth + 1))]


def _referred(ref: Any, root: Any) -> list[Any]:
    if not isinstance(ref, str) or not ref.startswith("#"):
        return []
    found = root
    for key in ref[1:].split("/")[1:]:
        found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return [found]


def _kinds(schema: dict[str, Any]) -> set[str] | None:
    """The types of value that a schema names; None where it names none."""
    kind, among = schema.get("type"), schema.get("anyOf", schema.get("oneOf"))
    if kind is not None:
        return {kind} if isinstance(kind, str) else set(kind)
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    if listed is not None:
        return {"string" if isinstance(one, str) else "other" for one in listed}
    found = [_kinds(one) for one in among or () if isinstance(one, dict)]
    return {kind for one in found for kind in one or {"string"}} if found else None
