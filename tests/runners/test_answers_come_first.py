"""An answer that was recorded is never overwritten: not by time running out, not by a newer payload."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playing import run_spec

from choreo.store import Store
from choreo.trace import Asked, Decided

SPEC = """
roles:
  a: {kind: reader, set: input, emits: any@1.0.0}
  b: {kind: drafter, set: input, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b, touchpoint: gate}
  - {from: b, to: end}
touchpoints:
  gate: {ask: "Go on?", within: 1ms}
"""


def test_an_answer_recorded_in_the_moment_the_time_runs_out_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Store.answers

    def too_early(store: Store, run: str) -> list[Decided]:
        found = look(store, run)  # nothing yet: the person answers right after this look
        if not found and "told" not in store.__dict__:
            store.__dict__["told"] = True
            asked: Any = next(event for event in store.history(store.find(run)) if isinstance(event, Asked))
            store.record_answer(run, Decided(asked.at, 1, "approve", asked.payload.digest, by="Ann"))
            time.sleep(0.002)
        return found

    monkeypatch.setattr(Store, "answers", too_early)
    ran = run_spec(tmp_path, SPEC)
    decisions = [(event.decision, event.by) for event in ran.events if isinstance(event, Decided)]
    assert decisions == [("approve", "Ann")]
    assert ran.record.status == "done"
    assert ran.store.verify(ran.record)
