"""The Python side of choreo: load a spec, play it, look at the run. The command line is made of the same parts.

    import choreo

    spec = choreo.load("specs/expense-check.yaml")          # SpecErrors with every problem, before anything is played
    run = choreo.run(spec, {"amount": 12}, db="trace.db")   # plays here, every hop on record
    run.status, run.result                                   # "done", {...}; or "waiting" with run.questions
    for hop in run.hops:
        print(hop.role, hop.input, hop.output, hop.cost)

Everything raises `choreo.errors.ChoreoError` (what was found, and what to do in `help`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from choreo.api.checked import Checked
    from choreo.api.runs import Hop, Run, Waiting, find, load, resume, run

__all__ = ["Checked", "Hop", "Run", "Waiting", "find", "load", "resume", "run"]


def __getattr__(name: str) -> object:
    """Loaded when it is first used: `choreo validate` needs `choreo.api.checked` and nothing that plays."""
    if name not in __all__:
        raise AttributeError(f"module `choreo.api` has no attribute `{name}`")
    from choreo.api import runs

    return getattr(runs, name)
