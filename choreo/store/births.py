"""How a run comes into the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo.store import driver, rows
from choreo.store.claims import take_claim
from choreo.store.owner import Owner


@dataclass(frozen=True)
class NewRun:
    """A run that is about to be recorded. `at` is UTC seconds."""

    id: str
    spec: tuple[str, str]
    """Name and version."""
    plan: str
    """The digest of `sources`."""
    sources: Mapping[str, str]
    at: float
    main: str
    """The key of the spec's own text in `sources`."""
    claims: Sequence[tuple[str, str]] = ()
    """Each (scope, key) lets one run only be recorded with it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    parent: tuple[str, int] | None = None
    """The run and hop that a child run plays."""


def insert_run(db: driver.Connection, run: NewRun, owner: Owner) -> int:
    """Write the row of a run within the open transaction, owned by a process; its key. Raises ClaimTaken."""
    done = db.execute(
        "INSERT INTO run(id,spec,version,plan,status,created,changed,labels,settings,"
        "chain,pid,host,process,parent,parent_hop,epoch)"
        " VALUES(?,?,?,?,'running',?,?,?,?,?,?,?,?,?,?,1)",
        (
            *(run.id, *run.spec, run.plan, run.at, run.at, rows.text(run.labels), rows.text(run.settings)),
            *(run.id.encode(), owner.pid, owner.host, owner.process, *(run.parent or (None, None))),
        ),
    )
    key = int(done.lastrowid)
    for claim in run.claims:
        take_claim(db, claim, (key, 0), run.at, over=False)
    return key
