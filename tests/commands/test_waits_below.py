"""A run that waits because a run below it does says for what."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners.nesting import OUTER, Nest

from choreo.commands.ended import open_questions, waiting_told
from choreo.render.text import utc

INNER = """
    roles:
      one: {kind: reader, set: input, emits: any@1.0.0}
      two: {kind: reader, set: input, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: one}
      - {from: one, to: two, HOW}
      - {from: two, to: end}
"""
DELAYED = INNER.replace("HOW", "after: 2h")
ASKS = INNER.replace("HOW", "touchpoint: ok") + "    touchpoints:\n      ok: {ask: Go on?, within: 2h}\n"


def waits(folder: Path, main: str, **specs: str) -> tuple[list[str], float]:
    """What is told of a run that waits, and until when it does."""
    nest = Nest(folder, main, **specs)
    try:
        assert nest.play() is None
        position = nest.position
        assert position is not None
        assert position.due is not None
        return list(waiting_told(position, open_questions(nest.store, position))), position.due
    finally:
        nest.store.close()


@pytest.mark.parametrize("middle", [False, True])
def test_a_run_says_that_a_run_below_it_waits_for_a_time(tmp_path: Path, middle: bool) -> None:
    specs = {"main": OUTER.replace("inner.yaml", "middle.yaml"), "middle": OUTER} if middle else {"main": OUTER}
    told, due = waits(tmp_path, **specs, inner=DELAYED)
    assert told == [f"waiting until {utc(due)}: child run r.1 of `part`"]


def test_a_question_below_that_runs_out_is_told_once(tmp_path: Path) -> None:
    told, due = waits(tmp_path, OUTER, inner=ASKS)
    assert [line.partition(": ")[0] for line in told] == [f"waiting for a decision, until {utc(due)}"]
