"""Rule 12, lanes: `each` opens one for every element, `gather` waits for all of them."""

from __future__ import annotations

from typing import Any

import pytest
from building import HUMAN, Played, Script, plan_of, play

from choreo.engine.advance import Play, advance
from choreo.trace import Asked, Decided, HandedOver, HopFinished, HopStarted

EACH = (
    {"from": "trigger", "to": "split"},
    {"from": "split", "to": "work", "each": "out.list"},
    {"from": "work", "to": "total", "gather": True},
    {"from": "total", "to": "end"},
)


def echo(hop: Any) -> Any:
    return hop.input.value


def double(hop: Any) -> Any:
    return {"n": hop.input.value * 2}


def scopes(run: Played, role: str) -> list[str]:
    return [event.scope for event in run.of(HopStarted) if event.role == role]


def test_rule_12_every_element_is_a_lane_and_a_lane_without_a_pass_gets_its_element() -> None:
    run = play(plan_of(*EACH), split={"list": [3, 4, 5]}, work=double, total=echo)
    assert run.visits("work") == [3, 4, 5]
    assert scopes(run, "work") == ["work[0]", "work[1]", "work[2]"]
    assert (run.status, run.result) == ("done", [{"n": 6}, {"n": 8}, {"n": 10}])


@pytest.mark.parametrize("seed", range(6))
def test_rule_12_gather_fires_once_when_all_lanes_are_at_rest_with_out_in_element_order(seed: int) -> None:
    run = play(plan_of(*EACH), seed=seed, split={"list": list(range(7))}, work=double, total=echo)
    assert run.visits("total") == [[{"n": 2 * n} for n in range(7)]]
    assert run.states().count("gathered") == 1


def test_rule_12_the_list_is_evaluated_once_and_stands_on_record_with_the_handoff_that_opens_the_lanes() -> None:
    run = play(plan_of(*EACH), split={"list": [{"a": 1}, {"a": 2}]}, work={}, total={})
    opened = [event for event in run.of(HandedOver) if event.state == "opened"]
    assert [(event.payload.value, event.scope, event.target) for event in opened] == [
        ([{"a": 1}, {"a": 2}], "", "work")
    ]


@pytest.mark.parametrize(
    ("value", "said"), [({"a": 1}, "an object"), ("abc", "a text"), (None, "null"), (3, "a number")]
)
def test_rule_12_not_a_list_is_failed(value: Any, said: str) -> None:
    run = play(plan_of(*EACH), split={"list": value})
    assert (run.status, run.end.code, run.visits("work")) == ("failed", "not-a-list", [])
    assert f"gives {said}" in run.end.message
    caught = plan_of(*EACH, {"from": "split", "on": "failed", "to": "end", "pass": "out.code"})
    assert play(caught, split={"list": value}).result == "not-a-list"


def test_rule_12_an_expression_that_cannot_be_evaluated_is_failed_too() -> None:
    run = play(plan_of(*EACH), split={})
    assert (run.status, run.visits("work")) == ("failed", [])
    assert "`out` has no field `list`" in run.end.message


def test_rule_12_a_lane_is_a_scope_with_item_and_index_in_the_handoff_and_in_the_lane() -> None:
    plan = plan_of(
        EACH[0],
        {
            "from": "split",
            "to": "work",
            "each": "out.list",
            "pass": {"it": "item.a", "at": "index", "of": "size(out.list)"},
        },
        {"from": "work", "to": "check", "pass": {"it": "item.a", "at": "index", "all": "split.list[index].a"}},
        {"from": "check", "to": "total", "gather": True},
        EACH[3],
    )
    run = play(plan, split={"list": [{"a": 7}, {"a": 9}]}, work={}, check=echo, total=echo)
    assert run.visits("work") == [{"it": 7, "at": 0, "of": 2}, {"it": 9, "at": 1, "of": 2}]
    assert run.result == [{"it": 7, "at": 0, "all": 7}, {"it": 9, "at": 1, "all": 9}]


def test_rule_12_item_and_index_mean_nothing_outside_of_lanes() -> None:
    for handoff in ({**EACH[2], "pass": "item"}, {**EACH[2], "pass": {"at": "index"}}):
        run = play(plan_of(*EACH[:2], handoff, EACH[3]), split={"list": [1]}, work={})
        assert run.status == "failed"
        assert "there is no" in run.end.message


def in_play(run: Played) -> int:
    return sum(isinstance(action, Play) for action in advance(run.plan, run.position))


@pytest.mark.parametrize(("at_once", "parallel", "most"), [(2, 8, 2), (None, 3, 3), (5, 3, 3), (None, None, 9)])
def test_rule_12_at_most_at_once_and_limits_parallel_are_in_play(at_once: Any, parallel: Any, most: int) -> None:
    each = {**EACH[1], "at_once": at_once}
    plan = plan_of(EACH[0], each, *EACH[2:], limits={"parallel": parallel})
    run = Played(plan, Script({"split": {"list": list(range(9))}, "work": {}, "total": {}}), stop_after=1)
    seen = set()
    while run.status is None:
        seen.add(in_play(run))
        run.go_on(stop_after=1)
    assert max(seen) == most


@pytest.mark.parametrize("seed", range(4))
def test_rule_12_lanes_start_in_order_and_what_has_begun_goes_before_what_has_not(seed: int) -> None:
    plan = plan_of(
        *EACH[:2], {"from": "work", "to": "check"}, {"from": "check", "to": "total", "gather": True}, EACH[3],
        limits={"parallel": 2},
    )  # fmt: skip
    run = play(plan, seed=seed, split={"list": list(range(12))}, work={}, check={}, total={})
    assert scopes(run, "work") == [f"work[{n:02}]" for n in range(12)]
    begun: set[str] = set()
    for event in run.of(HopStarted):
        (begun.add if event.role == "work" else begun.discard)(event.scope)
        assert len(begun) <= 2


def test_rule_12_scopes_sort_as_their_elements_do() -> None:
    run = play(plan_of(*EACH), split={"list": list(range(101))}, work={}, total={})
    named = scopes(run, "work")
    assert named == sorted(named)
    assert (named[0], named[100]) == ("work[000]", "work[100]")


def test_rule_12_a_lane_waiting_for_a_person_is_in_play_for_at_once_but_not_for_limits_parallel() -> None:
    for more, asked in (({}, 6), ({"at_once": 2}, 2)):
        plan = plan_of(
            EACH[0], {**EACH[1], **more}, *EACH[2:], roles={"work": HUMAN}, limits={"parallel": 3}
        )  # fmt: skip
        run = play(plan, split={"list": list(range(6))})
        assert len(run.position.questions) == asked


def test_rule_12_an_empty_list_gathers_at_once() -> None:
    run = play(plan_of(*EACH), split={"list": []}, total=echo)
    assert (run.visits("work"), run.visits("total"), run.status, run.result) == ([], [[]], "done", [])


def test_rule_12_a_lane_ends_at_a_leaf_too_and_gives_null_there() -> None:
    plan = plan_of(
        *EACH[:2],
        {"from": "work", "to": "check", "when": "out.n > 6"},
        {"from": "work", "to": "note", "otherwise": True},
        {"from": "check", "to": "total", "gather": True},
        EACH[3],
    )
    run = play(plan, split={"list": [3, 4, 5]}, work=double, check=echo, note={}, total=echo)
    assert run.result == [None, {"n": 8}, {"n": 10}]
    assert len(run.visits("note")) == 1


def test_rule_12_lanes_that_are_never_gathered_play_to_rest_before_the_run_ends() -> None:
    plan = plan_of(*EACH[:2], {"from": "split", "to": "end"})
    run = play(plan, split={"list": [1, 2, 3]}, work={})
    assert (run.status, len(run.visits("work")), run.result) == ("done", 3, {"list": [1, 2, 3]})


def test_rule_12_chains_branches_and_loops_play_in_each_lane_on_their_own() -> None:
    plan = plan_of(
        *EACH[:2],
        {"from": "work", "to": "review"},
        {"from": "review", "to": "work", "when": "!out.ok", "revise": True, "at_most": 2},
        {
            "from": "review",
            "to": "keep",
            "otherwise": True,
            "pass": {"item": "item", "text": "work.text", "tries": "visits.work"},
        },
        {"from": "keep", "to": "total", "gather": True},
        EACH[3],
    )
    needs = {1: 1, 2: 3, 3: 2}
    run = play(
        plan,
        split={"list": [1, 2, 3]},
        work=lambda hop: {"text": f"{hop.input.value}.{hop.visit}"},
        review=lambda hop: {"ok": hop.visit == needs[int(hop.input.value["text"][0])]},
        keep=echo,
        total=echo,
    )
    assert run.result == [
        {"item": 1, "text": "1.1", "tries": 1},
        {"item": 2, "text": "2.3", "tries": 3},
        {"item": 3, "text": "3.2", "tries": 2},
    ]


def test_rule_10_at_most_counts_in_each_lane_on_its_own() -> None:
    plan = plan_of(
        *EACH[:2],
        {"from": "work", "to": "work", "at_most": 1, "when": "true"},
        {"from": "work", "on": "exhausted", "to": "last"},
        {"from": "last", "to": "total", "gather": True},
        EACH[3],
    )
    run = play(plan, split={"list": [1, 2, 3]}, work={}, last={"n": 1}, total=echo)
    assert (run.result, len(run.visits("work"))) == ([{"n": 1}] * 3, 6)


def test_rule_12_gather_takes_the_newest_output_of_a_role_that_played_again() -> None:
    plan = plan_of(
        *EACH[:2], {"from": "work", "to": "work", "when": "visits.work < 3", "at_most": 5}, *EACH[2:]
    )  # fmt: skip
    run = play(plan, split={"list": [1, 2]}, work=lambda hop: {"visit": hop.visit}, total=echo)
    assert run.result == [{"visit": 3}, {"visit": 3}]
    assert "stopped" not in run.states()


@pytest.mark.parametrize("seed", range(4))
def test_rule_7_a_join_in_a_lane_has_its_own_slots(seed: int) -> None:
    plan = plan_of(
        EACH[0],
        {"from": "split", "to": ["a", "b"], "each": "out.list"},
        {"from": "b", "to": "b2"},
        {"from": ["a", "b2"], "to": "both"},
        {"from": "both", "to": "total", "gather": True},
        EACH[3],
    )
    run = play(
        plan, seed=seed, split={"list": [1, 2, 3]}, total=echo, both=echo,
        a=lambda hop: {"a": hop.input.value}, b={}, b2=lambda hop: {"scope": hop.scope},
    )  # fmt: skip
    assert run.result == [{"a": {"a": n}, "b2": {"scope": f"a[{n - 1}]"}} for n in (1, 2, 3)]


def test_rule_12_a_gathering_join_gives_an_object_for_each_lane_and_any_gives_what_came_last() -> None:
    split = {"from": "split", "to": ["a", "b"], "each": "out.list", "pick": "item"}
    for source, expected in (
        (["a", "b"], [{"a": {"n": 1}, "b": None}, {"a": None, "b": {"n": 2}}, {"a": {"n": 1}, "b": {"n": 2}}, None]),
        ({"any": ["a", "b"]}, [{"n": 1}, {"n": 2}, {"n": 2}, None]),
    ):
        plan = plan_of(EACH[0], split, {"from": source, "to": "total", "gather": True}, EACH[3], limits={"parallel": 1})
        run = play(plan, split={"list": ["a", "b", ["a", "b"], []]}, a={"n": 1}, b={"n": 2}, total=echo)
        assert run.result == expected
        assert len(run.visits("total")) == 1


def test_rule_12_several_gathers_each_get_their_own_list_and_choose_as_other_handoffs_do() -> None:
    plan = plan_of(
        *EACH[:2],
        {"from": "work", "to": "check"},
        {"from": "work", "to": "raw", "gather": True},
        {"from": "check", "to": "few", "gather": True, "when": "size(out) < 3"},
        {"from": "check", "to": "many", "gather": True, "otherwise": True},
        {"from": "many", "to": "end"},
    )
    run = play(plan, split={"list": [1, 2, 3]}, work=double, check={"ok": True}, raw={}, many=echo)
    assert run.visits("raw") == [[{"n": 2}, {"n": 4}, {"n": 6}]]
    assert (run.visits("few"), run.result) == ([], [{"ok": True}] * 3)


def test_rule_4_names_in_a_lane_are_those_of_the_lane_else_of_the_scope_around_it_and_outside_none_of_the_lane() -> (
    None
):
    plan = plan_of(
        *EACH[:2],
        {
            "from": "work",
            "to": "check",
            "pass": {"own": "work.n", "around": "split.list", "other": "total", "all": "trigger.t"},
        },
        {"from": "check", "to": "total", "gather": True, "pass": {"list": "out", "work": "work", "n": "visits.work"}},
        EACH[3],
    )
    for seed in range(4):
        run = play(plan, {"t": 5}, seed=seed, split={"list": [1, 2]}, work=double, check=echo, total=echo)
        assert run.result == {
            "list": [{"own": n * 2, "around": [1, 2], "other": None, "all": 5} for n in (1, 2)],
            "work": None,
            "n": 0,
        }


def test_rule_11_a_lane_may_revise_a_visit_of_the_scope_around_it() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "draft"},
        {"from": "draft", "to": "review"},
        {"from": "review", "to": "draft", "each": "out.notes", "revise": True, "when": "size(out.notes) > 0"},
        {"from": "draft", "to": "pick", "gather": True},
        {"from": "pick", "to": "end"},
    )
    run = play(
        plan, {"task": 1}, pick=echo,
        draft=lambda hop: {"v": hop.feedback and hop.feedback.value, "was": hop.previous and hop.previous.value},
        review=lambda hop: {"notes": [] if hop.scope else ["x", "y"]},
    )  # fmt: skip
    assert [event.input.value for event in run.of(HopStarted) if event.role == "draft"] == [{"task": 1}] * 3
    assert run.result == [{"v": note, "was": {"v": None, "was": None}} for note in ("x", "y")]


NESTED = (
    {"from": "trigger", "to": "split"},
    {"from": "split", "to": "outer", "each": "out.list"},
    {
        "from": "outer",
        "to": "inner",
        "each": "out.list",
        "pass": {"item": "item", "index": "index", "of": "outer.list"},
    },
    {"from": "inner", "to": "sum", "gather": True, "pass": {"list": "out", "item": "item", "index": "index"}},
    {"from": "sum", "to": "total", "gather": True},
    {"from": "total", "to": "end"},
)


@pytest.mark.parametrize("seed", range(5))
def test_rule_12_lanes_open_lanes_of_their_own(seed: int) -> None:
    run = play(
        plan_of(*NESTED, limits={"parallel": 3}), seed=seed, split={"list": [[1, 2], [], [3]]}, total=echo, sum=echo,
        outer=lambda hop: {"list": hop.input.value}, inner=lambda hop: hop.input.value["item"] * 10,
    )  # fmt: skip
    assert sorted(scopes(run, "inner")) == ["outer[0]/inner[0]", "outer[0]/inner[1]", "outer[2]/inner[0]"]
    assert run.result == [
        {"list": [10, 20], "item": [1, 2], "index": 0},
        {"list": [], "item": [], "index": 1},
        {"list": [30], "item": [3], "index": 2},
    ]


def test_rule_12_lanes_opened_again_by_a_loop_are_others() -> None:
    plan = plan_of(
        *EACH[:3],
        {"from": "total", "to": "split", "when": "visits.total < 2", "at_most": 3},
        {"from": "total", "to": "end", "otherwise": True},
    )  # fmt: skip
    run = play(plan, split=[{"list": [1]}, {"list": [1, 2]}], work=double, total=echo)
    assert scopes(run, "work") == ["work[0]", "work~2[0]", "work~2[1]"]
    assert run.result == [{"n": 2}, {"n": 4}]


def test_rule_12_a_gathered_list_may_open_lanes_again() -> None:
    again = {"each": "out", "pass": {"x": "item.n", "of": "size(out)"}}
    plan = plan_of(
        *EACH[:2],
        {"from": "work", "to": "more", "gather": True, **again},
        {"from": "more", "to": "total", "gather": True},
        EACH[3],
    )
    run = play(plan, split={"list": [1, 2]}, work=double, more=echo, total=echo)
    assert run.result == [{"x": 2, "of": 2}, {"x": 4, "of": 2}]


def test_rule_14_a_touchpoint_in_a_lane_asks_once_for_each_lane_and_names_it() -> None:
    plan = plan_of(
        *EACH[:2],
        {"from": "work", "to": "send", "touchpoint": "gate"},
        {"from": "send", "to": "total", "gather": True},
        EACH[3],
        touchpoints={"gate": {"when": "item != 2"}},
    )
    run = play(
        plan,
        split={"list": [1, 2, 3]},
        work=double,
        send=echo,
        total=echo,
        answers={"gate": ["approve", ("edit", {"n": 0})]},
    )
    asked = sorted((event.scope, event.payload.value["n"]) for event in run.of(Asked))
    assert asked == [("work[0]", 2), ("work[1]", 4), ("work[2]", 6)]
    assert [event.decision for event in run.of(Decided)].count("not-asked") == 1
    assert sorted(value["n"] for value in run.result) == [0, 4, 6] or sorted(value["n"] for value in run.result) == [
        0,
        2,
        4,
    ]


def test_rule_14_a_touchpoint_where_lanes_open_stands_in_the_lane_and_where_they_are_gathered_outside() -> None:
    plan = plan_of(
        EACH[0], {**EACH[1], "touchpoint": "go"}, {**EACH[2], "touchpoint": "sum_up"}, EACH[3],
        touchpoints={"go": {}, "sum_up": {}},
    )  # fmt: skip
    run = play(
        plan, split={"list": [1, 2]}, work=double, total=echo, answers={"go": ["approve"] * 2, "sum_up": ["approve"]}
    )
    assert [(event.touchpoint, event.scope) for event in run.of(Asked)] == [
        ("go", "work[0]"),
        ("go", "work[1]"),
        ("sum_up", ""),
    ]
    assert run.result == [{"n": 2}, {"n": 4}]


def test_rule_7_what_is_still_in_lanes_can_still_run_for_a_join_outside_of_them() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["split", "quick"]},
        *EACH[1:3],
        {"from": ["quick", "total"], "to": "both"},
        {"from": "both", "to": "end"},
    )
    for seed in range(6):
        run = play(plan, seed=seed, split={"list": [1, 2]}, quick={"q": 1}, work=double, total={"t": 1}, both=echo)
        assert run.result == {"quick": {"q": 1}, "total": {"t": 1}}


def test_rule_16_a_limit_leaves_lanes_unstarted_and_more_lets_them_go_on() -> None:
    from choreo.trace import LimitsRaised

    run = play(plan_of(*EACH, limits={"hops": 4}), split={"list": list(range(6))}, work=double, total=echo)
    assert (run.status, run.end.code, len(run.visits("work"))) == ("limit", "limit-hops", 3)
    run.fact(LimitsRaised(2000.0, {"hops": 20}))
    run.go_on()
    assert run.result == [{"n": 2 * n} for n in range(6)]


def test_rule_16_a_limit_before_a_lane_is_over_budget_of_who_opened_it_and_its_lanes_are_given_up() -> None:
    plan = plan_of(*EACH, {"from": "split", "on": "over_budget", "to": "end", "outcome": "partly"}, limits={"hops": 4})
    run = play(plan, split={"list": list(range(6))}, work=double)
    assert (run.status, run.end.outcome, len(run.visits("work"))) == ("done", "partly", 3)
    assert [event.status for event in run.of(HopFinished)] == ["done"] * 4
