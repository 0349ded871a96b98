"""Overhead per hop of a 3-role chain without a model: choreo beside LangGraph and Burr, each with its SQLite store.

Each peer is installed in an environment of its own (made once under --home, from the package index) and runs in a
process of its own; rounds alternate. choreo validates every payload on both sides and syncs every commit; the
peers do what they do by default.

    python tests/benchmarks/peers.py [--rounds 10] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from overhead import RUNS, VALUE, Floor, Ours

HERE = Path(__file__).parent / "peers"
PEERS = {
    "LangGraph": ("langgraph_chain.py", ("langgraph", "langgraph-checkpoint-sqlite")),
    "Burr": ("burr_chain.py", ("burr",)),
}


class Peer:
    """A peer's chain in its own environment and process."""

    def __init__(self, home: Path, folder: Path, script: str, packages: tuple[str, ...]) -> None:
        python = home / packages[0] / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(home / packages[0])], check=True)
            subprocess.run([str(python), "-m", "pip", "-q", "install", *packages], check=True)
        listed = subprocess.run([str(python), "-m", "pip", "list"], check=True, capture_output=True, text=True).stdout
        self.versions = [" ".join(line.split()) for line in listed.splitlines() if line.split()[0] in packages]
        command = [str(python), str(HERE / script), str(folder / f"{packages[0]}.db"), json.dumps(VALUE), str(RUNS)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def round(self) -> float:
        """Seconds per hop over some whole runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "choreo-peers")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "python").mkdir()
        floor = Floor(folder)
        sets, services = Ours(folder, "set"), Ours(folder / "python", "python")
        peers = {name: Peer(given.home, folder, *about) for name, about in PEERS.items()}
        sides = {
            "floor": floor.round,
            "choreo, set": lambda: asyncio.run(sets.round()),
            "choreo, python services": lambda: asyncio.run(services.round()),
            **{f"{name} ({', '.join(peer.versions)})": peer.round for name, peer in peers.items()},
        }
        for play in sides.values():
            play()
        rounds = [{side: play() for side, play in sides.items()} for _ in range(given.rounds)]
        for peer in peers.values():
            peer.close()
    for side in sides:
        seconds = statistics.median(times[side] for times in rounds)
        ratio = statistics.median(times[side] / times["choreo, set"] for times in rounds)
        above = statistics.median(times[side] - times["floor"] for times in rounds)
        print(
            f"{seconds * 1000:8.3f} ms per hop {ratio:6.2f} x choreo (set) {above * 1000:7.3f} ms above floor  {side}"
        )


if __name__ == "__main__":
    main()
