"""A store in a folder of the test, and a run in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from choreo.canonical import Payload
from choreo.store import NewRun, Store
from choreo.store.writer import RunWriter
from choreo.trace import Event, RunStarted

START = RunStarted(1000.0, Payload.of({"x": 1}))


def new_run(store: Store, name: str, events: Sequence[Event] = (START,)) -> RunWriter:
    sources = {"s.yaml": "choreo: 1"}
    digest = Payload.of(sources).digest
    return store.create_run(
        NewRun(name, ("s", "1.0.0"), digest, sources, at=1000.0, main="s.yaml"), events, status="running"
    )


def at(folder: Path) -> Path:
    return folder / ".choreo" / "trace.db"
