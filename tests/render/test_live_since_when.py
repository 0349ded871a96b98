"""The live lines of a run: how long a visit has been in play for those who look on later, and how decisions look."""

from __future__ import annotations

import io
import re

import pytest
from building import plan_of

from choreo.canonical import Payload
from choreo.engine.advance import rebuild
from choreo.engine.fold import fold
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.render.live import Live
from choreo.trace import Decided, DecisionKind, RunResumed, RunStarted, Verdict

PLAN = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end"})


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_seconds_in_play_count_from_the_start_on_record_and_anew_where_the_run_was_taken_up() -> None:
    begun = react(PLAN, start(PLAN, "r"), RunStarted(100.0, Payload.of({})), lambda *_: Verdict("", ""))
    position = rebuild(PLAN, "r", begun)
    screen = Terminal()
    live = Live(screen)
    live.show(begun, position, now=160.0)
    resumed = RunResumed(150.0, "another process")
    fold(PLAN, position, resumed)
    live.show((resumed,), position, now=160.0)
    live.close()
    other = Terminal()
    Live(other).show(begun, position)
    assert re.findall(r"a (\d+) s", screen.getvalue()) == ["60", "10"]
    assert re.findall(r"a (\d+) s", other.getvalue()) == ["0"]


def test_the_spinner_turns_without_an_event_loop_and_is_gone_at_the_end() -> None:
    begun = react(PLAN, start(PLAN, "r"), RunStarted(100.0, Payload.of({})), lambda *_: Verdict("", ""))
    screen = Terminal()
    live = Live(screen)
    live.show(begun, rebuild(PLAN, "r", begun))
    before = screen.getvalue()
    live.turn()
    assert screen.getvalue().startswith(before + "\r\x1b[K")
    live.close()
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("decision", "mark"),
    [("done", "✓"), ("redo", "✓"), ("approve", "✓"), ("stop", "✗"), ("reject", "✗"), ("expired", "✗")],
)
def test_a_decision_by_which_the_run_goes_on_is_checked_off(decision: DecisionKind, mark: str) -> None:
    screen = Terminal()
    live = Live(screen)
    live.show((Decided(100.0, 1, decision, "", by="root"),), start(PLAN, "r"))
    live.close()
    assert f"{mark} {decision} by root" in screen.getvalue()
