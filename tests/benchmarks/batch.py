"""`choreo batch`: many short runs side by side against the bare floor of group commit, and what it keeps in memory.

    python tests/benchmarks/batch.py [--runs 10000] [--hops 5] [--parallel 64] [--processes 2] [--rounds 3]
                                     [--player python|set]

Every run is a chain of roles whose service takes 0 ms and changes its input, so that every hop has bytes of its own.
`choreo batch` is the whole command in processes of its own, start included. The floors are bare group-commit writers:
one process, the same driver, journal mode and sync, as many hops in flight; each hop has two jsonschema-rs verdicts and
waits until its rows are on disk, and what comes while one transaction is on its way there makes up the next. All of
their data is ready beforehand.

- `records` writes the very rows that choreo left, into the same tables: what any program pays that leaves this record.
- `insert` writes one bare row of the hop's bytes: what no record at all could save.

Rounds alternate. Then the rows are counted, a sample is held against its hash chain, and peak memory (of the largest
process) is compared with that of 100 runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

SMALL = 100
"""Runs that memory is compared with."""
SAMPLE = 20
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 40},
        "step": {"type": "integer"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}},
                "required": ["sku", "n"],
            },
        },
    },
    "required": ["id", "step", "lines"],
    "additionalProperties": False,
}
PLAYERS = {"python": {"service": {"python": "more:more"}}, "set": {"set": {"id": "input.id", "step": "input.step + 1"}}}
SERVICE = 'def more(x):\n    x["step"] += 1\n    return x\n'


Tables = list[tuple[str, list[Any]]]
"""Statements, each with all rows that are to be written by it."""


class Spent(NamedTuple):
    """What a process took: seconds by the clock and of CPU, bytes at its peak."""

    wall: float
    cpu: float
    memory: int


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=10_000)
    arguments.add_argument("--hops", type=int, default=5)
    arguments.add_argument("--parallel", type=int, default=64)
    arguments.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--player", choices=sorted(PLAYERS), default="python")
    arguments.add_argument("--floor", choices=sorted(FLOORS), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.floor is not None:
        print(json.dumps(FLOORS[given.floor](Path("floor.db"), given.runs * given.hops, given.parallel)))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_files(folder, given)
        few = batch(folder, SMALL, given)
        rounds = [played(folder, given) for _ in range(given.rounds)]
        hops = counted(folder / "trace.db", given)
        verified(folder)
    tell(rounds, few, given, hops)


def machine() -> str:
    from choreo.store import driver

    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, SQLite {driver.VERSION} ({driver.DRIVER})"


def played(folder: Path, given: argparse.Namespace) -> dict[str, Spent]:
    """One round: the batch, and each floor beside it."""
    ours = batch(folder, given.runs, given)
    return {"choreo batch": ours} | {name: bare(folder, name, given) for name in FLOORS}


def tell(rounds: list[dict[str, Spent]], few: Spent, given: argparse.Namespace, hops: int) -> None:
    """Print medians and ratios."""
    many = given.runs * given.hops
    print(
        f"{given.runs} runs x {given.hops} hops ({given.player}), {given.parallel} at once,"
        f" {given.processes} processes; medians of {given.rounds}"
    )
    for name in rounds[0]:
        wall, cpu = (statistics.median(one[name][part] for one in rounds) for part in (0, 1))
        print(
            f"{name:13} {wall:6.2f} s, CPU {cpu:6.2f} s; {many / wall:8,.0f} hops/s, {wall / many * 1e6:4.0f} us a hop"
        )
    for name in FLOORS:
        wall, cpu = (
            statistics.median(one["choreo batch"][part] / one[name][part] for one in rounds) for part in (0, 1)
        )
        print(f"{100 / wall:.1f} % of the floor `{name}` by the clock, {100 / cpu:.1f} % by CPU time")
    more = statistics.median(one["choreo batch"].memory for one in rounds) - few.memory
    print(f"peak memory {more / 1e6:+.0f} MB against {SMALL} runs ({few.memory / 1e6:.0f} MB)")
    print(f"{given.runs} runs and {hops} hops on record, all done; {SAMPLE} hash chains verified")


# -- choreo ----------------------------------------------------------------------------------------


def write_files(folder: Path, given: argparse.Namespace) -> None:
    """The spec, its service, and the inputs: `N.jsonl` for each number of runs."""
    roles = [f"r{number}" for number in range(1, given.hops + 1)]
    player: dict[str, Any] = PLAYERS[given.player]
    if given.player == "set":
        player = {"set": {**player["set"], "lines": "input.lines"}}
    spec = {
        "choreo": 1,
        "name": "batch",
        "version": "1.0.0",
        "trigger": {"accepts": "case@^1"},
        "result": {"emits": "case@1.0.0"},
        "contracts": {"case@1.0.0": SCHEMA},
        "roles": {role: {"kind": "reader", **player, "emits": "case@1.0.0"} for role in roles},
        "handoffs": [{"from": a, "to": b} for a, b in zip(("trigger", *roles), (*roles, "end"), strict=True)],
    }
    (folder / "spec.yaml").write_text(json.dumps(spec, indent=1))  # JSON is YAML
    (folder / "more.py").write_text(SERVICE)
    for size in {SMALL, given.runs}:
        with (folder / f"{size}.jsonl").open("w") as file:
            file.writelines(json.dumps(case(number)) + "\n" for number in range(size))


def case(number: int) -> dict[str, Any]:
    """About 900 bytes."""
    return {"id": f"A-{number}", "step": 0, "lines": [{"sku": f"sku-{n:04d}", "n": n} for n in range(30)]}


def batch(folder: Path, runs: int, given: argparse.Namespace) -> Spent:
    """The whole command on a fresh store."""
    for old in folder.glob("trace.db*"):
        old.unlink()
    command = [sys.executable, "-m", "choreo", "batch", "spec.yaml", f"{runs}.jsonl", "--quiet"]
    shared = ["--parallel", str(given.parallel), "--processes", str(given.processes)]
    return spent([*command, *shared, "--db", "trace.db"], folder)


def counted(path: Path, given: argparse.Namespace) -> int:
    """Hops on record. Ends the benchmark where one is missing."""
    from choreo.store.place import open_for_reading

    connection = open_for_reading(path)
    done = "SELECT COUNT(*) FROM run JOIN payload ON payload.id=run.result WHERE status='done' AND hops=?"
    runs = connection.execute(done, (given.hops,)).fetchone()[0]
    hops = int(connection.execute("SELECT COUNT(*) FROM hop WHERE status='done'").fetchone()[0])
    if (runs, hops) != (given.runs, given.runs * given.hops):
        sys.exit(f"lost: {runs} runs and {hops} hops are done, not {given.runs} and {given.runs * given.hops}")
    return hops


def verified(folder: Path) -> None:
    """A sample of runs against their hash chains."""
    from choreo.store import Store

    store = Store.read(folder / "trace.db")
    runs = store.runs(limit=1_000_000)
    store.close()
    for run in random.Random(1).sample(runs, SAMPLE):
        command = [sys.executable, "-m", "choreo", "trace", run.id, "--verify", "--db", "trace.db"]
        subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


# -- the floor -------------------------------------------------------------------------------------


def bare(folder: Path, name: str, given: argparse.Namespace) -> Spent:
    for old in folder.glob("floor.db*"):
        old.unlink()
    own = ["--runs", str(given.runs), "--hops", str(given.hops), "--parallel", str(given.parallel)]
    command = [sys.executable, __file__, *own, "--floor", name]
    said = subprocess.run(command, cwd=folder, env=environment(), check=True, stdout=subprocess.PIPE)
    wall, cpu = json.loads(said.stdout)
    return Spent(wall, cpu, 0)


def insert(path: Path, hops: int, flying: int) -> tuple[float, float]:
    """One row of a hop's bytes: (seconds by the clock, of CPU)."""
    from choreo.canonical import Payload
    from choreo.store.place import open_for_writing

    db = open_for_writing(path)
    db.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, data BLOB)")
    ready = [Payload.of(case(number)) for number in range(flying)]
    rows = [(ready[number % flying].data,) for number in range(hops)]
    return timed(db, hops, [payload.value for payload in ready], [("INSERT INTO floor(data) VALUES(?)", rows)])


def records(path: Path, hops: int, flying: int) -> tuple[float, float]:
    """A hop's share of the rows that choreo left in `trace.db`, of each table."""
    from choreo.store import Store
    from choreo.store.place import open_for_reading, open_for_writing

    Store.open(path).close()
    db, theirs = open_for_writing(path), open_for_reading(Path("trace.db"))
    tables = []
    for table in ("payload", "run", "claim", "event", "hop", "attempt", "handoff"):
        rows = theirs.execute(f"SELECT * FROM {table}").fetchall()
        if rows:  # no player of `set` makes an attempt
            tables.append((f"INSERT INTO {table} VALUES({','.join('?' * len(rows[0]))})", rows))
    return timed(db, hops, [case(number) for number in range(flying)], tables)


def timed(db: Any, hops: int, values: list[Any], tables: Tables) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    asyncio.run(GroupCommit(db, hops, tables).play(values))
    return time.perf_counter() - began, time.process_time() - cpu


class GroupCommit:
    """A bare writer: hops in flight wait until their rows are on disk, and what comes meanwhile makes up the next
    transaction."""

    def __init__(self, db: Any, hops: int, tables: Tables) -> None:
        import jsonschema_rs

        self.valid = jsonschema_rs.Draft202012Validator(SCHEMA).is_valid
        self.db, self.hops, self.tables = db, hops, tables
        self.begun = self.written = 0
        self.waiting: list[asyncio.Future[None]] = []
        self.disk = ThreadPoolExecutor(1)
        self.under_way = False

    async def play(self, values: list[Any]) -> None:
        # What a callback raises would only be told, and everything would wait for it for ever.
        asyncio.get_running_loop().set_exception_handler(lambda _, told: sys.exit(repr(told["exception"])))
        await asyncio.gather(*map(self.hops_of, values))

    async def hops_of(self, value: Any) -> None:
        loop = asyncio.get_running_loop()
        while self.begun < self.hops:
            self.begun += 1
            if not (self.valid(value) and self.valid(value)):
                sys.exit("the floor's own data is not valid")
            on_disk = loop.create_future()
            self.waiting.append(on_disk)
            if not self.under_way:
                self.under_way = True
                loop.call_soon(self.send)
            await on_disk

    def send(self) -> None:
        group, self.waiting = self.waiting, []
        self.under_way = bool(group)
        if group:
            self.write(self.written, self.written + len(group))
            self.written += len(group)
            loop = asyncio.get_running_loop()
            self.disk.submit(self.db.execute, "COMMIT").add_done_callback(
                lambda done: loop.call_soon_threadsafe(self.arrived, group, done)
            )

    def write(self, first: int, last: int) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        for words, rows in self.tables:
            self.db.executemany(words, rows[len(rows) * first // self.hops : len(rows) * last // self.hops])

    def arrived(self, group: list[asyncio.Future[None]], done: Future[Any]) -> None:
        done.result()
        for on_disk in group:
            on_disk.set_result(None)
        self.send()


FLOORS = {"records": records, "insert": insert}


def spent(command: list[str], folder: Path) -> Spent:
    """Run a command to its good end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment())
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    kilo = 1 if sys.platform == "darwin" else 1024
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * kilo)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


if __name__ == "__main__":
    main()
