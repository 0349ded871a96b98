"""Looking things up in a large store against a small one, and what a hop takes on disk.

    python tests/benchmarks/large_store.py [--hops 1000000] [--small 1000] [--waiting 10000] [--rounds 15]

Real runs are played by `choreo batch` (10 hops each with a python service, every hop with bytes of its own); what they
take is weighed, with payloads of `--bytes`; then their rows are copied, each copy with ids and digests of its own,
until the store is large. `choreo trace` of runs drawn at random is timed as a whole command and inside one process, in
turns on the small and the large store; `choreo review --list` likewise where few and many runs wait for a person. The
files lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from choreo.store import Store, driver
from choreo.store.place import open_for_writing

HOPS = 10
PLAYED = 1000
"""Runs that are really played, and then copied."""
NOTE = "The parcel arrived late and the customer asks for a refund of the shipping. " * 30
SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "step": {"type": "integer"}, "note": {"type": "string"}},
    "required": ["id", "step", "note"],
}
SERVICE = 'def more(x):\n    x["step"] += 1\n    return x\n'
TABLES = ("payload", "run", "event", "hop", "attempt", "handoff", "decision", "claim")
PAYLOADS = frozenset({"input", "previous", "feedback", "output", "request", "response", "payload", "edited", "result"})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hops", type=int, default=1_000_000)
    arguments.add_argument("--small", type=int, default=1000)
    arguments.add_argument("--waiting", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--bytes", type=int, default=500)
    given = arguments.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, SQLite {driver.VERSION} ({driver.DRIVER})")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        traces(folder, given)
        reviews(folder, given)


def traces(folder: Path, given: argparse.Namespace) -> None:
    small, large = folder / "small.db", folder / "large.db"
    play(folder, chain(), given.small // HOPS, small, given.bytes)
    play(folder, chain(), PLAYED, large, given.bytes)
    weigh(large)
    began = time.perf_counter()
    copied(large, given.hops // (PLAYED * HOPS))
    print(f"copied to {large.stat().st_size / 1e6:,.0f} MB in {time.perf_counter() - began:.0f} s")
    sizes = f"{count(large, 'hop'):,} hops against {count(small, 'hop'):,}"
    draw = random.Random(1)
    ids = {path: [record.id for record in Store.read(path).runs(limit=1_000_000)] for path in (small, large)}
    compare(
        f"choreo trace RUN, {sizes}",
        given.rounds,
        *(lambda path=path: command(folder, path, "trace", draw.choice(ids[path])) for path in (small, large)),
    )
    for name, cut in (("trace", 0), ("trace by the beginning of an id", 1)):
        compare(
            f"{name} in process",
            given.rounds * 10,
            *(
                lambda path=path, cut=cut: traced(path, (run := draw.choice(ids[path]))[: len(run) - cut])
                for path in (small, large)
            ),
        )


def reviews(folder: Path, given: argparse.Namespace) -> None:
    few, many = folder / "few.db", folder / "many.db"
    for path in (few, many):
        play(folder, asking(), 100, path, given.bytes, code=4)
    copied(many, given.waiting // 100)
    compare(
        f"choreo review --list, {count(many, 'decision'):,} waiting against {count(few, 'decision'):,}",
        given.rounds,
        *(lambda path=path: command(folder, path, "review", "--list") for path in (few, many)),
    )
    compare("the same in process", given.rounds * 10, *(lambda path=path: listed(path) for path in (few, many)))


# -- stores ----------------------------------------------------------------------------------------


def chain() -> dict[str, Any]:
    roles = [f"r{number}" for number in range(1, HOPS + 1)]
    service = {"kind": "reader", "service": {"python": "more:more"}, "emits": "case@1.0.0"}
    steps = zip(("trigger", *roles), (*roles, "end"), strict=True)
    return {"roles": dict.fromkeys(roles, service), "handoffs": [{"from": a, "to": b} for a, b in steps]}


def asking() -> dict[str, Any]:
    player = {"kind": "actor", "set": "input", "emits": "case@1.0.0"}
    return {
        "roles": {"pay": player},
        "handoffs": [{"from": "trigger", "to": "pay", "touchpoint": "may"}, {"from": "pay", "to": "end"}],
        "touchpoints": {"may": {"ask": "Pay?", "stakes": "low"}},
    }


def play(folder: Path, flow: dict[str, Any], runs: int, store: Path, size: int, code: int = 0) -> None:
    """Runs as choreo plays them, into a new store."""
    spec = {"choreo": 1, "name": "large", "version": "1.0.0", "trigger": {"accepts": "case@^1"}}
    spec |= {"result": {"emits": "case@1.0.0"}, "contracts": {"case@1.0.0": SCHEMA}, **flow}
    (folder / "spec.yaml").write_text(json.dumps(spec))  # JSON is YAML
    (folder / "more.py").write_text(SERVICE)
    lines = [json.dumps({"id": f"A-{number}", "step": 0, "note": NOTE[: size - 40]}) for number in range(runs)]
    (folder / "inputs.jsonl").write_text("\n".join(lines))
    command(folder, store, "batch", "spec.yaml", "inputs.jsonl", "--quiet", "--parallel", "64", code=code)


def weigh(path: Path) -> None:
    """Print what a hop takes, as choreo has written it."""
    connection = open_for_writing(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    hops, size = count(path, "hop"), path.stat().st_size
    payloads = connection.execute("SELECT SUM(LENGTH(data)) FROM payload").fetchone()[0]
    connection.close()
    most = 1.5 * payloads + 600 * hops
    print(
        f"{hops:,} hops as written: {size / hops:.0f} bytes each, of which {payloads / hops:.0f} are distinct payloads;"
        f" 1.5 x payloads + 600 would be {most / hops:.0f}: {size / most:.2f} of it"
    )


def copied(path: Path, times: int) -> None:
    """Copy every run until there are `times` as many. Digests are drawn: nobody looks at them here."""
    connection = open_for_writing(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-500000")
    runs = connection.execute("SELECT MAX(key) FROM run").fetchone()[0]
    payloads = connection.execute("SELECT MAX(id) FROM payload").fetchone()[0]
    first = {"payload": f"id<={payloads}", "run": f"key<={runs}"}
    statements = [_copy(connection, table, first.get(table, f"run<={runs}")) for table in TABLES]
    for number in range(1, times):
        values = {"n": number, "r": number * runs, "p": number * payloads}
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement, values)
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _copy(connection: driver.Connection, table: str, which: str) -> str:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(_value(table, name) for name in names)
    return f"INSERT INTO {table}({', '.join(names)}) SELECT {values} FROM {table} WHERE {which}"


def _value(table: str, name: str) -> str:
    if (table, name) == ("payload", "digest"):
        return "'sha256:' || LOWER(HEX(RANDOMBLOB(32)))"
    if (table, name) in (("run", "id"), ("claim", "key")):
        return f"PRINTF('%05d', :n) || {name}"
    if name == "run" or (table, name) == ("run", "key"):
        return f"{name} + :r"
    return f"{name} + :p" if name in PAYLOADS or (table, name) == ("payload", "id") else name


def count(path: Path, table: str) -> int:
    connection = driver.connect(str(path), read_only=True)
    found = int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
    connection.close()
    return found


# -- what is timed ---------------------------------------------------------------------------------


def compare(told: str, rounds: int, small: Callable[[], None], large: Callable[[], None]) -> None:
    """Print medians and the median ratio, by the clock and by CPU time, of rounds in turns."""
    small(), large()
    pairs = [(timed(small), timed(large)) for _ in range(rounds)]
    for name, part in (("clock", 0), ("CPU", 1)):
        few, many = (statistics.median(pair[side][part] for pair in pairs) * 1000 for side in (0, 1))
        print(f"{told}: {many:.2f} ms against {few:.2f} ms, {many / few:.2f} x ({name}, medians of {rounds})")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """(seconds by the clock, of CPU, child processes included)."""
    began, cpu = time.perf_counter(), cpu_seconds()
    work()
    return time.perf_counter() - began, cpu_seconds() - cpu


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def command(folder: Path, store: Path, *words: str, code: int = 0) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    line = [sys.executable, "-m", "choreo", *words, "--db", str(store)]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode != code:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}: {done.stderr.decode()}")


def traced(store: Path, run: str) -> None:
    from choreo.commands.trace import trace

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trace(run, hop=None, as_json=False, verify=False, db=str(store))


def listed(store: Path) -> None:
    from choreo.commands.playing import Options
    from choreo.commands.review_many import list_questions

    options = Options(db=str(store), as_json=False, quiet=False, verbose=False, yes=False, by="", effects=False)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        list_questions(options=options)


if __name__ == "__main__":
    main()
