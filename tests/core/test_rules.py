"""The rules of the language, one by one (the numbers are those of the language reference)."""

from typing import Any

from building import HUMAN, plan_of, play

from choreo.trace import Asked, Decided, HandedOver, HopFinished, HopStarted

CHAIN = ({"from": "trigger", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "end"})


def test_a_chain_hands_each_output_on_and_ends_with_the_last() -> None:
    run = play(plan_of(*CHAIN), {"x": 1}, a={"y": 2}, b={"z": 3})
    assert run.visits("a") == [{"x": 1}]
    assert run.visits("b") == [{"y": 2}]
    assert (run.status, run.end.outcome, run.result) == ("done", "done", {"z": 3})


def test_rule_2_all_without_condition_fire_and_of_the_conditions_only_the_first_true_one() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "always"},
        {"from": "a", "to": "no", "when": "out.n > 5"},
        {"from": "a", "to": "first", "when": "out.n > 1"},
        {"from": "a", "to": "second", "when": "out.n > 0"},
        {"from": "a", "to": "as_well", "when": "out.n > 0", "also": True},
        {"from": "a", "to": "rest", "otherwise": True},
        {"from": "first", "to": "end"},
    )
    run = play(plan, a={"n": 2})
    started = [event.role for event in run.of(HopStarted)]
    assert sorted(started) == ["a", "always", "as_well", "first"]


def test_rule_2_otherwise_fires_when_no_condition_matched_whatever_also_did() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "no", "when": "out.n > 5"},
        {"from": "a", "to": "as_well", "when": "true", "also": True},
        {"from": "a", "to": "rest", "otherwise": True},
        {"from": "rest", "to": "end"},
    )
    assert sorted(event.role for event in play(plan, a={"n": 2}).of(HopStarted)) == ["a", "as_well", "rest"]


def test_rule_3_a_branch_with_nothing_selected_stops_and_the_run_fails_without_a_result() -> None:
    plan = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end", "when": "out.n > 5"})
    run = play(plan, a={"n": 2})
    assert run.states() == ["delivered", "stopped"]
    assert (run.status, run.end.code) == ("failed", "no-result")


def test_rule_4_names_are_those_of_the_causal_past_not_of_the_clock() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "a", "to": "c", "pass": {"seen": "b", "own": "a.n"}},
        {"from": "c", "to": "end"},
    )
    for seed in range(6):
        assert play(plan, seed=seed, a={"n": 1}, b={"n": 2}).visits("c") == [{"seen": None, "own": 1}]


def test_rule_5_two_arrivals_are_two_visits_one_at_a_time_in_commit_order() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": {"any": ["a", "b"]}, "to": "c"},
        {"from": "c", "to": "end", "when": "visits.c == 2"},
        {"from": "c", "to": "end", "when": "visits.c == 1 && out.who == 'none'"},
    )
    run = play(plan, a={"who": "a"}, b={"who": "b"}, c=lambda hop: hop.input.value)
    inputs = run.visits("c")
    assert sorted(value["who"] for value in inputs) == ["a", "b"]
    starts = [index for index, event in enumerate(run.events) if isinstance(event, HopStarted) and event.role == "c"]
    ends = [index for index, event in enumerate(run.events) if isinstance(event, HopFinished) and event.hop in (3, 4)]
    assert starts[1] > ends[0] > starts[0]


def test_rule_7_a_join_waits_for_every_source_that_can_still_run() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "b", "to": "b2"},
        {"from": ["a", "b2"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    for seed in range(8):
        run = play(plan, seed=seed, a={"n": 1}, b={}, b2={"n": 2}, c={"ok": True})
        assert run.visits("c") == [{"a": {"n": 1}, "b2": {"n": 2}}]
        assert run.status == "done"


def test_rule_8_a_source_that_was_not_selected_is_null() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "trigger", "to": "b", "when": "trigger.both"},
        {"from": ["a", "b"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    assert play(plan, {"both": False}, a={"n": 1}, c={}).visits("c") == [{"a": {"n": 1}, "b": None}]


def test_rule_8_a_source_that_failed_and_was_handled_is_null() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "b", "on": "failed", "to": "note"},
        {"from": ["a", "b"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    run = play(plan, a={"n": 1}, b="fail:broken", note={}, c={})
    assert run.visits("c") == [{"a": {"n": 1}, "b": None}]
    assert run.visits("note") == [{"role": "b", "code": "broken", "message": "as scripted", "input": {}}]


def test_rule_7_a_newer_event_takes_the_slot_and_the_older_is_recorded() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "slow"]},
        {"from": "slow", "to": "slower"},
        {"from": "a", "to": "a", "when": "visits.a < 2", "at_most": 3},
        {"from": ["a", "slower"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    run = play(plan, a=[{"n": 1}, {"n": 2}], slow={}, slower={}, c={})
    assert run.visits("c") == [{"a": {"n": 2}, "slower": {}}]
    assert "superseded" in run.states()


def test_rule_9_any_shares_one_bound_between_its_sources() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": {"any": ["a", "b"]}, "to": "c", "at_most": 1},
        {"from": {"any": ["a", "b"]}, "on": "exhausted", "to": "d"},
        {"from": "c", "to": "end"},
    )
    run = play(plan, a={}, b={}, c={}, d={})
    assert (len(run.visits("c")), len(run.visits("d")), run.status) == (1, 1, "done")


LOOP = (
    {"from": "trigger", "to": "draft"},
    {"from": "draft", "to": "review"},
    {"from": "review", "to": "draft", "when": "!out.ok", "revise": True, "at_most": 2},
    {"from": "review", "to": "end", "otherwise": True, "pass": "draft"},
)


def test_rule_10_a_loop_that_is_used_up_fails_the_run_as_exhausted() -> None:
    run = play(plan_of(*LOOP), draft={"text": "x"}, review={"ok": False})
    assert (run.status, run.end.code, len(run.visits("draft"))) == ("failed", "exhausted", 3)


def test_rule_10_exhausted_can_be_handled_with_an_outcome() -> None:
    plan = plan_of(*LOOP, {"from": "review", "on": "exhausted", "to": "end", "outcome": "gave_up", "pass": "draft"})
    run = play(plan, draft={"text": "x"}, review={"ok": False})
    assert (run.status, run.end.outcome, run.result) == ("done", "gave_up", {"text": "x"})


def test_rule_11_a_revised_visit_has_the_input_unchanged_and_the_feedback_apart() -> None:
    run = play(
        plan_of(*LOOP), {"task": 7}, draft=[{"v": 1}, {"v": 2}], review=[{"ok": False, "say": "no"}, {"ok": True}]
    )
    second = [event for event in run.of(HopStarted) if event.role == "draft"][1]
    assert second.input.value == {"task": 7}
    assert second.previous is not None
    assert second.feedback is not None
    assert (second.previous.value, second.feedback.value) == ({"v": 1}, {"ok": False, "say": "no"})
    assert run.result == {"v": 2}


def test_rule_13_an_unhandled_failure_fails_the_run() -> None:
    run = play(plan_of(*CHAIN), a="fail:broken")
    assert (run.status, run.end.code) == ("failed", "broken")


def test_rule_13_a_timeout_is_an_event_of_its_own() -> None:
    plan = plan_of(*CHAIN, {"from": "a", "on": "timeout", "to": "end", "outcome": "late"})
    assert play(plan, a="fail:timeout").end.outcome == "late"


def test_rule_13_a_pass_that_cannot_be_built_is_a_failure_of_the_sender_before_the_receiver_plays() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "b", "pass": {"n": "out.missing"}},
        {"from": "a", "on": "failed", "to": "end", "outcome": "caught", "pass": "out.code"},
        {"from": "b", "to": "end"},
    )
    run = play(plan, a={})
    assert (run.visits("b"), run.end.outcome) == ([], "caught")


def test_an_error_in_a_condition_is_never_false_it_fails_the_run() -> None:
    plan = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end", "when": "out.missing"})
    assert play(plan, a={}).end.code == "condition-error"
    plan = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end", "when": "out.n"})
    assert play(plan, a={"n": 1}).end.code == "condition-error"


def gated(**more: object) -> object:
    return plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "b", "touchpoint": "gate"},
        {"from": "b", "to": "end"},
        touchpoints={"gate": more},
    )


def test_rule_14_approval_delivers_exactly_those_bytes() -> None:
    run = play(gated(), a={"n": 1}, b={"done": True}, answers={"gate": ["approve"]})
    assert run.visits("b") == [{"n": 1}]
    assert run.of(Decided)[0].shown == run.of(Asked)[0].payload.digest


def test_rule_14_an_edit_goes_on_and_leaves_the_senders_output_unchanged() -> None:
    run = play(gated(), a={"n": 1}, b={}, answers={"gate": [("edit", {"n": 2})]})
    assert run.visits("b") == [{"n": 2}]
    assert run.of(HopFinished)[0].output.value == {"n": 1}


def test_rule_14_a_rejection_without_a_handoff_rejects_the_run() -> None:
    run = play(gated(), a={}, answers={"gate": [("reject", "too much")]})
    assert (run.status, run.visits("b"), run.end.message) == ("rejected", [], "too much")


def test_rule_14_a_rejection_can_be_handed_back_with_its_reason() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "b", "touchpoint": "gate"},
        {"from": "gate", "on": "rejected", "to": "a", "revise": True, "at_most": 1, "pass": {"why": "out.reason"}},
        {"from": "b", "to": "end", "pass": "gate"},
        touchpoints={"gate": {}},
    )
    run = play(plan, a=[{"n": 1}, {"n": 2}], b={}, answers={"gate": [("reject", "again"), "approve"]})
    assert [event.feedback.value for event in run.of(HopStarted) if event.feedback] == [{"why": "again"}]
    assert run.result == {"decision": "approve", "payload": {"n": 2}, "reason": "", "by": "test"}


def test_rule_14_a_false_condition_passes_and_says_so_and_an_error_means_ask() -> None:
    assert [event.decision for event in play(gated(when="payload.n > 5"), a={"n": 1}, b={}).of(Decided)] == [
        "not-asked"
    ]
    run = play(gated(when="payload.missing > 5"), a={"n": 1}, b={})
    assert (run.of(Decided), run.status) == ([], None)
    assert "could not be evaluated" in run.of(Asked)[0].why


def test_rule_14_silence_never_approves_and_time_over_means_rejected() -> None:
    run = play(gated(within=10.0), a={})
    assert run.status is None
    asked = run.of(Asked)[0]
    assert asked.due == asked.at + 10.0
    run.fact(Decided(asked.due, 1, "expired", asked.payload.digest, by="choreo"))
    assert (run.status, run.visits("b")) == ("rejected", [])


def test_rule_14_a_newer_payload_withdraws_the_older_question() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": {"any": ["a", "b"]}, "to": "c", "touchpoint": "gate"},
        {"from": "c", "to": "end"},
        touchpoints={"gate": {}},
    )
    run = play(plan, a={"n": 1}, b={"n": 2}, c={})
    assert [event.decision for event in run.of(Decided)] == ["withdrawn"]
    assert len(run.position.questions) == 1


def test_rule_14_what_goes_to_several_receivers_is_asked_for_each_of_them() -> None:
    """One payload each: none of them is a newer one of the other, and to withdraw it would lose a branch."""
    several: tuple[list[dict[str, Any]], ...] = (
        [{"from": "s", "to": ["a", "b"], "touchpoint": "gate"}],
        [{"from": "s", "to": ["a", "b"], "pick": "['a', 'b']", "touchpoint": "gate"}],
        [{"from": "s", "to": "a", "touchpoint": "gate"}, {"from": "s", "to": "b", "touchpoint": "gate"}],
        [
            {"from": "s", "to": "a", "touchpoint": "gate"},
            {"from": "s", "to": "x"},
            {"from": "x", "to": "b", "touchpoint": "gate"},
        ],
    )
    for handoffs in several:
        ends = [{"from": ["a", "b"], "to": "c"}, {"from": "c", "to": "end"}]
        plan = plan_of({"from": "trigger", "to": "s"}, *handoffs, *ends, touchpoints={"gate": {}})
        run = play(plan, s={"n": 1}, x={"n": 2}, a={"n": 10}, b={"n": 20}, c={})
        asked = run.of(Asked)
        assert (len(run.position.questions), run.of(Decided)) == (2, [])
        for one in asked:
            run.fact(Decided(one.at, one.question, "approve", one.payload.digest, by="Ann"))
        run.go_on()
        assert run.visits("c") == [{"a": {"n": 10}, "b": {"n": 20}}]
        assert run.status == "done"


def test_rule_14_what_the_same_handoff_brings_again_is_newer_whoever_it_goes_to() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["s", "t"]},
        {"from": "t", "to": "s"},
        {"from": "s", "to": ["a", "b"], "pick": "visits.s == 1 ? 'a' : 'b'", "touchpoint": "gate"},
        {"from": {"any": ["a", "b"]}, "to": "end"},
        touchpoints={"gate": {}},
    )
    run = play(plan, s={"n": 1}, t={"n": 2})
    assert [event.decision for event in run.of(Decided)] == ["withdrawn"]
    assert [one.arrival.target for one in run.position.questions.values()] == ["b"]


def test_rule_15_other_branches_play_to_rest_and_a_second_arrival_fails_the_run() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "a", "to": "end"},
        {"from": "b", "to": "end", "when": "out.n > 1"},
    )
    for seed in range(4):
        run = play(plan, seed=seed, a={}, b={"n": 1})
        assert run.status == "done"
        assert len(run.of(HopFinished)) == 2
        assert play(plan, seed=seed, a={}, b={"n": 2}).end.code == "two-results"


def test_rule_15_fail_ends_at_once_and_keeps_the_payload() -> None:
    plan = plan_of({"from": "trigger", "to": "a"}, {"from": "a", "to": "end", "fail": True, "outcome": "no_order"})
    run = play(plan, a={"n": 1})
    assert (run.status, run.end.outcome, run.result) == ("failed", "no_order", {"n": 1})


def test_rule_16_a_limit_stops_the_run_and_more_lets_it_go_on() -> None:
    from choreo.trace import LimitsRaised

    run = play(plan_of(*CHAIN, limits={"hops": 1}), a={"n": 1}, b={})
    assert (run.status, run.end.code, run.visits("b")) == ("limit", "limit-hops", [])
    run.fact(LimitsRaised(2000.0, {"hops": 5}))
    run.go_on()
    assert (run.status, run.visits("b")) == ("done", [{"n": 1}])


def test_rule_16_over_budget_is_an_event_of_the_source() -> None:
    plan = plan_of(*CHAIN, {"from": "a", "on": "over_budget", "to": "end", "outcome": "partial"}, limits={"cost": 0.5})
    run = play(plan, a={"n": 1, "$cost": 0.6})
    assert (run.status, run.end.outcome, run.result) == ("done", "partial", {"n": 1})


def test_pick_chooses_among_the_targets_and_ignores_names_outside() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b", "c"], "pick": "trigger.who"},
        {"from": ["a", "b", "c"], "to": "end"},
    )
    run = play(plan, {"who": ["c", "a", "nobody"]}, a={"n": 1}, b={}, c={"n": 3})
    assert run.result == {"a": {"n": 1}, "b": None, "c": {"n": 3}}


def test_a_human_role_waits_for_its_person_and_then_gives_their_answer() -> None:
    plan = plan_of(*CHAIN, roles={"a": HUMAN})
    run = play(plan, {"x": 1}, b={}, answers={"a": [("fill", {"y": 2})]})
    assert (run.visits("b"), run.status) == ([{"y": 2}], "done")
    declined = play(plan, b={}, answers={"a": [("reject", "not mine")]})
    assert (declined.end.code, declined.end.message) == ("declined", "a: not mine")


def test_an_effect_that_was_cut_short_is_decided_by_a_person() -> None:
    from choreo.trace import RunResumed

    plan = plan_of(*CHAIN, roles={"b": {"effect": "once"}})
    for answer, status in ((("done", {"ok": 1}), "done"), ("redo", "done"), ("stop", "failed")):
        run = play(plan, a={}, b={"ok": 2})
        cut = next(i for i, e in enumerate(run.events) if isinstance(e, HopStarted) and e.role == "b")
        run.events = run.events[: cut + 1]
        other = run.again()
        other.script.answers = {"b": [answer]}
        other.fact(RunResumed(5.0, "test"))
        assert other.of(Asked)[0].kind == "in_doubt"
        other.go_on()
        assert other.status == status


def test_every_handoff_names_its_causes() -> None:
    run = play(plan_of(*CHAIN), a={}, b={})
    assert [event.sources for event in run.of(HandedOver)] == [(("trigger", 0),), (("hop", 1),), (("hop", 2),)]
