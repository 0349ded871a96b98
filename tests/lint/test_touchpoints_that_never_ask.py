"""Touchpoints that can never ask count as none, and those that can never approve let nothing through."""

from __future__ import annotations

import pytest
from spec_texts import HEAD, codes, problems

SPEC = (
    HEAD
    + """\
map:
  people: {lead: Lead}
  decisions: [{what: Pay, by: decide, stakes: high}, {what: Sign, by: lead, stakes: high}]
roles:
  decide: {kind: reasoner, set: "{'action': 'pay', 'amount': 3}", accepts: thing@^1, emits: choice@1.0.0}
  pay: {kind: actor, set: "{'id': 1}", accepts: choice@^1, emits: thing@1.0.0}
handoffs:
  - {from: trigger, to: decide}
  - {from: decide, to: pay, touchpoint: ok}
  - {from: pay, to: end}
touchpoints:
  ok: {ask: Pay?, who: lead, %s}
contracts:
  thing@1.0.0: {type: object, required: [id]}
  choice@1.0.0:
    type: object
    required: [action, amount]
    properties:
      action: {enum: [pay, refuse]}
      amount: {type: integer, minimum: 0, maximum: 500}
      note: {type: string}
      share: {type: number}
"""
)
NEVER = ["never-asks", "ungated-actor", "unseen-decision", "unseen-decision"]


@pytest.mark.parametrize(
    "when",
    [
        "false",
        "1 > 2",
        "size('') > 0",
        "false && payload.note == 'x'",
        "payload.note == 'x' && payload.note != 'x'",
        "payload.note == 'x' && payload.note == 'y'",
        "!(payload.action in ['pay', 'refuse'])",
        "payload.amount > 100 && payload.amount < 50",
        "payload.amount > 3 && payload.amount < 4",
        "payload.amount > 500",
        "trigger.x == 1 && trigger.x == 2",
    ],
)
def test_a_when_that_is_never_true_makes_a_touchpoint_none(when: str) -> None:
    found = [code for code in codes(SPEC % f'when: "{when}"') if code in {*NEVER}]
    assert sorted(found) == NEVER


@pytest.mark.parametrize(
    "when",
    [
        "true",
        "1 / 0 > 1",
        "'no'",
        "payload.amount > 3 && payload.amount < 5",
        "payload.amount >= 500",
        "payload.share > 3.0 && payload.share < 4.0",
        "payload.note != 'x' && payload.note != 'y'",
        "payload.note == 'x' || payload.note != 'x'",
        "payload.note != trigger.x",
        "payload.note < trigger.x",
        "trigger.x > 3 && trigger.y > trigger.x",
        "trigger.x > 5 && trigger.x < 3",
        "payload.note.size() > 3 && payload.note.size() < 2",
        "has(payload.note)",
    ],
)
def test_a_when_that_may_be_true_or_fail_or_that_cannot_be_told_asks(when: str) -> None:
    assert not {*codes(SPEC % f'when: "{when}"')} & {*NEVER}


def test_without_approve_or_edit_nothing_gets_through() -> None:
    def told(more: str) -> list[tuple[str, str]]:
        return [(one.severity, one.message) for one in problems(SPEC % more) if one.code == "never-approves"]

    nobody = "nobody can say yes at `ok` (its `may` has no `approve`): `pay` is "
    assert told("may: [reject]") == [("error", nobody + "never reached through it")]
    assert told("may: [reject], when: '2 > 1'") == [("error", nobody + "never reached through it")]
    assert told("may: [reject], when: 'payload.amount > 3'") == [
        ("warning", nobody + "reached through it only unasked")
    ]
    assert told("may: [edit, reject]") == told("may: [approve]") == []
