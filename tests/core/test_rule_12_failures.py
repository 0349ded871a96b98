"""Rules 12 to 14, where a lane fails: `stop`, `drop`, `keep`, and whose event it is."""

from __future__ import annotations

from typing import Any

import pytest
from building import HUMAN, Played, Script, plan_of, play

from choreo.engine.advance import Cancel, Play, advance
from choreo.trace import Decided, HandedOver, HopFinished, HopStarted

HEAD = {"from": "trigger", "to": "split"}
EACH = {"from": "split", "to": "work", "each": "out.list"}
GATHER = {"from": "work", "to": "total", "gather": True, "pass": {"list": "out", "failures": "failures"}}
END = {"from": "total", "to": "end"}
SPLIT = {"list": [1, 2, 3]}


def lanes(on_failure: str | None, *more: Any, **each: Any) -> Any:
    return plan_of(HEAD, {**EACH, "on_failure": on_failure, **each}, GATHER, END, *more)


def echo(hop: Any) -> Any:
    return hop.input.value


def two_fails(hop: Any) -> Any:
    return "fail:broken" if hop.input.value == 2 else {"n": hop.input.value}


REASON = "broken: work: as scripted"


@pytest.mark.parametrize("seed", range(6))
def test_rule_12_drop_leaves_a_failed_lane_out_and_tells_it_in_failures(seed: int) -> None:
    run = play(lanes("drop"), seed=seed, split=SPLIT, work=two_fails, total=echo)
    assert run.result == {"list": [{"n": 1}, {"n": 3}], "failures": [{"index": 1, "item": 2, "reason": REASON}]}


@pytest.mark.parametrize("seed", range(6))
def test_rule_12_keep_puts_null_in_the_place_of_a_failed_lane_and_tells_it_in_failures(seed: int) -> None:
    run = play(lanes("keep"), seed=seed, split=SPLIT, work=two_fails, total=echo)
    assert run.result == {"list": [{"n": 1}, None, {"n": 3}], "failures": [{"index": 1, "item": 2, "reason": REASON}]}


def test_rule_12_gather_fires_where_every_lane_has_failed() -> None:
    for on_failure, expected in (("drop", []), ("keep", [None, None, None])):
        run = play(lanes(on_failure), split=SPLIT, work="fail:broken", total=echo)
        assert (run.status, run.result["list"], len(run.result["failures"])) == ("done", expected, 3)


@pytest.mark.parametrize("on_failure", ["stop", None])
def test_rule_12_stop_is_the_default_and_the_event_is_failed_of_the_role_that_handed_over_with_each(
    on_failure: str | None,
) -> None:
    plan = lanes(on_failure, {"from": "split", "on": "failed", "to": "end", "pass": "out", "outcome": "partly"})
    run = play(plan, split=SPLIT, work=two_fails)
    assert (run.status, run.end.outcome, run.visits("total")) == ("done", "partly", [])
    assert run.result == {
        "role": "split", "code": "broken", "message": "work[1]: work: as scripted", "input": {},
    }  # fmt: skip


def test_rule_13_where_that_role_does_not_handle_it_the_run_has_failed() -> None:
    run = play(lanes("stop"), split=SPLIT, work=two_fails)
    assert (run.status, run.end.code) == ("failed", "broken")
    assert run.end.message == "split: work[1]: work: as scripted"


def started(run: Played) -> list[str]:
    return [event.scope for event in run.of(HopStarted) if event.role == "work"]


def test_rule_12_stop_drops_lanes_that_have_not_started_and_cancels_those_in_play() -> None:
    plan = lanes("stop", {"from": "split", "on": "failed", "to": "note"}, {"from": "note", "to": "end"}, at_once=3)
    run = Played(plan, Script({"split": {"list": [2, 1, 1, 1, 1]}, "work": two_fails, "note": {}}), stop_after=1)
    failing = next(hop for hop in run.position.in_play if hop.input.value == 2)
    run.fact(HopFinished(1.0, failing.number, "failed", code="broken", cost=0.0))
    cancels = [action.hop.scope for action in advance(plan, run.position) if isinstance(action, Cancel)]
    plays = [action.hop.role for action in advance(plan, run.position) if isinstance(action, Play)]
    assert (cancels, plays) == (["work[1]", "work[2]"], ["note"])
    run.go_on()
    assert (run.status, len(started(run))) == ("done", 3)
    assert [event.code for event in run.of(HopFinished)].count("cancelled") == 2


def test_rule_12_a_running_effect_once_is_awaited_and_recorded_though_its_lane_is_over() -> None:
    plan = plan_of(
        HEAD, EACH, {"from": "work", "to": "pay"}, {"from": "pay", "to": "total", "gather": True}, END,
        roles={"pay": {"effect": "once"}},
    )  # fmt: skip
    run = Played(plan, Script({"split": SPLIT, "work": {}, "pay": {"paid": 1}, "total": {}}), stop_after=1)
    first, second, _ = run.position.in_play
    run.fact(HopFinished(1.0, first.number, "done", output=first.input, cost=0.0))
    run.fact(HopFinished(2.0, second.number, "failed", code="broken", cost=0.0))
    assert run.status == "failed"
    paying = next(hop for hop in run.position.in_play if hop.role == "pay")
    run.fact(HopFinished(3.0, paying.number, "done", output=paying.input, cost=0.5))
    assert run.position.spent.cost == 0.5

    caught = plan_of(
        HEAD, EACH, {"from": "work", "to": "pay"}, {"from": "pay", "to": "total", "gather": True}, END,
        {"from": "split", "on": "failed", "to": "end"}, roles={"pay": {"effect": "once"}},
    )  # fmt: skip
    run = Played(caught, Script({"split": SPLIT, "work": {}, "pay": {"paid": 1}, "total": {}}), stop_after=1)
    first, second, _ = run.position.in_play
    run.fact(HopFinished(1.0, first.number, "done", output=first.input, cost=0.0))
    run.fact(HopFinished(2.0, second.number, "failed", code="broken", cost=0.0))
    actions = {type(action).__name__: action.hop.role for action in advance(caught, run.position)}
    assert (run.status, actions) == (None, {"Play": "pay", "Cancel": "work"})
    run.go_on()
    ends = {event.hop: (event.status, event.code) for event in run.of(HopFinished)}
    assert (run.status, sorted(map(str, ends.values()))) == (
        "done",
        ["('done', None)"] * 3 + ["('failed', 'broken')", "('failed', 'cancelled')"],
    )


def test_rule_13_a_matching_handoff_in_the_lane_comes_before_on_failure() -> None:
    plan = lanes(
        "stop",
        {"from": "work", "on": "failed", "to": "mend", "pass": "out.input"},
    )
    run = play(plan, split=SPLIT, work=two_fails, mend={}, total=echo)
    assert run.result == {"list": [{"n": 1}, None, {"n": 3}], "failures": []}
    assert run.visits("mend") == [2]
    mended = plan_of(
        HEAD, EACH, {"from": {"any": ["work", "mend"]}, "to": "total", "gather": True}, END,
        {"from": "work", "on": "failed", "to": "mend", "pass": {"n": "out.input"}},
    )  # fmt: skip
    assert play(mended, split=SPLIT, work=two_fails, mend=echo, total=echo).result == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize("more", [{"pass": {"n": "item.n / item.m"}}, {"to": ["work", "other"], "pick": "item.pick"}])
def test_rule_12_a_payload_that_cannot_be_built_for_one_element_is_a_failure_of_its_lane(more: Any) -> None:
    split = {"list": [{"n": 4, "m": 2, "pick": "work"}, {"n": 4, "m": 0}]}
    run = play(lanes("drop", **more), split=split, work=echo, total=echo, other={})
    (failure,) = run.result["failures"]
    assert (failure["index"], failure["reason"].split(":")[0], len(run.result["list"])) == (1, "expression-error", 1)
    assert len(run.visits("work")) == 1


def test_rule_10_a_loop_that_is_used_up_in_a_lane_is_a_failure_of_the_lane() -> None:
    loop = {"from": "work", "to": "work", "when": "out.n == 2", "at_most": 1}
    run = play(
        lanes("drop", loop), split=SPLIT, work=lambda hop: {"n": hop.input.value if hop.visit == 1 else 2}, total=echo
    )
    assert (len(run.result["list"]), run.result["failures"][0]["reason"].split(":")[0]) == (2, "exhausted")
    assert play(lanes("stop", loop), split=SPLIT, work={"n": 2}).end.code == "exhausted"


def test_an_error_in_a_condition_is_a_failure_of_the_lane_it_happens_in() -> None:
    check = {"from": "work", "to": "more", "when": "out.n > 0"}
    run = play(
        lanes("keep", check), split=SPLIT, work=lambda hop: {"n": 1} if hop.input.value < 3 else {}, more={}, total=echo
    )
    assert (run.result["list"], run.result["failures"][0]["reason"][:15]) == (
        [{"n": 1}, {"n": 1}, None],
        "condition-error",
    )


def gated(on_failure: str, *more: Any) -> Any:
    return plan_of(
        HEAD, {**EACH, "on_failure": on_failure}, {"from": "work", "to": "send", "touchpoint": "gate"},
        {"from": "send", "to": "total", "gather": True, "pass": {"list": "out", "failures": "failures"}}, END, *more,
        touchpoints={"gate": {"when": "item == 2"}},
    )  # fmt: skip


def test_rule_14_a_rejection_in_a_lane_that_nothing_takes_up_rejects_the_run() -> None:
    failed = {"from": "split", "on": "failed", "to": "end"}
    run = play(
        gated("stop", failed), split=SPLIT, work=echo, send=echo, total=echo, answers={"gate": [("reject", "no")]}
    )
    assert (run.status, run.end.code, run.end.message) == ("rejected", "rejected", "work[1]: no")


def test_rule_14_unless_on_failure_drops_or_keeps_that_lane() -> None:
    for on_failure, expected in (("drop", [1, 3]), ("keep", [1, None, 3])):
        run = play(
            gated(on_failure), split=SPLIT, work=echo, send=echo, total=echo, answers={"gate": [("reject", "no")]}
        )
        failures = [{"index": 1, "item": 2, "reason": "rejected: no"}]
        assert run.result == {"list": expected, "failures": failures}


def test_rule_14_a_rejection_in_a_lane_can_be_handed_back_there() -> None:
    back = {"from": "gate", "on": "rejected", "to": "work", "revise": True, "at_most": 1, "pass": {"why": "out.reason"}}
    run = play(
        gated("stop", back), split=SPLIT, send=echo, total=echo, answers={"gate": [("reject", "again"), "approve"]},
        work=lambda hop: [hop.input.value, hop.visit, hop.feedback.value if hop.feedback else None],
    )  # fmt: skip
    assert run.result["list"] == [[1, 1, None], [2, 2, {"why": "again"}], [3, 1, None]]


def test_rule_14_what_was_asked_in_lanes_that_are_over_is_withdrawn() -> None:
    plan = plan_of(
        HEAD, {"from": "split", "to": ["work", "form"], "each": "out.list"}, GATHER, END,
        {"from": "work", "to": "send", "touchpoint": "gate"}, {"from": "split", "on": "failed", "to": "end"},
        touchpoints={"gate": {}}, roles={"form": HUMAN},
    )  # fmt: skip
    run = play(plan, split={"list": [1, 3, 2]}, work=two_fails)
    assert (run.status, len(run.position.questions)) == ("done", 0)
    assert {event.decision for event in run.of(Decided)} == {"withdrawn"}
    assert len(run.of(Decided)) >= 3


def nested(outer: str, inner: str, *more: Any) -> Any:
    return plan_of(
        HEAD,
        {**EACH, "on_failure": outer},
        {"from": "work", "to": "part", "each": "out.list", "on_failure": inner},
        {"from": "part", "to": "sum", "gather": True},
        {"from": "sum", "to": "total", "gather": True, "pass": {"list": "out", "failures": "failures"}},
        END,
        *more,
    )


INNER = {
    "split": {"list": [[1], [1, 2, 3], [3]]},
    "work": lambda hop: {"list": hop.input.value},
    "part": lambda hop: "fail:broken" if hop.input.value == 2 else hop.input.value,
    "sum": echo,
    "total": echo,
}


@pytest.mark.parametrize("seed", range(4))
def test_rule_12_a_failure_goes_up_from_lane_to_lane_until_one_takes_it(seed: int) -> None:
    run = play(nested("drop", "stop"), seed=seed, **INNER)
    reason = "broken: work: work[1]/part[1]: part: as scripted"
    assert run.result == {"list": [[1], [3]], "failures": [{"index": 1, "item": [1, 2, 3], "reason": reason}]}
    assert play(nested("stop", "drop"), seed=seed, **INNER).result == {"list": [[1], [1, 3], [3]], "failures": []}
    stopped = play(nested("stop", "stop"), seed=seed, **INNER)
    assert (stopped.status, stopped.end.code) == ("failed", "broken")


def test_rule_12_an_inner_failure_is_failed_of_the_role_in_the_outer_lane_that_opened_the_lanes() -> None:
    again = {"from": "work", "on": "failed", "to": "sum", "pass": "out.code"}
    run = play(nested("stop", "stop", again), **INNER)
    assert run.result == {"list": [[1], "broken", [3]], "failures": []}


def test_rule_12_a_dropped_lane_takes_its_own_lanes_with_it() -> None:
    plan = plan_of(
        HEAD, {**EACH, "on_failure": "drop", "to": ["work", "side"]},
        {"from": "work", "to": "part", "each": "out.list"}, {"from": "part", "to": "sum", "gather": True},
        {"from": "sum", "to": "total", "gather": True}, END, limits={"parallel": 20},
    )  # fmt: skip
    run = Played(plan, Script({"split": {"list": [1]}, "work": {"list": [1, 2]}}), stop_after=1)
    work = next(hop for hop in run.position.in_play if hop.role == "work")
    run.fact(run._output(work))
    side = next(hop for hop in run.position.in_play if hop.role == "side")
    run.fact(HopFinished(5.0, side.number, "failed", code="broken", cost=0.0))
    assert [action.hop.scope for action in advance(plan, run.position) if isinstance(action, Cancel)] == [
        "work[0]/part[0]",
        "work[0]/part[1]",
    ]
    assert (run.position.lanes, run.visits("total")) == ({}, [[]])


def test_every_failed_lane_is_on_record_with_its_reason() -> None:
    run = play(lanes("drop"), split=SPLIT, work=two_fails, total=echo)
    (lost,) = [event for event in run.of(HandedOver) if event.state == "lane_failed"]
    assert (lost.scope, lost.code, lost.message) == ("work[1]", "broken", "work: as scripted")
