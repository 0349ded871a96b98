"""Payloads on record under a contract, newest first. The store is only read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo.errors import StoreError
from choreo.store import driver
from choreo.store.place import open_for_reading

_QUERY = """
SELECT run.id, found.seq, found.contract, found.what, payload.data FROM (
  SELECT run, seq, contract, payload, 'handed to ' || target AS what FROM handoff
    WHERE contract LIKE ? ESCAPE '\\' AND payload IS NOT NULL
  UNION ALL
  SELECT run, finished_seq, contract, output, 'written by ' || role FROM hop
    WHERE contract LIKE ? ESCAPE '\\' AND output IS NOT NULL
) found JOIN run ON run.key = found.run JOIN payload ON payload.id = found.payload
GROUP BY found.payload ORDER BY run.created DESC, found.seq DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """A payload, the contract it was checked under, and where it was met."""

    run: str
    contract: str
    what: str
    value: Any


def contract_payloads(path: Path, name: str, limit: int) -> list[StoredPayload]:
    """The last `limit` different payloads of any version of a contract. Raises UsageError and StoreError."""
    connection = open_for_reading(path)
    try:
        return list(_payloads(connection, name, limit))
    except (driver.DatabaseError, ValueError, RecursionError) as error:
        raise StoreError("store-unusable", f"{path}: {error}", "it was left as it is") from error
    finally:
        connection.close()


def _payloads(connection: driver.Connection, name: str, limit: int) -> Iterator[StoredPayload]:
    start = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "@%"
    for run, _, contract, what, data in connection.execute(_QUERY, (start, start, limit)):
        yield StoredPayload(run, contract, what, json.loads(data))
