"""Lanes on the screen: together in the trace, each in a line where they are many; how far they are while they play."""

from __future__ import annotations

import io
from typing import Any

import pytest
from building import HUMAN, Played, Script, plan_of, play

from choreo.engine.advance import asks
from choreo.plan import Plan
from choreo.render.lanes import Opened, by_lane, lane_lines, scope_of, scopes_of
from choreo.render.live import Live
from choreo.render.trace import render_course
from choreo.runners.questions import question_for
from choreo.store import RunRecord
from choreo.trace import HandedOver, HopStarted

HEAD = ({"from": "trigger", "to": "split"}, {"from": "split", "to": "work", "each": "out.list", "on_failure": "drop"})
TAIL = ({"from": "check", "to": "total", "gather": True}, {"from": "total", "to": "end"})
PLAN = plan_of(*HEAD, {"from": "work", "to": "check"}, *TAIL)


def work(hop: Any) -> Any:
    return "fail:broken" if hop.input.value == 7 else {"n": hop.input.value}


def played(size: int, seed: int = 0) -> Played:
    return play(PLAN, seed=seed, split={"list": list(range(1, size + 1))}, work=work, check={}, total={})


def record(run: Played) -> RunRecord:
    ended = (None, None, None, 0, 0.0, True, {}, {}, None, 0.0)
    return RunRecord(1, "r1", "s", "1", "p", run.status or "running", 0.0, 0.0, *ended)


def course(run: Played, lane: str = "") -> str:
    return render_course(record(run), None, run.events, lane=lane)


def test_few_lanes_are_shown_whole_each_by_itself_in_the_order_of_the_elements() -> None:
    lines = course(played(3, seed=5)).splitlines()
    heads = [line.split()[0] for line in lines if line.startswith(" " * 12 + "work[")]
    assert heads == ["work[0]", "work[1]", "work[2]"]
    visits = [line for line in lines if "visit 1" in line and line.startswith("  ")]
    assert [line.split()[4] for line in visits] == ["split", "work", "check", "work", "check", "work", "check", "total"]


def test_more_lanes_are_a_line_each_with_state_hops_time_cost_and_element() -> None:
    text = course(played(8))
    assert "work[6]  failed  1 hop  " in text
    assert "7  [broken] work: as scripted" in text
    assert text.count("  done  2 hops  ") == 7
    assert "check (" not in text


def test_of_many_lanes_only_those_that_are_not_done_are_shown_and_how_many_are() -> None:
    text = course(played(200))
    assert [line.split()[0] for line in text.splitlines() if line.strip().startswith("work[")] == ["work[006]"]
    assert "199 of 200 lanes are done" in text
    assert "--lane 'work[006]'" in text
    assert len(text.splitlines()) < 24


def test_one_lane_can_be_shown_whole() -> None:
    text = course(played(200), lane="work[017]")
    assert text.count("visit 1") == 2
    assert "total" not in text


NESTED = plan_of(
    *HEAD, {"from": "work", "to": "part", "each": "[1, 2]"}, {"from": "part", "to": "check", "gather": True}, *TAIL
)


def nested(inner: str, outer: str = "drop", **gate: Any) -> Plan:
    """Lanes in lanes, and what the failure of one does, inside and outside."""
    return plan_of(
        HEAD[0], {**HEAD[1], "on_failure": outer},
        {"from": "work", "to": "part", "each": "out.list", "on_failure": inner},
        {"from": "part", "to": "last", **gate},
        {"from": "last", "to": "check", "gather": True}, *TAIL,
        touchpoints={"gate": {"when": "payload.n == 2"}} if gate else None,
    )  # fmt: skip


def lists(plan: Plan, *elements: list[int], answers: Any = None, seed: int = 0) -> Played:
    """Each element is a list of its own; a 7 fails."""
    outputs = {"split": {"list": [{"list": part} for part in elements]}, "work": lambda hop: hop.input.value}
    script = Script(
        {**outputs, "part": work, "last": lambda hop: hop.input.value, "check": {}, "total": {}}, answers or {}, seed
    )
    return Played(plan, script)


def states(run: Played, lane: str = "") -> dict[str, str]:
    found = (line.strip() for line in course(run, lane).splitlines())
    return {line.split("  ")[0]: line.split("  ")[1] for line in found if line.startswith(("work[", "part["))}


@pytest.mark.parametrize(
    "run",
    [
        *(
            play(plan, seed=3, split={"list": [1, 2, 7]}, work=work, part={}, check={}, total={})
            for plan in (PLAN, NESTED)
        ),
        *(
            lists(nested(*failed), [1, 7], [2], [2, 3])
            for failed in (("stop", "stop"), ("stop", "drop"), ("keep", "drop"))
        ),
    ],
)
def test_no_event_is_lost_or_shown_twice(run: Played) -> None:
    scopes = scopes_of(run.events)
    seen: list[Any] = []

    def tell(events: Any, outer: str) -> list[str]:
        for entry in by_lane(events, scopes, outer):
            own = getattr(entry, "event", entry)
            assert scope_of(own, scopes) == outer
            seen.append(own)
            if isinstance(entry, Opened):
                list(lane_lines(entry, scopes, tell))
        return []

    tell(run.events, "")
    assert len(seen) == len(run.events)
    assert all(event in seen for event in run.events)


@pytest.mark.parametrize("inner", ["drop", "keep"])
def test_a_lane_in_which_one_failed_and_was_left_out_is_none_that_failed(inner: str) -> None:
    run = lists(nested(inner), [1, 7], [3])
    assert run.status == "done"
    assert states(run) == {
        "work[0]": "done", "work[0]/part[0]": "done", "work[0]/part[1]": "failed",
        "work[1]": "done", "work[1]/part[0]": "done",
    }  # fmt: skip
    assert "work[0]  done  5 hops" in course(run)
    assert course(run).count("  [broken] part: as scripted\n") == 1 + 1  # the lane, and the record of its failure


def test_a_lane_waits_as_long_as_a_question_in_a_lane_of_it_is_open() -> None:
    run = lists(nested("drop", touchpoint="gate"), [2, 7])
    assert run.position.waits
    assert states(run) == {"work[0]": "waits", "work[0]/part[0]": "waits", "work[0]/part[1]": "failed"}


def test_lanes_by_which_the_run_failed_have_failed_and_the_others_have_not() -> None:
    run = lists(nested("stop", "stop"), [1, 7], [3])
    assert run.status == "failed"
    found = states(run)
    assert (found["work[0]"], found["work[0]/part[1]"]) == ("failed", "failed")
    assert not {"failed", "queued", "in play"} & {found[name] for name in found.keys() - {"work[0]", "work[0]/part[1]"}}
    assert "  [broken] work: work[0]/part[1]: part: as scripted\n" in course(run)
    assert states(run, "work[0]")["work[0]/part[1]"] == "failed"


def test_a_lane_that_failed_by_lanes_in_it_is_left_out_and_the_run_goes_on() -> None:
    run = lists(nested("stop", "drop"), [1, 7], [3])
    assert run.status == "done"
    found = states(run)
    assert (found["work[0]"], found["work[0]/part[1]"], found["work[1]"]) == ("failed", "failed", "done")


def test_a_lane_that_was_under_way_when_another_one_failed_is_cancelled() -> None:
    run = lists(nested("stop", "stop", touchpoint="gate"), [2, 7], [2, 3])
    assert run.status == "failed"
    found = states(run)
    assert (found["work[0]"], found["work[0]/part[0]"], found["work[0]/part[1]"]) == ("failed", "cancelled", "failed")
    assert (found["work[1]"], found["work[1]/part[0]"]) == ("cancelled", "cancelled")
    alone = states(run, "work[1]")
    assert alone["work[1]/part[0]"] == "cancelled"


def test_a_lane_whose_next_role_comes_later_waits() -> None:
    plan = plan_of(*HEAD, {"from": "work", "to": "check", "after": 60.0}, *TAIL)
    run = Played(plan, Script({"split": {"list": [1, 7]}, "work": work, "check": {}, "total": {}}))
    assert states(run) == {"work[0]": "waits", "work[1]": "failed"}


def shown(run: Played) -> str:
    stream = io.StringIO()
    live = Live(stream)
    other = Played(run.plan, run.script, stop_after=0)
    for _ in range(1000):
        before = len(other.events)
        other.go_on(stop_after=1)
        if len(other.events) == before:
            break
        live.show(other.events[before:], other.position)
    return stream.getvalue()


def test_while_it_plays_few_lanes_are_named_and_many_are_counted() -> None:
    few = shown(played(3))
    assert "work[1] " in few
    assert "work[1] check" in few
    assert "3 of 3 lanes are gathered" in few
    many = shown(played(100))
    assert "work[06]" in many
    assert "[broken]" in many
    assert "work 50/100" in many
    assert len(many.splitlines()) < 20


def test_a_question_in_a_lane_names_the_element_and_what_a_no_leads_to() -> None:
    plan = plan_of(
        *HEAD, {"from": "work", "to": "check", "touchpoint": "gate"}, {"from": "check", "to": "form"},
        {"from": "form", "to": "total", "gather": True}, TAIL[1],
        touchpoints={"gate": {}}, roles={"form": HUMAN},
    )  # fmt: skip
    script = Script({"split": {"list": ["a", "b"]}, "work": {}, "check": {}}, {"gate": ["approve"]})
    run = Played(plan, script)
    told = [question_for(plan, run.position, ask.question) for ask in asks(run.position)]
    facts = {question.name: dict(question.facts)["element"] for question in told}
    assert sorted(facts) == ["form", "gate"]
    assert {text.partition(", ")[2] for text in facts.values()} == {'1 of 2: "a"', '2 of 2: "b"'}
    gate = next(question for question in told if question.name == "gate")
    assert any("is left out" in why for why in gate.why)


def test_scopes_are_found_for_everything_that_happened_in_a_lane() -> None:
    run = played(3)
    scopes = scopes_of(run.events)
    assert {scope_of(event, scopes) for event in run.events} == {"", "work[0]", "work[1]", "work[2]"}
    starts = [event for event in run.events if isinstance(event, HopStarted)]
    assert all(scopes.get(("hop", start.hop), "") == start.scope for start in starts)
    assert all(scope_of(event, scopes) == event.scope for event in run.events if isinstance(event, HandedOver))
