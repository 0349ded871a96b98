"""`choreo replay`: what has not changed is taken from the record, the rest is played, effects are not done again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from runners.replaying import CHAIN, Desk, desk_in

from choreo import api
from choreo.commands.resume import resume
from choreo.commands.review import Flags, review
from choreo.errors import UsageError
from choreo.trace import Decided, HopFinished, Recalled


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk_in(tmp_path, monkeypatch)


def test_a_replay_of_what_has_not_changed_plays_nothing_and_says_where_it_took_everything_from(desk: Desk) -> None:
    desk.write(CHAIN)
    assert desk.run() == 0
    first = desk.record
    assert desk.replay() == 0
    assert len(desk.model.calls) == 3
    assert desk.taken == {"a": "reused", "b": "reused", "c": "reused"}
    assert desk.store.taken(desk.record)[2] == ("reused", first.id, 2)
    assert (first.cost, desk.record.cost, desk.record.priced) == (1.5, 0.0, True)
    assert desk.record.settings["replay_of"] == desk.record.labels["replay_of"] == first.id
    assert desk.store.verify(desk.record)


def test_a_changed_prompt_plays_that_role_and_what_follows_from_it(desk: Desk) -> None:
    desk.write(CHAIN)
    desk.run()
    desk.write(CHAIN.replace("Second", "Second and kinder"))
    assert desk.replay(spec="spec.yaml") == 0
    assert desk.taken == {"a": "reused", "b": "played", "c": "played"}
    assert len(desk.model.calls) == 5


def test_what_follows_is_taken_again_where_the_changed_role_gives_what_it_gave(desk: Desk) -> None:
    desk.write(CHAIN)
    desk.run()
    desk.write(CHAIN.replace("Second", "Second and kinder"))
    desk.model.answers = [{"n": 2}]
    assert desk.replay(spec="spec.yaml") == 0
    assert desk.taken == {"a": "reused", "b": "played", "c": "reused"}


def test_without_a_spec_the_one_the_run_has_kept_is_played(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(CHAIN)
    desk.run()
    desk.write(CHAIN.replace("Second", "Second and kinder"))
    assert desk.replay() == 0
    assert "spec.yaml has changed since that run" in capsys.readouterr().err
    assert len(desk.model.calls) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("temperature: 0", "temperature: 1"),
        ("model: openai/small", "model: openai/large"),
        ("any@1.0.0: {type: object,", "any@1.0.0: {type: object, minProperties: 1,"),
    ],
)
def test_model_settings_and_contracts_are_part_of_what_a_role_is(desk: Desk, old: str, new: str) -> None:
    path = desk.write(CHAIN)
    desk.run()
    written = (desk.folder / path).read_text()
    assert old in written
    (desk.folder / path).write_text(written.replace(old, new))
    desk.replay(spec=path)
    assert set(desk.taken.values()) == {"played"}


def test_prices_times_retries_and_places_in_the_file_are_not(desk: Desk) -> None:
    path = desk.write(CHAIN)
    desk.run()
    written = (desk.folder / path).read_text()
    moved = written.replace("params:", "timeout: 9s, price: {input: 1, output: 2}, params:")
    (desk.folder / path).write_text("# a comment\n" + moved.replace("prompt: Second", "timeout: 8s, prompt: Second"))
    assert desk.replay(spec=path) == 0
    assert set(desk.taken.values()) == {"reused"}


def test_another_model_is_asked_where_one_is_named(desk: Desk) -> None:
    desk.write(CHAIN)
    desk.run()
    assert desk.replay(models=["small=openai/other"]) == 0
    assert desk.model.calls[3:] == ["openai/other"] * 3
    assert desk.record.settings["models"] == {"small": "openai/other"}
    assert desk.replay() == 0
    assert len(desk.model.calls) == 6


@pytest.mark.parametrize("spec", [None, "spec.yaml"])
def test_a_model_that_the_spec_does_not_have_is_refused_as_in_a_run(desk: Desk, spec: str | None) -> None:
    desk.write(CHAIN)
    desk.run()
    first = desk.record.id
    with pytest.raises(UsageError, match="the spec has no model `nope`"):
        desk.replay(spec=spec, models=["nope=openai/other"])
    assert desk.record.id == first


def test_from_plays_a_role_and_what_follows_anew_even_where_nothing_has_changed(desk: Desk) -> None:
    desk.write(CHAIN)
    desk.run()
    desk.model.answers = [{"n": 2}]
    assert desk.replay(since="b") == 0
    assert desk.taken == {"a": "reused", "b": "played", "c": "played"}
    with pytest.raises(UsageError, match="no hop of a role `d`"):
        desk.replay(since="d")


LANES = """
roles:
  split: {kind: reader, does: Split, set: {list: "[1, 1, 2]"}, emits: {type: object}}
  one: {kind: researcher, does: Look, model: small, accepts: any@^1, emits: any@1.0.0}
  all: {kind: reasoner, does: Sum, set: {n: input.given.size()}, accepts: {type: object}, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: split}
  - {from: split, to: one, each: out.list, pass: {n: item}}
  - {from: one, to: all, gather: true, pass: {given: out}}
  - {from: all, to: end}
"""


def test_each_recorded_hop_stands_for_one_hop_and_lanes_find_their_own(desk: Desk) -> None:
    desk.write(LANES)
    desk.model.answers = [{"n": 10}, {"n": 20}, {"n": 30}]
    assert desk.run() == 0
    before = [event.output for event in desk.events if isinstance(event, HopFinished)]
    assert desk.replay() == 0
    after = [event.output for event in desk.events if isinstance(event, HopFinished)]
    assert sorted(before, key=repr) == sorted(after, key=repr)
    links = [hop for _, _, hop in desk.store.taken(desk.record).values()]
    assert len(links) == len(set(links)) == 5


def test_what_is_gathered_follows_from_its_lanes(desk: Desk) -> None:
    desk.write(LANES)
    desk.model.answers = [{"n": 10}, {"n": 20}, {"n": 30}] * 2
    desk.run()
    assert desk.replay(since="one") == 0
    assert desk.taken == {"split": "reused", "one": "played", "all": "played"}


CODE = """
roles:
  work: {kind: researcher, does: Work, service: {python: "%s:work"}, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: work}
  - {from: work, to: end}
"""


def test_a_changed_python_module_is_called_again(desk: Desk) -> None:
    desk.write(CODE % "changing_service", changing_service="def work(given): return {'n': 1}")
    desk.run()
    assert desk.replay() == 0
    assert desk.taken == {"work": "reused"}
    desk.write(CODE % "changing_service", changing_service="def work(given): return {'n': 100}")
    assert desk.replay() == 0
    assert desk.taken == {"work": "played"}


GATED = """
roles:
  a: {kind: reader, does: Read, model: small, emits: any@1.0.0}
  pay:
    {kind: actor, does: Pay, service: {python: "paying_desk:pay"}, accepts: any@^1, emits: any@1.0.0, effect: once}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: pay, touchpoint: gate}
  - {from: pay, to: end, pass: {n: pay.n, by: gate.by, why: gate.reason}}
touchpoints:
  gate: {ask: Good?, stakes: high}
"""
PAY = """
def pay(given):
    with open("paid.txt", "a") as file:
        file.write("x")
    return {"n": given["n"]}

def fail(given):
    raise OSError
"""


def paid(desk: Desk) -> int:
    return len((desk.folder / "paid.txt").read_text())


def test_a_decision_on_the_same_payload_is_taken_again_with_who_made_it(desk: Desk) -> None:
    desk.write(GATED, paying_desk=PAY)
    assert desk.run() == 4
    assert desk.approve(by="bob") == 0
    first = desk.record
    assert desk.replay() == 0
    (made,) = [event for event in desk.events if isinstance(event, Decided)]
    (link,) = [event for event in desk.events if isinstance(event, Recalled)]
    assert (made.decision, made.by, made.reason) == ("approve", "bob", "fine")
    assert (link.question, link.run, link.earlier) == (1, first.id, 1)
    assert desk.taken == {"a": "reused", "pay": "reused"}
    assert paid(desk) == 1
    assert desk.store.verify(desk.record)


def test_another_payload_is_asked_anew_and_the_recorded_receipt_stands_for_the_effect(desk: Desk) -> None:
    desk.write(GATED, paying_desk=PAY)
    desk.run()
    desk.approve()
    assert desk.replay(since="a") == 4  # the model says n=2 this time
    assert desk.approve() == 0
    assert desk.taken == {"a": "played", "pay": "receipt"}
    assert paid(desk) == 1


def test_an_effect_without_a_receipt_stops_the_replay_until_someone_allows_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.write(GATED.replace("paying_desk:pay", "paying_desk:fail"), paying_desk=PAY)
    desk.run()
    assert desk.approve() == 1
    desk.write(GATED)
    assert desk.replay(spec="spec.yaml") == 4
    assert "a replay does not do effects again" in capsys.readouterr().err
    assert not (desk.folder / "paid.txt").exists()
    assert resume("last", limits=(), options=desk.options) == 4
    assert api.resume("last", db=desk.options.db).status == "waiting"
    assert resume("last", limits=(), options=replace(desk.options, effects=True)) == 0
    assert paid(desk) == 1
    decisions = [(event.decision, event.by) for event in desk.events if isinstance(event, Decided)]
    assert decisions == [("approve", "ann"), ("redo", "ann")]


def test_a_receipt_of_another_role_stands_for_nothing(desk: Desk) -> None:
    desk.write(GATED.replace("pay:", "settle:").replace("to: pay", "to: settle").replace("from: pay", "from: settle")
               .replace("pay.n", "settle.n"), "other.yaml")  # fmt: skip
    desk.write(GATED, paying_desk=PAY)
    desk.run()
    desk.approve()
    assert desk.replay(spec="other.yaml") == 4
    assert paid(desk) == 1
    assert resume("last", limits=(), options=replace(desk.options, effects=True)) == 0
    assert paid(desk) == 2


def test_with_effects_what_cannot_be_taken_from_the_record_is_done_and_the_rest_is_not(desk: Desk) -> None:
    desk.write(GATED, paying_desk=PAY)
    desk.run()
    desk.approve()
    first = desk.record.id
    assert desk.replay(effects=True) == 0
    assert paid(desk) == 1
    assert desk.replay(first, effects=True, since="pay") == 0
    assert (desk.taken, paid(desk)) == ({"a": "reused", "pay": "played"}, 2)


def test_effects_are_only_allowed_to_replays(desk: Desk) -> None:
    desk.write(GATED, paying_desk=PAY)
    desk.run()
    with pytest.raises(UsageError, match="is no replay"):
        resume("last", limits=(), options=replace(desk.options, effects=True))


def test_an_effect_with_a_key_that_was_done_elsewhere_gives_that_receipt(desk: Desk) -> None:
    keyed = GATED.replace("effect: once", "effect: once, key: string(input.n)")
    desk.write(keyed, paying_desk=PAY)
    desk.model.answers = [{"n": 7}, {"n": 8}, {"n": 7}]
    desk.run()
    desk.approve()
    done = desk.record.id
    desk.write(keyed.replace("paying_desk:pay", "paying_desk:fail"), paying_desk=PAY)
    desk.run()
    desk.approve()
    desk.write(keyed)
    assert desk.replay(spec="spec.yaml", since="a") == 4
    assert desk.approve() == 0
    assert desk.taken["pay"] == "receipt"
    assert desk.store.taken(desk.record)[2] == ("receipt", done, 2)
    assert paid(desk) == 1


POLL = """
roles:
  look: {kind: researcher, does: Look, service: {python: "polled_desk:look"}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: look}
  - {from: look, to: look, when: out.n < 3, pass: trigger, at_most: 5}
  - {from: look, to: end, otherwise: true}
"""


def test_a_role_that_is_asked_the_same_again_gives_what_it_gave_then_in_that_order(desk: Desk) -> None:
    module = "seen = []\ndef look(given):\n    seen.append(1)\n    return {'n': len(seen)}"
    desk.write(POLL, polled_desk=module)
    assert desk.run() == 0
    assert desk.replay() == 0
    outputs = [event.output.value for event in desk.events if isinstance(event, HopFinished) and event.output]
    assert outputs == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert desk.taken == {"look": "reused"}


PERSON = """
roles:
  a: {kind: reader, does: Read, model: small, emits: any@1.0.0}
  fill: {kind: drafter, does: Fill in, human: {who: me}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: fill}
  - {from: fill, to: end}
"""


def test_what_a_person_filled_in_is_taken_again_unless_it_is_to_begin_anew_there(desk: Desk) -> None:
    desk.write(PERSON)
    assert desk.run() == 4
    (desk.folder / "answer.json").write_text('{"n": 5}')
    assert review("last", flags=Flags(edit="answer.json"), options=desk.options) == 0
    first = desk.record.id
    assert desk.replay(first) == 0
    assert desk.replay(first, since="fill") == 4


def test_child_runs_take_from_the_child_runs_of_the_recorded_run(desk: Desk) -> None:
    desk.write(CHAIN, "below.yaml")
    above = """
    roles:
      sub: {kind: researcher, does: Play it, spec: below.yaml, accepts: any@^1, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: sub}
      - {from: sub, to: end}
    limits: {depth: 2}
    """
    desk.write(above)
    assert desk.run() == 0
    first = desk.record.id
    assert desk.replay(first) == 0
    (child,) = desk.store.below(desk.record.id)
    assert {kind for kind, _, _ in desk.store.taken(child).values()} == {"reused"}
    assert desk.replay(first, since="b") == 0
    (child,) = desk.store.below(desk.record.id)
    assert desk.store.taken(child) == {1: ("reused", f"{first}.1", 1)}
    assert len(desk.model.calls) == 5


def test_a_replay_that_waits_goes_on_taking_from_the_record_when_it_is_taken_up(desk: Desk) -> None:
    body = GATED.replace("{from: pay, to: end,", "{from: pay, to: c}\n  - {from: c, to: end,").replace(
        "handoffs:", "  c: {kind: reviewer, does: Review, model: small, accepts: any@^1, emits: any@1.0.0}\nhandoffs:"
    )
    desk.write(body, paying_desk=PAY)
    desk.run()
    desk.approve()
    (desk.folder / "spec.yaml").write_text(
        (desk.folder / "spec.yaml").read_text().replace("any@1.0.0: {", "any@1.0.0: {title: t, ")
    )
    changed = body.replace("does: Read", "does: Read well")
    desk.write(changed)
    desk.model.answers = [{"n": 9}]
    assert desk.replay(spec="spec.yaml") == 4
    assert desk.approve() == 0
    assert desk.taken == {"a": "played", "pay": "receipt", "c": "reused"}
