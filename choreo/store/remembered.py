"""Answers on record that may stand for a new one, and which hops took theirs from an earlier one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo.canonical import Payload
from choreo.store import driver

TAKEN = ("reused", "receipt", "cached")
"""The kinds of attempts by which a hop took the output of an earlier hop: their facts name its `run` and `hop`."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The output of a hop that is done, and its confidence as it was measured then."""

    run: str
    hop: int
    output: Payload
    confidence: float | None = None
    confidence_source: str = "none"
    confidence_detail: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    """The digest of the python module that gave it, where one did."""


def find_remembered(db: driver.Connection, key: str) -> Remembered | None:
    """The newest hop that is done, of those whose attempts are marked with this `cache_key`.

    One whose output is not the bytes that were written stands for nothing.
    """
    row = db.execute(
        "SELECT run.id, h.number, p.data, p.digest, h.confidence, h.confidence_source, h.confidence_detail"
        " FROM attempt a JOIN hop h ON h.run=a.run AND h.number=a.hop JOIN run ON run.key=a.run"
        " JOIN payload p ON p.id=h.output"
        " WHERE json_extract(a.facts,'$.cache_key')=? AND h.status='done' ORDER BY h.finished DESC LIMIT 1",
        (key,),
    ).fetchone()
    if row is None:
        return None
    run, hop, data, digest, confidence, source, detail = row
    output = Payload(bytes(data))
    if output.digest != digest:
        return None
    return Remembered(run, hop, output, confidence, source or "none", json.loads(detail or "{}"))


def taken_from(db: driver.Connection, run: int) -> dict[int, tuple[str, str, int]]:
    """By hop of the run with this key: (kind, run, hop) of what it took its output from."""
    query = "SELECT hop, kind, facts FROM attempt WHERE run=? AND kind IN (?,?,?)"
    found = {hop: (kind, json.loads(facts)) for hop, kind, facts in db.execute(query, (run, *TAKEN))}
    return {hop: (kind, str(facts["run"]), int(facts["hop"])) for hop, (kind, facts) in found.items()}
