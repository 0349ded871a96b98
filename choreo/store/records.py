"""Rows of the store as values: a run, and a question that is open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from choreo.store.owner import Owner


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A row of the table `run`. Times are UTC seconds; `cost` counts known prices only (see `priced`)."""

    key: int
    id: str
    spec: str
    version: str
    plan: str
    status: str
    created: float
    changed: float
    outcome: str | None
    code: str | None
    message: str | None
    hops: int
    cost: float
    priced: bool
    labels: Mapping[str, str]
    settings: Mapping[str, Any]
    owner: Owner | None
    until: float
    due: float | None = None
    """When the first delay or open question in it runs out."""
    parent: str | None = None
    """The id of the run, one of whose hops (`parent_hop`) this child run plays."""
    parent_hop: int | None = None
    open_questions: int = 0
    """In this run and the child runs below it."""
    seq: int = 0
    """The number of its last entry."""


class OpenQuestion(NamedTuple):
    """A question that waits for a person. Times are UTC seconds."""

    run: str
    question: int
    spec: str
    kind: str
    touchpoint: str
    scope: str
    asked: float
    due: float | None


COLUMNS = (
    "key,id,spec,version,plan,status,created,changed,outcome,code,message,hops,cost,priced,labels,settings,"
    "pid,host,process,until,due,parent,parent_hop,seq,"
    "(SELECT COUNT(*) FROM decision d WHERE d.run=run.key AND d.decision IS NULL)"
    " + (SELECT COUNT(*) FROM run c JOIN decision d ON d.run=c.key AND d.decision IS NULL"
    " WHERE c.id > run.id || '.' AND c.id < run.id || '/') AS open_questions"
)


def run_record(row: Mapping[str, Any]) -> RunRecord:
    """A row of `COLUMNS`."""
    kept = dict(row)
    pid, host, process = kept.pop("pid"), kept.pop("host"), kept.pop("process")
    kept["owner"] = Owner(pid, host, process or "") if pid is not None else None
    kept["until"] = kept["until"] or 0.0
    kept["priced"] = bool(kept["priced"])
    labels, kept["settings"] = json.loads(kept["labels"]), json.loads(kept["settings"])
    kept["labels"] = labels if isinstance(labels, dict) else {}  # earlier versions took what could not be labels
    return RunRecord(**kept)
