"""Start-up of `choreo --help` and `choreo validate`, beside `python -c "import typer"`, in one run.

python tests/benchmarks/startup.py [--rounds 15] [--spec specs/support-desk.yaml]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

BASE = "python -c 'import typer'"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--spec", default="specs/support-desk.yaml")
    given = arguments.parse_args()
    commands = {
        BASE: [sys.executable, "-c", "import typer"],
        "choreo --help": [sys.executable, "-m", "choreo", "--help"],
        f"choreo validate {given.spec}": [sys.executable, "-m", "choreo", "validate", given.spec],
    }
    for command in commands.values():
        subprocess.run(command, capture_output=True, check=True, env=_environment())  # compiled from here on
    rounds = [{name: _seconds(command) for name, command in commands.items()} for _ in range(given.rounds)]
    for name in commands:
        seconds = statistics.median(times[name] for times in rounds)
        ratio = statistics.median(times[name] / times[BASE] for times in rounds)
        print(f"{seconds * 1000:7.0f} ms  {ratio:5.2f} x  {name}")


def _environment() -> dict[str, str]:
    """Ours, but that compiled bytecode is kept: as on a machine where choreo is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True, env=_environment())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
