"""`trigger.once_per`: of the payloads with one key one is played; what a further one gives is the first one's end."""

from __future__ import annotations

import json
import sys

from choreo.api.parts import exit_code
from choreo.commands.playing import Options
from choreo.commands.speech import is_terminal, out, say, say_safe
from choreo.errors import WAITING
from choreo.store import RunRecord, Store
from choreo.trace import RunFinished


def tell_first(store: Store, run: str, first: str, options: Options) -> int:
    """Say how the first run stands: its result and its exit code are those of the duplicate. 4 while it is not over."""
    record = store.find(first)
    end = end_of(store, record)
    code = exit_code(end) if end is not None else WAITING
    result = end.payload.value if end is not None and end.status == "done" and end.payload is not None else None
    if options.as_json:
        told = {"run": run, "status": "duplicate", "exit": code, "duplicate_of": first, "first": record.status}
        out(json.dumps({**told, "outcome": record.outcome, "result": result}, ensure_ascii=False))
    elif result is not None:
        out(json.dumps(result, ensure_ascii=False, indent=2 if is_terminal(sys.stdout) else None))
    if not options.quiet or code:
        say_safe(f"duplicate - nothing was played: run {first} had the same `once_per` value, and is {record.status}")
        verb = "trace" if end is not None else "resume"
        say(f"{'look at it' if end is not None else 'go on'}: choreo {verb} {first}{options.store_flag}")
    return code


def end_of(store: Store, record: RunRecord) -> RunFinished | None:
    """How a run ended; None while it is not over."""
    if record.status in ("running", "waiting"):
        return None
    ends = [event for event in store.history(record) if isinstance(event, RunFinished)]
    return ends[-1] if ends else None
