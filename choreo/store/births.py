"""How a run comes into the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo.store import driver, rows
from choreo.store.claims import take_claim
from choreo.store.owner import Owner
from choreo.store.steps import STATE, Values


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


class Birth:
    """A run that is written in the transaction that is open. `key` is its own from now on."""

    def __init__(self, db: driver.Connection, run: NewRun, owner: Owner) -> None:
        self._db, self._run, self._owner = db, run, owner
        self.key = int(db.execute("SELECT COALESCE(MAX(key),0)+1 FROM run").fetchone()[0])

    def insert(self, state: Values) -> None:
        """Write its row, owned by a process, as its first step leaves it (`Step.book`). Raises ClaimTaken."""
        run, owner = self._run, self._owner
        self._db.execute(
            "INSERT INTO run(key,id,spec,version,plan,created,labels,settings,pid,host,process,parent,parent_hop,epoch,"
            f"{','.join(STATE)}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,1{',?' * len(STATE)})",
            (
                *(self.key, run.id, *run.spec, run.plan, run.at, rows.text(run.labels), rows.text(run.settings)),
                *(owner.pid, owner.host, owner.process, *(run.parent or (None, None)), *state),
            ),
        )
        for claim in run.claims:
            take_claim(self._db, claim, (self.key, 0), run.at, over=False)
