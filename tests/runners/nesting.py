"""A spec with sub-specs, written in the test and played through the real loader, store and runner, in this process."""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playing import HEAD

from choreo.api.checked import Checked, check_spec
from choreo.api.parts import plan_of
from choreo.engine.advance import rebuild
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.gates.base import Gate
from choreo.plan import plan_digest
from choreo.players import player_for
from choreo.runners.children import Children, begun_spending, first_fact
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import NewRun, RunRecord, Store
from choreo.store.writer import RunWriter
from choreo.trace import Attempt, Event, LimitsRaised, RunFinished
from choreo.verify import the_checker

INNER = """
    roles:
      add: {kind: reader, set: {n: input.n + 1}, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: add}
      - {from: add, to: end}
"""
OUTER = """
    roles:
      part: {kind: reasoner, spec: inner.yaml, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: part}
      - {from: part, to: end}
"""


class Nest:
    """One family of specs in a folder, and the run `r` of `main.yaml`."""

    def __init__(self, folder: Path, main: str = OUTER, **specs: str) -> None:
        self.folder = folder
        for name, body in {"main": main, "inner": INNER, **specs}.items():
            head = HEAD.replace("name: test", f"name: {name}")
            (folder / f"{name}.yaml").write_text(head + textwrap.dedent(body))
        self.store = Store.open(folder / "trace.db")
        self.position: Position | None = None

    def module(self, name: str, text: str) -> Nest:
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text))
        return self

    def play(self, value: Any = None, gate: Gate | None = None, models: Mapping[str, str] | None = None) -> Any:
        checked = check_spec(str(self.folder / "main.yaml"), models)
        plan, sources = checked.plan, checked.loaded.sources
        position = start(plan, "r")
        fact = first_fact(plan, value if value is not None else {"n": 1}, time.time(), the_checker())
        events = react(plan, position, fact, the_checker())
        settings = {"path": str(self.folder / "main.yaml"), "models": dict(models or {})}
        digest = plan_digest(sources)
        new = NewRun("r", ("main", "1.0.0"), digest, sources, at=fact.at, main="main.yaml", settings=settings)
        writer = self.store.create_run(new, events, status="running")
        return self._run(LocalRunner(self._parts(checked, position, writer, gate)))

    def resume(self, gate: Gate | None = None, limits: Mapping[str, float] | None = None) -> Any:
        record = self.record()
        checked = plan_of(self.store, record)
        writer = self.store.acquire(record, time.time())
        position = rebuild(checked.plan, "r", self.store.history(record))
        parts = self._parts(checked, position, writer, gate)
        parts.spent_before = begun_spending(self.store, record, position)
        return self._run(LocalRunner(parts), limits or {})

    def _parts(self, checked: Checked, position: Position, writer: RunWriter, gate: Gate | None) -> Parts:
        player = lambda role: player_for(role.player)  # noqa: E731
        below = Children(checked.family)
        return Parts(checked.plan, position, writer, self.store, the_checker(), player, gate=gate, below=below)

    def _run(self, runner: LocalRunner, limits: Mapping[str, float] | None = None) -> Any:
        async def all_of_it() -> RunFinished | None:
            if limits is not None:
                await runner.resume("a test")
                if limits:
                    runner.commit(LimitsRaised(time.time(), limits))
            return await runner.run()

        try:
            return asyncio.run(all_of_it())
        finally:
            self.position = runner.position
            if runner.parts.writer.owned:
                runner.parts.writer.release()

    # -- what is on record -----------------------------------------------------------------------

    def record(self, run: str = "r") -> RunRecord:
        found = self.store.lookup(run)
        assert found is not None
        return found

    def history(self, run: str = "r") -> list[Event]:
        return self.store.history(self.record(run))

    def of(self, kind: type, run: str = "r") -> list[Any]:
        return [event for event in self.history(run) if isinstance(event, kind)]

    def attempts(self, run: str) -> list[Attempt]:
        return [attempt for _, attempt in self.store.attempts(self.record(run))]

    def statuses(self) -> dict[str, str]:
        """The status of each child run, by its id."""
        return {child.id: child.status for child in self.store.below("r")}

    def is_whole(self) -> bool:
        return all(self.store.verify(record) for record in (self.record(), *self.store.below("r")))
