"""Loops, joins, branches, and what surely came before."""

from __future__ import annotations

from spec_texts import codes, flow, loaded, problems

from choreo.lint.survey import Survey


def survey(text: str) -> Survey:
    found = loaded(text)
    assert found.spec is not None
    return Survey(found.spec, found.contracts)


CHAIN = ("from: trigger, to: a", "from: a, to: b", "from: b, to: end")


def test_a_chain_has_nothing_to_say() -> None:
    assert codes(flow(*CHAIN)) == []


def test_every_loop_without_a_bound_is_told_with_its_path() -> None:
    text = flow(*CHAIN, "from: b, to: a, when: 'visits.a < 3'", "from: b, to: b, also: true, when: 'visits.b < 2'")
    found = [one for one in problems(text) if one.code == "unbounded-loop"]
    assert [one.message for one in found] == [
        "a loop without `at_most`: a -> b -> a",
        "a loop without `at_most`: b -> b",
    ]


def test_a_loop_through_a_touchpoint_shows_the_touchpoint() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: b, touchpoint: ok", "from: b, to: end"),
        "from: ok, on: rejected, to: a, revise: true",
        more="touchpoints:\n  ok: {ask: Go on?}",
    )
    (found,) = problems(text)
    assert found.message == "a loop without `at_most`: a -> ok (rejected) -> a"


def test_a_bound_on_one_handoff_of_a_loop_is_enough() -> None:
    chain = (*CHAIN[:-1], "from: b, to: end, otherwise: true")
    assert codes(flow(*chain, "from: b, to: a, when: 'visits.a < 3', at_most: 2")) == []


def test_two_handoffs_that_exclude_each_other_do_not_arrive_twice() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: b, when: 'visits.a > 1'", "from: a, to: c, otherwise: true"),
        *("from: b, to: d", "from: c, to: d", "from: d, to: end"),
    )
    assert codes(text) == []


def test_a_fan_out_that_is_not_joined_arrives_twice_where_it_meets_and_not_further_on() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: [b, c]", "from: b, to: d", "from: c, to: d"),
        *("from: d, to: e", "from: e, to: end"),
    )
    (found,) = problems(text)
    assert (found.code, found.severity) == ("double-arrival", "warning")
    assert "handoffs to `d`, from `b` and from `c`" in found.message


def test_a_fan_out_that_is_joined_arrives_once() -> None:
    text = flow("from: trigger, to: a", "from: a, to: [b, c]", "from: [b, c], to: d, pass: a", "from: d, to: end")
    assert codes(text) == []


def test_two_reviewers_side_by_side_that_both_send_back_arrive_twice() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: [b, c]", "from: [b, c], to: d, pass: a", "from: d, to: end"),
        "from: b, to: a, also: true, when: 'visits.b < 2', revise: true, at_most: 1",
        "from: c, to: a, also: true, when: 'visits.c < 2', revise: true, at_most: 1",
    )
    assert "double-arrival" in codes(text)


def test_a_loop_around_two_joins_one_after_the_other_is_no_circle_of_joins() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: [b, c]", "from: [b, c], to: d, pass: a", "from: d, to: [e, f]"),
        *("from: [e, f], to: g, pass: a", "from: g, to: a, when: 'visits.g < 2', at_most: 1, revise: true"),
        "from: g, to: end, otherwise: true",
    )
    assert codes(text) == []


def test_what_surely_came_before_a_join_is_known_when_a_fan_out_always_fills_it() -> None:
    sure = survey(
        flow("from: trigger, to: a", "from: a, to: [b, c]", "from: [b, c], to: d, pass: a", "from: d, to: end")
    ).flow.sure
    assert sure.before("d") == {"a", "b", "c"}
    assert sure.through("d") == {"a", "d"}


def test_a_source_that_is_chosen_or_whose_failure_is_handled_may_be_missing_at_a_join() -> None:
    chosen = flow(
        *("from: trigger, to: a", "from: a, to: b", "from: a, to: c, when: 'visits.a > 1'"),
        *("from: [b, c], to: d, pass: a", "from: d, to: end"),
    )
    assert survey(chosen).flow.sure.before("d") == {"a", "b"}
    handled = flow(
        *("from: trigger, to: a", "from: a, to: [b, c]", "from: [b, c], to: d, pass: a", "from: d, to: end"),
        *("from: c, on: failed, to: e, pass: a",),
    )
    assert survey(handled).flow.sure.before("d") == {"a", "b"}


def test_what_failed_has_no_value_for_those_who_take_over() -> None:
    text = flow(
        "from: trigger, to: a",
        "from: a, to: b",
        "from: b, on: failed, to: c, pass: a",
        "from: [b, c], to: end, pass: a",
    )
    sure = survey(text).flow.sure
    assert sure.before("c") == {"a"}


def test_both_branches_of_a_choice_leave_only_what_they_share() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: b, when: 'visits.a > 1'", "from: a, to: c, otherwise: true"),
        *("from: b, to: d", "from: c, to: d", "from: d, to: end"),
    )
    assert survey(text).flow.sure.before("d") == {"a"}


def test_unknown_names_do_not_hide_or_multiply_what_else_is_wrong() -> None:
    text = flow(
        "from: trigger, to: aa",
        "from: aa, to: bb",
        "from: bb, to: end",
        roles="  lonely: {kind: reader, set: input, accepts: thing@^1, emits: thing@1.0.0}",
    )
    wrong = text.replace("from: aa, to: bb}", "from: aaa, to: bbb}")
    assert sorted(codes(wrong)) == ["unknown-role", "unknown-role", "unreachable-role"]
