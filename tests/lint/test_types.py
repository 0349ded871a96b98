"""Types out of contracts, and what they say about an expression."""

from __future__ import annotations

from typing import Any

import pytest

from choreo.contract import Contract
from choreo.expression import ExpressionError, compile_expression, parse
from choreo.lint.findings import Findings
from choreo.lint.infer import Inference
from choreo.lint.schemas import of_contract
from choreo.lint.types import ANY, NULL, Type
from choreo.problem import Place
from choreo.spec import Expr

TEXT = {"type": "string"}


def shape(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


ORDER: dict[str, Any] = {
    **shape(
        ["id", "state", "price", "count", "paid", "lines", "buyer", "tags", "where"],
        id=TEXT,
        state={"enum": ["open", "sent", "lost"]},
        price={"type": "number"},
        count={"type": "integer"},
        paid={"type": "boolean"},
        coupon=TEXT,
        gift={"type": ["string", "null"]},
        lines={"type": "array", "items": {"$ref": "#/$defs/line"}},
        buyer={"allOf": [{"$ref": "#/$defs/person"}, {"required": ["mail"], "properties": {"mail": TEXT}}]},
        tags={"type": "array", "items": TEXT},
        extra={"type": "object", "additionalProperties": True, "properties": {"a": TEXT}},
        open={"type": "object"},
        where={"oneOf": [{"$ref": "#/$defs/shop"}, {"$ref": "#/$defs/post"}]},
    ),
    "$defs": {
        "line": shape(["what", "kind"], what=TEXT, kind={"enum": ["a", "b"]}, of={"$ref": "#/$defs/line"}),
        "person": shape(["name"], name=TEXT),
        "shop": shape(["kind", "street"], kind={"const": "shop"}, street=TEXT),
        "post": shape(["kind"], kind={"const": "post"}, box={"type": "integer"}),
    },
}
INSTANCE: dict[str, Any] = {
    "id": "o1", "state": "sent", "price": 2.5, "count": 2, "paid": True, "gift": None,
    "lines": [{"what": "x", "kind": "a"}], "buyer": {"name": "Ada", "mail": "a@b"}, "tags": ["t"],
    "extra": {"a": "1", "b": 2}, "open": {"z": 1}, "where": {"kind": "shop", "street": "s"},
}  # fmt: skip


def contract(schema: dict[str, Any]) -> Contract:
    return Contract("order", "1.0.0", schema, "sha256:0", Place("schemas/order/1.0.0.json"))


def read(text: str, **names: Type) -> tuple[Type, Findings]:
    known = {"o": of_contract(contract(ORDER)), "none": NULL, **names}
    found = Findings(Expr(text, Place("spec.yaml", 1, 1)))
    return Inference(lambda name: known.get(name, ANY), found).type(parse(text)), found


def told(text: str, **names: Type) -> list[str]:
    return [f"{one.place.column} {one.code}" for one in read(text, **names)[1].problems]


WRONG = [
    ("o.stat == 'sent'", "3 undeclared-field"),
    ("o.buyer.nam == 'x'", "9 undeclared-field"),
    ("o['buyer'].nam == 'x'", "12 undeclared-field"),
    ("o.lines[0].wat == 'x'", "12 undeclared-field"),
    ("o.lines.exists(l, l.wat == 'x')", "21 undeclared-field"),
    ("o.lines.filter(l, l.kind == 'a').map(l, l.wat).size() > 0", "43 undeclared-field"),
    ("has(o.stat)", "7 undeclared-field"),
    ("o.where.city == 'x'", "9 undeclared-field"),
    ("o.state == 'send'", "12 unknown-value"),
    ("'send' != o.state", "1 unknown-value"),
    ("o.state in ['open', 'gone']", "21 unknown-value"),
    ("o.lines.all(l, l.kind == 'c')", "26 unknown-value"),
    ("o.where.kind == 'port'", "17 unknown-value"),
    ("o.state == o.lines[0].kind", "1 unknown-value"),
    ("o.count == '2'", "1 type-clash"),
    ("o.id > 5", "1 type-clash"),
    ("o.id.size > 5", "6 type-clash"),
    ("o.count.contains('x')", "1 type-clash"),
    ("size(o.paid) > 0", "6 type-clash"),
    ("o.id + o.count", "1 type-clash"),
    ("o.count * 1.5 > 2.0", "1 type-clash"),
    ("o.id.exists(x, x == 'a')", "1 type-clash"),
    ("'a' in o.id", "8 type-clash"),
    ("o.count in ['a']", "13 type-clash"),
    ("string(o.lines) == ''", "8 type-clash"),
    ("o.price * 2.0 > 4.0", "1 bare-number"),
    ("o.price + o.price > 4.0", "1 bare-number"),
    ("o.count && true", "1 not-a-condition"),
    ("!o.id", "2 not-a-condition"),
    ("o.id ? 1 : 2", "1 not-a-condition"),
    ("o[0] == 1", "3 type-clash"),
    ("o.buyer[o.count] == 'x'", "9 type-clash"),
    ("o[o.paid] == 1", "3 type-clash"),
    ("o.tags[o.id] == 'x'", "8 type-clash"),
    ("o.tags['first'] == 'x'", "8 type-clash"),
    ("o.lines[-1].kind == 'a'", "9 type-clash"),
    ("o.id.matches('(a')", "14 pattern-syntax"),
    ("matches(o.id, 'a(?=b)')", "15 pattern-syntax"),
    ("o.tags.exists(t, t.matches('[a'))", "28 pattern-syntax"),
    ("o.state.startsWith('opened')", "20 unknown-value"),
    ("o.lines[0].kind.endsWith('z')", "26 unknown-value"),
    ("!o.state.contains('ee')", "19 unknown-value"),
    ("none.x == 1", "1 always-null"),
    ("none + 1", "1 always-null"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_can_never_work_is_found_at_its_column(text: str, expected: str) -> None:
    assert expected in told(text)
    severities = {one.severity for one in read(text)[1].problems if f"{one.place.column} {one.code}" == expected}
    assert severities == {"error"}


MAYBE = [
    ("o.coupon == 'x'", "3 maybe-missing"),
    ("o.lines.exists(l, l.of.kind == 'a')", "21 maybe-missing"),
    ("o.where.street == 'x'", "9 maybe-missing"),
    ("has(o.gift) && o.gift.startsWith('x')", "16 maybe-null"),
    ("has(o.gift) && size(o.gift) > 1", "21 maybe-null"),
    ("has(o.coupon) || o.coupon == 'x'", "20 maybe-missing"),
]


@pytest.mark.parametrize(("text", "expected"), MAYBE)
def test_what_does_not_work_for_some_values_is_a_warning(text: str, expected: str) -> None:
    assert told(text) == [expected]
    assert [one.severity for one in read(text)[1].problems] == ["warning"]


GOOD = [
    "o.state == 'sent' && o.count > 1 || !o.paid",
    "has(o.coupon) && o.coupon == 'x'",
    "has(o.coupon) ? o.coupon : ''",
    "!has(o.coupon) || o.coupon == 'x'",
    "o.coupon == 'x' && has(o.coupon)",
    "has(o.gift) && o.gift != null && o.gift.startsWith('x')",
    "has(o.gift) ? (o.gift == null ? '' : o.gift + '!') : ''",
    "o.price > 100 && o.price < 2.5 && o.count >= 2.0",
    "double(o.price) * 2.0 > 4.0 && -o.price < 1",
    "double(o.count) * 1.5 > 2.0",
    "o.count * 2 + 1 > 3 && o.count % 2 == 0",
    "has(o.extra) && o.extra.b == 2",
    "has(o.open) && o.open.z == 1",
    "o.lines.map(l, l.what).exists(w, w == 'x')",
    "o.lines.filter(l, l.kind == 'a').size() > 0",
    "o.lines.map(l, l.kind == 'a', l.what + '!').size() == 0",
    "o.lines[0].kind == 'a'",
    "o.tags[o.count - 2] == 't'",
    "o.tags[0.0] == 't'",
    "has(o.extra) && o.extra['b'] == 2",
    "o['i' + 'd'] == 'o1'",
    "o.id.matches('^(a|b)+[^c]\\\\.$') || matches(o.id, '')",
    "o.state.startsWith('op') || o.state.contains('en') || o.state.endsWith('t') || o.id.startsWith('x')",
    "o.tags + ['x'] == o.tags",
    "'t' in o.tags && o.tags.all(t, t.size() > 0)",
    "o.buyer.name + ' <' + o.buyer.mail + '>' != ''",
    "o.where.kind == 'shop'",
    "merge(o.buyer, {'age': 3}).age == 3",
    "merge(o.buyer, {'age': 3}).name == 'Ada'",
    "o.id == null || o.count == null",
    "[1, 2].exists(x, x == o.count)",
    "string(o.count) + o.id != ''",
    "{'a': o.id}.a == 'x'",
    "dyn(o).whatever == 1",
    "o.id.split(',').size() == 1",
    "type(o.count) == int",
    "size(o) > 0 && o.exists(k, k == 'id')",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_works_gives_no_finding(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize("text", [text for text, _ in WRONG if "always-null" not in _ and "unknown-value" not in _])
def test_what_is_said_to_fail_fails_or_compares_what_is_never_equal(text: str) -> None:
    """The evaluator agrees, on an instance that the contract allows."""
    try:
        value = compile_expression(text).evaluate({"o": INSTANCE})
    except ExpressionError:
        return
    assert value is False or "type-clash" in str(told(text)) or "bare-number" in str(told(text))


@pytest.mark.parametrize("text", [text for text in GOOD if "whatever" not in text])
def test_what_is_said_to_work_works(text: str) -> None:
    compile_expression(text).evaluate({"o": INSTANCE})


def test_what_a_schema_leaves_open_is_not_known() -> None:
    for schema in (
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x": {}}},
        {"type": "object", "properties": {"a": {}}, "if": {}, "then": {"properties": {"x1": {}}}},
        {"$ref": "https://example.org/other"},
        {"$ref": "#/$defs/loop", "$defs": {"loop": {"$ref": "#/$defs/loop"}}},
        {"anyOf": [{"type": "object", "properties": {"a": {}}}, {}]},
    ):
        assert told("x.x1 == 'a' && x.x1 + 1 > 2", x=of_contract(contract(schema))) == []


def test_a_field_of_any_listed_shape_may_be_read() -> None:
    kind, found = read("o.where.kind")
    assert kind.values == ("shop", "post")
    assert found.problems == []


def test_the_other_end_is_the_contract_with_its_pointer() -> None:
    _, found = read("o.lines.exists(l, l.kind == 'z')")
    (problem,) = found.problems
    assert problem.also == ((Place("schemas/order/1.0.0.json"), "order@1.0.0 at /$defs/line/properties/kind/enum"),)


def test_huge_choices_are_taken_as_not_known() -> None:
    schema = {"allOf": [{"oneOf": [{"const": number} for number in range(9)]} for _ in range(4)]}
    assert of_contract(contract(schema)).alts is None
