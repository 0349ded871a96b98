"""Where a person's no, or the end of asking, must not let the guarded actor act."""

from __future__ import annotations

from spec_texts import flow, problems

PAY = "  {}: {{kind: actor, set: input, accepts: thing@^1, emits: thing@1.0.0}}"
LEAD = "  lead: {kind: reviewer, human: {who: lead}, accepts: thing@^1, emits: thing@1.0.0}"
WAY = ("from: trigger, to: draft", "from: draft, to: pay, touchpoint: ok", "from: pay, to: end")
GATE = "touchpoints:\n  ok: {ask: Go on?}"


def found(*handoffs: str, roles: str = PAY.format("pay")) -> list[tuple[str, str]]:
    told = problems(flow(*WAY, *handoffs, roles=roles, more=GATE))
    return [(one.severity, one.message) for one in told if one.code == "refusal-approves"]


def test_a_refused_actor_does_not_act_directly_or_behind_other_roles() -> None:
    acts = [("error", "when a person says no at `ok`, `pay` acts all the same")]
    assert found("from: ok, on: rejected, to: pay, pass: draft") == acts
    assert found("from: ok, on: rejected, to: a, pass: draft", "from: a, to: b", "from: b, to: pay") == acts


def test_the_last_no_of_a_loop_is_a_no() -> None:
    again = "from: ok, on: rejected, to: draft, revise: true, at_most: 1"
    assert found(again, "from: ok, on: exhausted, to: pay, pass: draft") == [
        ("error", "when a person says no at `ok`, `pay` acts all the same")
    ]
    assert found(again, "from: ok, on: exhausted, to: end, pass: draft") == []


def test_a_refusal_may_go_back_to_the_touchpoint_to_another_person_or_to_another_actor() -> None:
    assert found("from: ok, on: rejected, to: draft, revise: true, at_most: 1") == []
    assert found("from: ok, on: rejected, to: pay, pass: draft, at_most: 1, touchpoint: ok") == []
    tell = "\n".join((PAY.format("pay"), PAY.format("tell")))
    assert found("from: ok, on: rejected, to: tell, pass: draft", "from: tell, to: end", roles=tell) == []
    lead = "\n".join((PAY.format("pay"), LEAD))
    assert found("from: ok, on: rejected, to: lead, pass: draft", "from: lead, to: pay", roles=lead) == []


def test_what_is_done_anew_and_gets_past_the_touchpoint_is_told_as_a_warning() -> None:
    small = "from: draft, to: pay, also: true, when: 'visits.draft > 1'"
    assert found("from: ok, on: rejected, to: draft, revise: true, at_most: 1", small) == [
        ("warning", "when a person says no at `ok`, `pay` may act without being asked about again")
    ]


def test_another_role_than_an_actor_goes_on_after_a_no_only_with_another_payload() -> None:
    reader = PAY.format("pay").replace("actor", "reader")
    same = [("error", "when a person says no at `ok`, `pay` goes on all the same")]
    assert found("from: ok, on: rejected, to: pay, pass: draft", roles=reader) == same
    assert found("from: ok, on: rejected, to: pay, pass: out.payload", roles=reader) == same
    assert found("from: ok, on: rejected, to: pay, pass: {id: \"'no'\"}", roles=reader) == []


def test_a_person_who_declines_has_not_said_yes() -> None:
    one = LEAD.replace("lead:", "one:", 1)
    handoffs = ("from: trigger, to: one", "from: one, to: pay", "from: pay, to: end")
    declined = flow(*handoffs, "from: one, on: failed, to: pay, pass: trigger", roles=f"{PAY.format('pay')}\n{one}")
    (told,) = (one for one in problems(declined) if one.code == "refusal-approves")
    assert told.message == "when a person declines at `one`, `pay` acts all the same"
    assert told.also == ((told.also[0][0], "`one` stands before it here"),)
    assert not [
        one for one in problems(declined.replace("failed, to: pay", "failed, to: end")) if "-approves" in one.code
    ]


def test_what_never_asks_is_never_refused_and_guards_nothing_on_the_way() -> None:
    refused = "from: ok, on: rejected, to: pay, pass: draft"
    text = flow(*WAY, refused, roles=PAY.format("pay"), more=GATE.replace("Go on?", "Go on?, when: 'false'"))
    assert [one.code for one in problems(text) if "approves" in one.code] == []
    through = (refused.replace("to: pay", "to: a"), "from: a, to: pay, touchpoint: idle")
    idle = f"{GATE}\n  idle: {{ask: Really?, when: 'false'}}"
    text = flow(*WAY, *through, roles=PAY.format("pay"), more=idle)
    assert [one.severity for one in problems(text) if one.code == "refusal-approves"] == ["error"]
