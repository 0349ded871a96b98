"""`after`: a delayed handoff. Time comes in as stamps on events and as `TimerFired` only (rule 17)."""

from __future__ import annotations

from typing import Any

import pytest
from building import Played, expr, plan_of, play

from choreo.engine.advance import advance
from choreo.trace import Asked, Delayed, HandedOver, HopStarted, RunFinished, TimerFired

DELAYED = ({"from": "trigger", "to": "a"}, {"from": "a", "to": "b", "after": 60.0}, {"from": "b", "to": "end"})


def fire(run: Played, at: float) -> None:
    """The time of everything that is delayed has come."""
    for number in sorted(run.position.delayed):
        run.fact(TimerFired(at, number))
    run.go_on()


def test_rule_17_a_delay_is_recorded_with_its_due_stamp_and_only_a_timer_event_ends_it() -> None:
    run = play(plan_of(*DELAYED), {"x": 1}, a={"y": 2}, b={"z": 3})
    assert run.of(Delayed) == [Delayed(at=1001.0, handoff=2, due=1061.0)]
    assert (run.states(), run.position.due, run.end) == (["delivered", "delayed"], 1061.0, None)
    assert advance(run.plan, run.position) == ()
    fire(run, 1061.0)
    assert run.visits("b") == [{"y": 2}]
    assert (run.status, run.result, run.position.due) == ("done", {"z": 3}, None)


def test_a_delayed_run_rebuilt_from_its_events_goes_on_as_if_it_had_never_stopped() -> None:
    run = play(plan_of(*DELAYED), {"x": 1}, a={"y": 2}, b={"z": 3})
    again = run.again()
    fire(run, 1061.0)
    fire(again, 1061.0)
    assert again.events == run.events
    assert run.again().position.delayed == {}


def test_the_delay_may_be_a_cel_duration_over_the_output() -> None:
    plan = plan_of(*DELAYED[:1], {**DELAYED[1], "after": expr("duration(out.wait)")}, DELAYED[2])
    assert play(plan, a={"wait": "1h30m"}).of(Delayed)[0].due == 1001.0 + 5400
    at_once = play(plan, a={"wait": "0s"}, b={})
    assert (at_once.of(Delayed), at_once.status) == ([], "done")


@pytest.mark.parametrize("wait", [5, "soon", None])
def test_a_delay_that_is_no_duration_fails_the_sender(wait: Any) -> None:
    plan = plan_of(*DELAYED[:1], {**DELAYED[1], "after": expr("out.wait")}, DELAYED[2])
    run = play(plan, a={"wait": wait})
    assert (run.status, run.end.code) == ("failed", "expression-error")
    assert "a duration is needed" in run.end.message


def test_a_touchpoint_behind_a_delay_asks_when_the_time_has_come() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"}, {"from": "a", "to": "end", "after": 5.0, "touchpoint": "gate"},
        touchpoints={"gate": {"when": "payload.n > 1", "within": 100.0}},
    )  # fmt: skip
    run = play(plan, a={"n": 2}, answers={"gate": ["approve"]})
    assert run.of(Asked) == []
    fire(run, 1006.0)
    assert [asked.due for asked in run.of(Asked)] == [1106.0]
    assert (run.status, run.result) == ("done", {"n": 2})


def test_rule_7_a_join_waits_for_what_is_delayed() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "b", "to": "b2", "after": 10.0},
        {"from": ["a", "b2"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    run = play(plan, a={"n": 1}, b={}, b2={"n": 2}, c={})
    assert run.visits("c") == []
    fire(run, 2000.0)
    assert run.visits("c") == [{"a": {"n": 1}, "b2": {"n": 2}}]


def test_a_delayed_end_that_fails_the_run_does_so_when_its_time_has_come() -> None:
    plan = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end", "after": 5.0, "fail": True})
    run = play(plan, a={"n": 2})
    assert run.end is None
    fire(run, 1006.0)
    assert (run.status, run.end.code) == ("failed", "failed-by-spec")


def test_a_run_that_ends_drops_what_is_delayed() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]}, {"from": "a", "to": "b", "after": 5.0}, {"from": "b", "to": "end"}
    )
    run = play(plan, a={}, b="fail:broken")
    assert (run.status, run.position.delayed, run.position.due) == ("failed", {}, None)
    assert run.of(RunFinished)
    assert run.again().position.delayed == {}


def test_a_delayed_loop_counts_its_firings_when_it_fires_and_revises_what_was_there() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "a", "revise": True, "after": 5.0, "at_most": 1, "when": "!out.ok", "pass": "out.ok"},
        {"from": "a", "to": "end", "otherwise": True},
    )
    run = play(plan, {"x": 1}, a=[{"ok": False}, {"ok": True}])
    fire(run, 1006.0)
    starts = run.of(HopStarted)
    assert [(start.input.value, start.feedback and start.feedback.value) for start in starts] == [
        ({"x": 1}, None), ({"x": 1}, False),
    ]  # fmt: skip
    assert [handed.firing for handed in run.of(HandedOver)] == [1, 1, 1]
    assert run.status == "done"
