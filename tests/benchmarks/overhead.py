"""Overhead per hop of a 3-role chain without a model, beside its floor, in one run.

The floor is what cannot be saved: two jsonschema-rs verdicts and one bare insert of the same bytes, one
commit per hop, same driver, journal mode and sync. choreo is the whole run: started, three hops
validated on both sides, every event recorded, result taken. Rounds alternate, so that both meet the same machine.

    python tests/benchmarks/overhead.py [--rounds 40] [--player set|python]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import jsonschema_rs

from choreo.api.begin import new_run_id
from choreo.api.checked import check_spec
from choreo.canonical import Payload
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.players import player_for
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import NewRun, Store, driver
from choreo.store.place import open_for_writing
from choreo.trace import RunStarted
from choreo.verify import make_checker

SCHEMA = """{type: object, properties: {id: {type: string, maxLength: 40}, amount: {type: number},
   lines: {type: array, items: {type: object, properties: {sku: {type: string}, n: {type: integer}},
   required: [sku, n]}}},
   required: [id, amount, lines], additionalProperties: false}"""
SPEC = """
choreo: 1
name: overhead
version: 1.0.0
trigger: {{accepts: case@^1}}
result: {{emits: case@1.0.0}}
contracts:
  case@1.0.0: {schema}
roles:
  a: {{kind: reader, {player}, emits: case@1.0.0}}
  b: {{kind: researcher, {player}, emits: case@1.0.0}}
  c: {{kind: drafter, {player}, emits: case@1.0.0}}
handoffs:
  - {{from: trigger, to: a}}
  - {{from: a, to: b}}
  - {{from: b, to: c}}
  - {{from: c, to: end}}
"""
PLAYERS = {"set": "set: input", "python": 'service: {python: "same:same"}'}
VALUE = {"id": "A-1", "amount": 12.5, "lines": [{"sku": f"sku-{n:04d}", "n": n} for n in range(30)]}
RUNS = 20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--player", choices=sorted(PLAYERS), default="set")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, floor = Ours(Path(folder), given.player), Floor(Path(folder))
        asyncio.run(ours.round())
        floor.round()
        pairs = [(asyncio.run(ours.round()), floor.round()) for _ in range(given.rounds)]
    own, bare = (statistics.median(side) * 1000 for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"SQLite {driver.VERSION} ({driver.DRIVER}), player {given.player}, payload {len(Payload.of(VALUE).data)} bytes"
    )
    print(f"choreo {own:.3f} ms per hop, floor {bare:.3f} ms per hop, ratio {ratio:.2f} (medians)")


class Ours:
    def __init__(self, folder: Path, player: str) -> None:
        (folder / "spec.yaml").write_text(SPEC.format(schema=SCHEMA, player=PLAYERS[player]))
        (folder / "same.py").write_text("def same(x):\n    return x\n")
        self.checked = check_spec(str(folder / "spec.yaml"))
        self.store = Store.open(folder / "ours.db")
        self.check = make_checker()

    async def round(self) -> float:
        """Seconds per hop over some whole runs."""
        began = time.perf_counter()
        for _ in range(RUNS):
            await self._run()
        return (time.perf_counter() - began) / (3 * RUNS)

    async def _run(self) -> None:
        plan = self.checked.plan
        payload = Payload.of(VALUE)
        now = time.time()
        position = start(plan, new_run_id(now))
        assert plan.trigger is not None
        events = react(plan, position, RunStarted(now, payload, (), self.check(plan.trigger, payload)), self.check)
        checked = self.checked
        new = NewRun(
            position.run, ("overhead", "1.0.0"), checked.digest, checked.loaded.sources, at=now, main="spec.yaml"
        )
        writer = self.store.new_run(new, events)
        parts = Parts(plan, position, writer, self.store, self.check, lambda role: player_for(role.player))
        end = await LocalRunner(parts).run()
        writer.release()
        assert end is not None
        assert end.status == "done"


class Floor:
    def __init__(self, folder: Path) -> None:
        import yaml

        self.valid = jsonschema_rs.Draft202012Validator(yaml.safe_load(SCHEMA)).is_valid
        self.db = open_for_writing(folder / "floor.db")
        self.db.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, data BLOB)")
        self.data = Payload.of(VALUE).data

    def round(self) -> float:
        began = time.perf_counter()
        for _ in range(3 * RUNS):
            assert self.valid(VALUE)
            assert self.valid(VALUE)
            self.db.execute("BEGIN IMMEDIATE")
            self.db.execute("INSERT INTO floor(data) VALUES(?)", (self.data,))
            self.db.execute("COMMIT")
        return (time.perf_counter() - began) / (3 * RUNS)


if __name__ == "__main__":
    main()
