"""choreo on a machine whose clock is wrong, started by the tests: `odd_clock.py KIND COMMANDS`.

COMMANDS is a JSON list of lists of arguments. After the output of each stands a line `EXIT` with its exit code.
"""

from __future__ import annotations

import itertools
import json
import runpy
import sys
import time

DAY, YEAR = 86_400.0, 365 * 86_400.0
FROZEN = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""
_looks = itertools.count()
_real = time.time


def jumping(by: float) -> float:
    """Right at first, then off by so much."""
    return _real() + (by if next(_looks) > 6 else 0.0)


KINDS = {
    "set-by-the-test": lambda: _real() + getattr(time, "set_by", 0.0),
    "back": lambda: jumping(-DAY),
    "year": lambda: jumping(YEAR),
    "to-and-fro": lambda: _real() + (DAY if next(_looks) % 2 else -DAY),
    "frozen": lambda: FROZEN,
    "before-1970": lambda: -YEAR + next(_looks),
}

if __name__ == "__main__":
    time.time = KINDS[sys.argv[1]]
    for arguments in json.loads(sys.argv[2]):
        sys.argv = ["choreo", *arguments]
        for name in [name for name in sys.modules if name.startswith("choreo.cli")]:
            del sys.modules[name]  # it loads only the command that is called
        try:
            runpy.run_module("choreo", run_name="__main__")
        except SystemExit as left:
            print("EXIT", left.code, flush=True)
