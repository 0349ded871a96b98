"""One diff, told: the comparison, the version it demands, who must hear of it, and what stored payloads say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.canonical import Payload
from choreo.commands.contract_audience import Audience
from choreo.commands.contract_sides import Side
from choreo.compat import Comparison, Unusable, compare, is_enough, least
from choreo.contract import Contract, Version
from choreo.errors import ChoreoError, UsageError
from choreo.problem import Place
from choreo.render.compat import comparison_data, render_comparison, shown
from choreo.store.contract_payloads import StoredPayload, contract_payloads
from choreo.verify import the_checker


@dataclass(frozen=True)
class Traces:
    """Stored payloads under the new version: how many, and the first that fails with the reason and its pointer."""

    checked: int
    failed: StoredPayload | None
    pointer: str = ""
    reason: str = ""


def failing_payloads(side: Side, db: str, last: int) -> Traces:
    """The last stored payloads of a contract under its new version. Raises UsageError and StoreError."""
    if not side.name:
        help = "name the contract: name@version, or a file schemas/<name>/<version>.json"
        raise UsageError("no-contract-name", f"`{side.label}` does not say which contract's payloads are meant", help)
    schema = side.schema if isinstance(side.schema, dict) else {"allOf": [side.schema]}
    contract = Contract(side.name, side.version, schema, Payload.of(schema).digest, Place(side.label))
    found = contract_payloads(Path(db), side.name, last)
    for number, stored in enumerate(found, start=1):
        verdict = the_checker()(contract, Payload.of(stored.value))
        if verdict.violations:
            return Traces(number, stored, *verdict.violations[0])
    return Traces(len(found), None)


def diff_text(old: Side, new: Side, audience: Audience, traces: Traces | None) -> str:
    """The diff for people."""
    comparison = _compare(old, new)
    notes = [*_version_notes(old, new, comparison), *_hearers(old, new, comparison, audience)]
    if traces is not None:
        notes += _trace_notes(traces, new)
    return render_comparison(old.label, new.label, comparison, notes)


def diff_data(old: Side, new: Side, audience: Audience, traces: Traces | None) -> dict[str, Any]:
    """The diff as JSON data."""
    comparison = _compare(old, new)
    found: dict[str, Any] = {"old": old.label, "new": new.label, **comparison_data(comparison)}
    if old.version:
        found["least_version"] = str(least(Version.parse(old.version), comparison.bump))
    found["owner"] = new.owner or old.owner
    found |= audience.data
    if traces is not None:
        found["traces"] = {"checked": traces.checked, "failed": _failed(traces)}
    return found


def _compare(old: Side, new: Side) -> Comparison:
    try:
        return compare(old.schema, new.schema)
    except Unusable as error:
        message = f"`{old.label}` or `{new.label}` is no schema that can be used: {error}"
        raise ChoreoError("bad-schema", message, "see: choreo contract check") from error


def _version_notes(old: Side, new: Side, comparison: Comparison) -> list[str]:
    if not old.version or not new.version or comparison.bump == "none":
        return []
    before, after = Version.parse(old.version), Version.parse(new.version)
    if is_enough(before, after, comparison.bump):
        return [f"{new.version} tells of it"]
    return [f"{new.version} is too small a step: name it {least(before, comparison.bump)} or later"]


def _hearers(old: Side, new: Side, comparison: Comparison, audience: Audience) -> list[str]:
    owner = new.owner or old.owner
    first = comparison.first
    moves = [] if first == "either" or not audience.parties else [f"first: {audience.moves(first)}"]
    return [*moves, *([f"owner: {owner}"] if owner else []), *audience.lines]


def _trace_notes(traces: Traces, new: Side) -> list[str]:
    if traces.failed is None:
        return [f"stored payloads: {traces.checked} pass under {new.label}"]
    failed = traces.failed
    return [
        f"stored payloads: number {traces.checked} fails under {new.label} at {traces.pointer or '#'}: {traces.reason}",
        f"  run {failed.run}, {failed.what}, as {failed.contract}: {shown(failed.value)}",
    ]


def _failed(traces: Traces) -> dict[str, Any] | None:
    failed = traces.failed
    if failed is None:
        return None
    return {
        "run": failed.run,
        "contract": failed.contract,
        "what": failed.what,
        "pointer": traces.pointer,
        "reason": traces.reason,
        "payload": failed.value,
    }
