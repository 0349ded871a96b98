"""Answers from flags and from scripts: no more than the question allows."""

import asyncio

import pytest

from choreo.canonical import Payload
from choreo.errors import UsageError
from choreo.gates.base import Answer, Question
from choreo.gates.fields import Unreadable, concerns, describe, fields_of, parse
from choreo.gates.flags import answer_from_flags
from choreo.gates.script import ScriptGate

SEEN = Payload.of({"amount": 250})


def question(**changes):
    base = {"run": "r1", "number": 1, "kind": "approve", "name": "gate", "ask": "?", "why": (), "facts": ()}
    return Question(**{**base, "payload": SEEN, "contract": "refund@1.0.0", **changes})


def check(value):
    return () if isinstance(value, dict) and "amount" in value else ("/amount: required, but missing",)


def flags(asked, **given):
    return answer_from_flags(asked, check, by="vera", **given)


def test_each_flag_gives_its_answer_bound_to_the_payload():
    assert flags(question(), approve=True, note="fine") == Answer("approve", SEEN.digest, "vera", reason="fine")
    assert flags(question(), reject=True, note="no") == Answer("reject", SEEN.digest, "vera", reason="no")
    edited = flags(question(), edit=b'{"amount": 200}')
    assert (edited.decision, edited.payload, edited.digest) == ("edit", Payload.of({"amount": 200}), SEEN.digest)
    assert flags(question(kind="fill"), edit=b'{"amount": 1}').decision == "fill"
    assert flags(question(kind="in_doubt"), edit=b'{"amount": 1}').decision == "done"
    assert flags(question(kind="in_doubt"), reject=True, note="unsure").decision == "stop"


@pytest.mark.parametrize(
    ("asked", "given", "code", "said"),
    [
        ({}, {}, "one-decision", "none of them"),
        ({}, {"approve": True, "reject": True}, "one-decision", "--approve and --reject"),
        ({}, {"approve": True, "edit": b"{}"}, "one-decision", "--approve and --edit"),
        ({}, {"reject": True}, "reason-needed", "needs a reason"),
        ({}, {"reject": True, "note": "  "}, "reason-needed", "needs a reason"),
        ({"may": ("reject",)}, {"approve": True}, "not-allowed", "--approve"),
        ({"may": ("approve",)}, {"reject": True, "note": "x"}, "not-allowed", "--reject"),
        ({"may": ("approve",)}, {"edit": b'{"amount": 1}'}, "not-allowed", "--edit"),
        ({"kind": "fill"}, {"approve": True}, "not-allowed", "form"),
        ({"kind": "fill"}, {"reject": True, "note": "x"}, "not-allowed", "nothing to reject"),
        ({"kind": "in_doubt"}, {"approve": True}, "not-allowed", "in doubt"),
        ({}, {"edit": b""}, "bad-edit", "not JSON"),
        ({}, {"edit": b'{"a": "\xff"}'}, "bad-edit", "not UTF-8"),
        ({}, {"edit": b'{"total": 1}'}, "bad-edit", "/amount: required, but missing"),
    ],
)
def test_flags_that_do_not_fit_are_refused(asked, given, code, said):
    with pytest.raises(UsageError) as caught:
        flags(question(**asked), **given)
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.help


def ask(gate, *asked):
    async def go():
        return [await gate.ask(each, check) for each in asked]

    return asyncio.run(go())


def test_a_script_answers_in_order_and_then_puts_off():
    gate = ScriptGate({"gate": ["approve", ("reject", "too much"), ("edit", {"amount": 1}), "quit"]})
    answers = ask(gate, *[question(number=number) for number in range(1, 6)])
    assert [getattr(answer, "decision", answer) for answer in answers] == ["approve", "reject", "edit", "quit", "later"]
    assert answers[1].reason == "too much"
    assert answers[2].payload == Payload.of({"amount": 1})
    assert all(answer.by == "script" and answer.digest == SEEN.digest for answer in answers[:3])
    assert [each.number for each in gate.asked] == [1, 2, 3, 4, 5]


def test_a_script_takes_a_single_answer_and_whole_answers():
    whole = Answer("approve", "sha256:stale", "eve")
    assert ask(ScriptGate({"gate": "approve"}), question())[0].decision == "approve"
    assert ask(ScriptGate({"gate": whole}), question()) == [whole]
    assert ask(ScriptGate({"gate": ("fill", {"amount": 2})}), question(kind="fill"))[0].decision == "fill"
    assert ask(ScriptGate({"gate": "redo"}), question(kind="in_doubt"))[0].decision == "redo"
    assert ask(ScriptGate({}), question()) == ["later"]


@pytest.mark.parametrize("given", ["redo", "yes", ("reject", " "), ("edit", {"no": 1}), ("edit", float("nan"))])
def test_a_script_cannot_answer_what_a_person_could_not(given):
    with pytest.raises(UsageError):
        ask(ScriptGate({"gate": [given]}), question())


# -- fields --------------------------------------------------------------------------------------

SCHEMA = {
    "$defs": {"money": {"type": "number", "title": "An amount in EUR"}},
    "required": ["z", "list"],
    "properties": {
        "note": {"type": ["string", "null"]},
        "z": {"enum": [10, 2, "ten", None]},
        "list": {"type": "array"},
        "money": {"$ref": "#/$defs/money"},
        "any": True,
    },
}
FIELDS = {field.name: field for field in fields_of(SCHEMA, {"note": "Anything else?"})}


def test_required_fields_come_first_with_their_questions():
    assert list(FIELDS) == ["z", "list", "note", "money", "any"]
    assert FIELDS["note"].text == "Anything else?"
    assert FIELDS["money"].text == "An amount in EUR"
    assert describe(SCHEMA)[0] == 'z (10 | 2 | "ten" | null, required)'


def test_a_contract_without_properties_is_one_field():
    (field,) = fields_of({"type": "string"}, {})
    assert field.whole
    assert parse(field, "hello ") == "hello "
    assert describe({"type": "string"}) == []


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("z", "2", 2),
        ("z", "1", 10),
        ("z", "ten", "ten"),
        ("z", "4", None),
        ("list", '["a", 1]', ["a", 1]),
        ("note", "null", None),
        ("note", "12 apples", "12 apples"),
        ("money", "12.50", 12.5),
        ("any", "[1", "[1"),
        ("any", "[1]", [1]),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_field(name, typed, value):
    assert parse(FIELDS[name], typed) == value


@pytest.mark.parametrize(("name", "typed"), [("z", "10"), ("z", "0"), ("z", "x"), ("list", "a, b"), ("money", "12,50")])
def test_what_is_no_value_of_the_field_is_not_taken(name, typed):
    with pytest.raises(Unreadable):
        parse(FIELDS[name], typed)


def test_a_violation_belongs_to_the_field_its_pointer_names():
    money = FIELDS["money"]
    assert concerns(money, "/money: too much")
    assert concerns(money, "at `/money/0` expected a number")
    assert not concerns(money, "/money_back: missing")
    assert not concerns(money, "/a/money: missing")
