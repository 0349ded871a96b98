"""`each` over many elements: how long it takes against the ideal of the same run, and what an element costs.

python tests/benchmarks/lanes.py [--elements 1000] [--parallel 50] [--wait 0.1] [--sizes 100 1000 10000]

First a python service that waits, many at the same time: seconds of all against elements / parallel x wait. Then an
expression in the place of the service, for lists of several lengths: CPU time per element, which must not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from choreo.api.begin import new_run_id, started
from choreo.api.checked import check_spec
from choreo.engine.advance import rebuild
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.plan import plan_digest
from choreo.players import player_for
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.store import NewRun, Store
from choreo.verify import make_checker

SPEC = """
choreo: 1
name: lanes
version: 1.0.0
trigger: {{accepts: list@^1}}
result: {{emits: list@1.0.0}}
limits: {{parallel: {parallel}}}
contracts:
  any@1.0.0: {{type: object, properties: {{n: {{type: integer}}}}, required: [n]}}
  list@1.0.0: {{type: object, properties: {{list: {{type: array}}}}, required: [list]}}
roles:
  work: {{kind: reader, {player}, accepts: any@^1, emits: any@1.0.0}}
handoffs:
  - {{from: trigger, to: work, each: out.list, pass: {{n: item}}}}
  - {{from: work, to: end, gather: true, pass: {{list: out}}}}
"""
SERVICE = "import time\ndef wait(x):\n    time.sleep({wait})\n    return x\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--elements", type=int, default=1000)
    arguments.add_argument("--parallel", type=int, default=50)
    arguments.add_argument("--wait", type=float, default=0.1)
    arguments.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 10000])
    given = arguments.parse_args()
    ideal = -(-given.elements // given.parallel) * given.wait
    took, cpu, _ = played(given.elements, given.parallel, 'service: {python: "waits:wait"}', given.wait)
    print(
        f"{given.elements} elements x {given.wait:g} s at parallel {given.parallel}: {took:.2f} s, "
        f"{took / ideal:.2f} x the ideal {ideal:.2f} s; CPU {cpu:.2f} s"
    )
    for size in given.sizes:
        took, cpu, back = played(size, given.parallel, "set: input", 0.0)
        each, read = cpu / size * 1e6, back / size * 1e6
        print(
            f"{size:6} elements, no service: CPU {cpu:.2f} s, {each:.0f} us each; rebuilt from rows {read:.0f} us each"
        )


def played(size: int, parallel: int, player: str, wait: float) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds of the run, CPU seconds of reading its rows and rebuilding its position)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lanes.yaml"
        path.write_text(SPEC.format(parallel=parallel, player=player))
        (Path(folder) / "waits.py").write_text(SERVICE.format(wait=wait))
        checked = check_spec(str(path))
        store, check = Store.open(Path(folder) / "trace.db"), make_checker()
        began, cpu = time.perf_counter(), time.process_time()
        fact = started(checked, {"list": list(range(size))})
        position = start(checked.plan, new_run_id(fact.at))
        events, sources = react(checked.plan, position, fact, check), checked.loaded.sources
        names, digest = ("lanes", "1.0.0"), plan_digest(sources)
        writer = store.create_run(
            NewRun(position.run, names, digest, sources, at=fact.at, main=path.name), events, status="running"
        )
        parts = Parts(checked.plan, position, writer, store, check, lambda role: player_for(role.player))
        end = asyncio.run(LocalRunner(parts).run())
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        assert end is not None
        assert end.payload is not None
        assert end.payload.value == {"list": [{"n": n} for n in range(size)]}
        back = time.process_time()
        rebuild(checked.plan, position.run, store.history(store.find(position.run)))
        back = time.process_time() - back
        store.close()
        return took, cpu, back


if __name__ == "__main__":
    main()
