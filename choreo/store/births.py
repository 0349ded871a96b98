"""How a run comes into the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from choreo.store import driver, rows
from choreo.store.claims import take_claim
from choreo.store.owner import Owner
from choreo.store.steps import STATE, Values


class NewRun(Struct, frozen=True):
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


def insert_run(db: driver.Connection, run: NewRun, owner: Owner, state: Values) -> int:
    """Write the row of a run within the open transaction, owned by a process, as its first step leaves it (`STATE`);
    its key. Raises ClaimTaken."""
    done = db.execute(
        _RUN,
        (
            *(run.id, *run.spec, run.plan, run.at, rows.text(run.labels), rows.text(run.settings)),
            *(owner.pid, owner.host, owner.process, *(run.parent or (None, None)), *state),
        ),
    )
    key = int(done.lastrowid)
    for claim in run.claims:
        take_claim(db, claim, (key, 0), run.at, over=False)
    return key


_COLUMNS = "id,spec,version,plan,created,labels,settings,pid,host,process,parent,parent_hop"
_RUN = f"INSERT INTO run({_COLUMNS},{','.join(STATE)},epoch) VALUES({'?,' * (12 + len(STATE))}1)"
