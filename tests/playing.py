"""Plays a spec written in the test through the real loader, store and runner, in this process."""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from choreo.api.begin import new_run_id, started
from choreo.api.checked import check_spec
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.gates.base import Gate
from choreo.plan import plan_digest
from choreo.players import player_for
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.spec import Role
from choreo.store import NewRun, RunRecord, Store
from choreo.trace import Attempt, Event, HopFinished, RunFinished
from choreo.verify import the_checker

HEAD = """
choreo: 1
name: test
version: 1.0.0
trigger: {accepts: any@^1}
result: {emits: any@1.0.0}
contracts:
  any@1.0.0: {type: object, properties: {n: {type: integer}}}
"""


class Ran:
    """What a run left behind."""

    def __init__(self, store: Store, record: RunRecord, end: RunFinished | None) -> None:
        self.store, self.record, self.end = store, record, end
        self.events: list[Event] = store.history(record)
        self.attempts: list[tuple[int, Attempt]] = store.attempts(record)

    @property
    def result(self) -> Any:
        return self.end.payload.value if self.end and self.end.payload else None

    @property
    def failures(self) -> list[str | None]:
        return [event.code for event in self.events if isinstance(event, HopFinished) and event.status != "done"]


def run_spec(
    folder: Path,
    body: str,
    value: Any = None,
    *,
    gate: Gate | None = None,
    player: Callable[[Role], Any] = lambda role: player_for(role.player),
    modules: Mapping[str, str] | None = None,
    head: str = HEAD,
) -> Ran:
    """Write the head and the spec's body, and python modules beside it; play it on `value`."""
    (folder / "spec.yaml").write_text(head + textwrap.dedent(body))
    for name, text in (modules or {}).items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    checked = check_spec(str(folder / "spec.yaml"))
    fact = started(checked, value if value is not None else {"n": 1})
    position = start(checked.plan, new_run_id(time.time()))
    events = react(checked.plan, position, fact, the_checker())
    store = Store.open(folder / "trace.db")
    sources = checked.loaded.sources
    new = NewRun(position.run, ("test", "1.0.0"), plan_digest(sources), sources, at=fact.at, main="spec.yaml")
    writer = store.new_run(new, events)
    parts = Parts(checked.plan, position, writer, store, the_checker(), player, gate=gate)
    try:
        end = asyncio.run(LocalRunner(parts).run())
    finally:
        writer.release()
    return Ran(store, store.find(position.run), end)
