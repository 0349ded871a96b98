"""Values, errors and conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo.canonical import Payload
from choreo.expression import ExpressionError, compile_expression, evaluate_condition

SCOPE: dict[str, Any] = {
    "a": {"b": None, "n": 2.5, "i": 3, "order-id": "A1"},
    "l": [1, 2],
    "t": "x",
    "p": Payload.of({"k": [1, 2.0, None, True]}),
    "visits": {"read": 2},
    "confidence": {"decide": None},
}


class Lazy(Mapping[str, Any]):
    """A scope that says what was asked of it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values_ = values
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.asked.append(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", SCOPE["a"]),
        ("a.b", None),
        ('a["order-id"]', "A1"),
        ("p", {"k": [1, 2.0, None, True]}),
        ("p.k", [1, 2.0, None, True]),
        ("p.k[1]", 2.0),
        ("visits.read + 1", 3),
        ("confidence.decide == null", True),
        ("a.n > 2", True),
        ("a.i == 3.0", True),
        ("double(a.i) * 2.0", 6.0),
        ("{'t': t, 'l': l, 'n': null, 'deep': {'a': [a.n]}}", {"t": "x", "l": [1, 2], "n": None, "deep": {"a": [2.5]}}),
        ("'[ci] ' + t", "[ci] x"),
        ("l.map(i, i * 2)", [2, 4]),
        ("has(a.zz) || t == 'x'", True),
        ("merge(a, {'i': 9, 'z': {'y': [1]}})", {**SCOPE["a"], "i": 9, "z": {"y": [1]}}),
        ("merge({}, {}) == {}", True),
        ("'a,b'.split(',')", ["a", "b"]),
        ("t.upperAscii()", "X"),
        ("7u", 7),
        ("string(timestamp('2024-01-01T00:00:00Z'))", "2024-01-01T00:00:00Z"),
    ],
)
def test_results_are_plain_json_data(text, value):
    found = compile_expression(text).evaluate(SCOPE)
    assert found == value
    assert Payload.of(found) == Payload.of(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zz", "there is no `zz` here"),
        ("zz == 1", "there is no `zz` here"),
        ("a.c", "`a` has no field `c`: it has b, n, i, order-id"),
        ("a.b.c", "`a.b` is null: `c` cannot be read from it"),
        ("t.q.r", "`t` is a text, not an object"),
        ("a.c == 1", "`a` has no field `c`"),
        ("a.b.c == 1", "`a.b` is null"),
        ("{'k': a}.k.zz", "there is no field"),
        ("a.n + 1", "double(x)"),
        ("t + 1", "`+` does not fit a text and an integer"),
        ("t > 1", "`>` does not fit a text and an integer"),
        ("1 / 0", "divide by zero"),
        ("l[5]", "index=5"),
        ("int('x')", "cannot convert"),
        ("merge(a, t)", "`merge` does not fit an object and a text"),
        ("'a'.matches('(')", "regular expression"),
        ("timestamp('2024-01-01T00:00:00Z')", "wrap it in string"),
        ("[duration('3s')]", "not JSON data"),
        ("b'a'", "not JSON data"),
        ("type(1)", "not JSON data"),
        ("{1: 2}", "key 1 is not a string"),
        ("{true: 2}", "is not a string"),
        ("1.0 / 0.0", "NaN or infinite"),
        ("[1.0 / 0.0]", "NaN and infinity"),
        ("'a\\u0000b'", "NUL"),
        ("18446744073709551615u", "64 bits"),
        ("9223372036854775807 + 1", "overflow"),
    ],
)
def test_whatever_is_not_json_data_is_an_error_with_a_reason(text, message):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text).evaluate(SCOPE)
    assert message in caught.value.message
    assert "INVALID_ARGUMENT" not in caught.value.message


def test_an_error_that_the_library_raises_is_an_expression_error_too():
    many = list(range(300))
    with pytest.raises(ExpressionError, match="too many steps"):
        compile_expression("x.all(a, x.all(b, x.all(c, a + b + c >= 0)))").evaluate({"x": many})
    with pytest.raises(ExpressionError):
        compile_expression("x == 'a'").evaluate({"x": "\ud800"})
    with pytest.raises(ExpressionError):
        compile_expression("x == 'a'").evaluate({"x": object()})
    with pytest.raises(ExpressionError):
        compile_expression("x == 'a'").evaluate({"x": 2**70})


def test_only_the_names_that_are_used_are_asked_for():
    scope = Lazy({"a": 1, "b": 2, "c": 3})
    assert compile_expression("a + [1].map(b, b)[0]").evaluate(scope) == 2
    assert scope.asked == ["a"]


def test_evaluation_changes_nothing_in_the_scope():
    scope = {"x": {"a": {"b": [1]}}}
    compile_expression("merge(x, {'a': {'c': 1}})").evaluate(scope)
    assert scope == {"x": {"a": {"b": [1]}}}


CONDITIONS = [
    # conditions of published workflows in other languages, said in CEL
    ("output.quality_score >= 7", {"output": {"quality_score": 7}}, True),
    (
        "!output.all_complete && output.prerequisites_met",
        {"output": {"all_complete": False, "prerequisites_met": True}},
        True,
    ),
    ("reviewer.verdict == 'needs_revision'", {"reviewer": {"verdict": "ok"}}, False),
    ("visits.plan < 5", {"visits": {"plan": 4}}, True),
    ("teacher.text.upperAscii().contains('CONGRATULATIONS')", {"teacher": {"text": "Well, congratulations!"}}, True),
    ("!service.resolved && !service.needs_ticket", {"service": {"resolved": False, "needs_ticket": True}}, False),
    (
        "ledger.is_in_loop.answer || !ledger.progress.answer",
        {"ledger": {"is_in_loop": {"answer": False}, "progress": {"answer": False}}},
        True,
    ),
    ("size(ledger.next_speaker) == 1", {"ledger": {"next_speaker": ["a"]}}, True),
    (
        "location.defined == false || location.confirmed == false",
        {"location": {"defined": True, "confirmed": False}},
        True,
    ),
    ("feeling in ['great', 'good']", {"feeling": "good"}, True),
    ("size(data.dataset) >= trigger.min_items", {"data": {"dataset": [1, 2]}, "trigger": {"min_items": 3}}, False),
    ("classify.predictions[0].lowerAscii() == 'high'", {"classify": {"predictions": ["HIGH", "low"]}}, True),
    ("cache.value != null && cache.value != ''", {"cache": {"value": ""}}, False),
    (
        "sql.choices[0].message.content.startsWith('NO_SQL') == false",
        {"sql": {"choices": [{"message": {"content": "SELECT"}}]}},
        True,
    ),
    ("has(result.QualityResults) && result.QualityResults[0].check_status == 'ok'", {"result": {}}, False),
    ("has(t.input) && type(t.input['delay-seconds']) == int", {"t": {"input": {"delay-seconds": 3}}}, True),
    ("!has(detail.bucket)", {"detail": {}}, True),
    ("text.contains('支付成功')", {"text": "订单支付成功"}, True),
    ("code == '1' || count <= 3", {"code": "2", "count": 3}, True),
]


@pytest.mark.parametrize(("text", "scope", "expected"), CONDITIONS, ids=[text for text, _, _ in CONDITIONS])
def test_real_conditions_can_be_said(text, scope, expected):
    assert evaluate_condition(compile_expression(text), scope) is expected


@pytest.mark.parametrize(
    "text", ["1", "'true'", "null", "a", "a.n", "l", "zz", "a.c", "1 / 0 > 1", "a.b.c || true && zz"]
)
def test_a_condition_that_is_no_boolean_is_an_error_and_never_false(text):
    with pytest.raises(ExpressionError):
        evaluate_condition(compile_expression(text), SCOPE)


def test_a_condition_may_be_a_plain_path():
    assert evaluate_condition(compile_expression("out.ok"), {"out": {"ok": False}}) is False


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), part, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_payload_comes_out_of_an_expression_as_it_went_in(value):
    built = compile_expression("{'k': [x]}").evaluate({"x": value})
    assert Payload.of(built) == Payload.of({"k": [value]})
    assert Payload.of(compile_expression("x").evaluate({"x": value})) == Payload.of(value)
