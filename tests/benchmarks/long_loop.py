"""A loop of 1,000 hops: the second half of the hops against the first half, in one run.

python tests/benchmarks/long_loop.py [--hops 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from choreo.api.begin import new_run_id, started
from choreo.api.checked import check_spec
from choreo.engine.position import Position, start
from choreo.engine.react import react
from choreo.plan import plan_digest
from choreo.players import player_for
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import NewRun, Store
from choreo.trace import Event, HopFinished
from choreo.verify import make_checker

SPEC = """
choreo: 1
name: long-loop
version: 1.0.0
trigger: {{accepts: count@^1}}
result: {{emits: count@1.0.0}}
contracts:
  count@1.0.0: {{type: object, properties: {{n: {{type: integer}}, text: {{type: string}}}}, required: [n, text]}}
roles:
  step: {{kind: reader, set: {{n: input.n + 1, text: input.text}}, emits: count@1.0.0}}
handoffs:
  - {{from: trigger, to: step}}
  - {{from: step, to: step, when: "out.n < {hops}", at_most: {hops}}}
  - {{from: step, to: end, otherwise: true}}
limits: {{hops: {more}}}
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hops", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    ratios, firsts = [], []
    for _ in range(given.rounds):
        first, second = halves(given.hops)
        ratios.append(second / first)
        firsts.append(first / (given.hops / 2) * 1000)
    ratio, hop = statistics.median(ratios), statistics.median(firsts)
    print(f"{given.hops} hops: {hop:.2f} ms per hop in the first half, the second half takes {ratio:.2f} x as long")


def halves(hops: int) -> tuple[float, float]:
    """Seconds of the first and the second half of the hops."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loop.yaml"
        path.write_text(SPEC.format(hops=hops, more=hops + 1))
        checked = check_spec(str(path))
        store, check = Store.open(Path(folder) / "trace.db"), make_checker()
        fact = started(checked, {"n": 0, "text": "x" * 500})
        position = start(checked.plan, new_run_id(fact.at))
        events = react(checked.plan, position, fact, check)
        sources = checked.loaded.sources
        writer = store.create_run(
            NewRun(position.run, ("loop", "1.0.0"), plan_digest(sources), sources, at=fact.at, main=path.name),
            events,
            status="running",
        )
        stamps: list[float] = []

        def watch(events: Sequence[Event], position: Position) -> None:
            stamps.extend(time.perf_counter() for event in events if isinstance(event, HopFinished))

        parts = Parts(checked.plan, position, writer, store, check, lambda role: player_for(role.player), watch=watch)
        began = time.perf_counter()
        end = asyncio.run(LocalRunner(parts).run())
        store.close()
        assert end is not None
        assert (end.status, len(stamps)) == ("done", hops)
        middle = stamps[hops // 2 - 1]
        return middle - began, stamps[-1] - middle


if __name__ == "__main__":
    main()
