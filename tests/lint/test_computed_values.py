"""What is computed on the way, held against what the receiver accepts: decided where that is plain, never wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from choreo.canonical import Payload
from choreo.contract import Contract, check
from choreo.expression import compile_expression, parse
from choreo.lint.bounds import begin_in
from choreo.lint.findings import Findings
from choreo.lint.inclusion import Inclusion
from choreo.lint.infer import Inference
from choreo.lint.schemas import of_contract
from choreo.lint.types import ANY, Type
from choreo.problem import Place
from choreo.spec import Expr

WORDS = {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 4}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "long", "count", "kind", "words", "more", "ticket", "answers"],
    "properties": {
        "text": {"type": "string", "maxLength": 4},
        "long": {"type": "string"},
        "count": {"type": "integer"},
        "kind": {"enum": ["bug", "ask"]},
        "words": WORDS,
        "more": WORDS,
        "ticket": {"type": "string", "pattern": "^INC-[0-9]+$"},
        "answers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["answer"],
                "properties": {"answer": {"type": ["string", "null"]}, "sure": {"type": "boolean"}},
            },
        },
    },
}
SAMPLES: dict[str, tuple[Any, ...]] = {
    "text": ("", "abcd"),
    "long": ("", "x" * 30),
    "count": (0, -(2**63)),
    "kind": ("bug", "ask"),
    "words": ([], ["a", "bcde", "f"]),
    "more": ([], ["g", "h", "i"]),
    "ticket": ("INC-1",),
    "answers": ([], [{"answer": None}, {"answer": "yes", "sure": True}]),
}


def contract(schema: Any) -> Contract:
    return Contract("c", "1.0.0", schema, Payload.of(schema).digest, Place("c.json"))


def inferred(text: str) -> tuple[Type, Findings]:
    given = of_contract(contract(SCHEMA))
    found = Findings(Expr(text, Place("spec.yaml", 1, 1)))
    return Inference(lambda name: given if name == "o" else ANY, found).type(parse(text)), found


def values(text: str) -> Iterator[Any]:
    """What an expression gives for each combination of the samples."""
    expression = compile_expression(text)
    for chosen in product(*SAMPLES.values()):
        yield expression.evaluate({"o": dict(zip(SAMPLES, chosen, strict=True))})


TEXT: dict[str, Any] = {"type": "string"}
LIST: dict[str, Any] = {"type": "array"}
LABELS = {"const": ["automation", "ci"]}

DECIDED: list[tuple[str, dict[str, Any], str]] = [
    # lists that are written out keep their order and their length
    ("['automation', 'ci']", LABELS, "accepted"),
    ("['automation', 'ci']", {"enum": [["ci"], ["automation", "ci"]]}, "accepted"),
    ("['ci', 'automation']", LABELS, "never"),
    ("['automation']", LABELS, "never"),
    ("['a', 'b']", {**LIST, "prefixItems": [{"const": "a"}, {"const": "b"}], "items": False}, "accepted"),
    ("['b', 'a']", {**LIST, "prefixItems": [{"const": "a"}, {"const": "b"}]}, "never"),
    ("['a', o.kind]", {**LIST, "prefixItems": [{"const": "a"}, {"enum": ["bug", "ask"]}]}, "accepted"),
    ("['a', o.kind]", {**LIST, "prefixItems": [{"const": "a"}, {"const": "bug"}]}, "refused"),
    ("['a', 'b']", {**LIST, "minItems": 2, "maxItems": 2, "uniqueItems": True}, "accepted"),
    ("['a', 'a']", {**LIST, "uniqueItems": True}, "never"),
    ("['a', 'b', 'c']", {**LIST, "maxItems": 2}, "never"),
    ("[{'k': 'a'}, {'k': 'b'}]", {"const": [{"k": "a"}, {"k": "b"}]}, "accepted"),
    ("[1]", {"const": [True]}, "never"),
    # how a text begins
    ("'Re: ' + o.long", {**TEXT, "pattern": "^Re: "}, "accepted"),
    ("'[ci] ' + o.long + '!'", {**TEXT, "pattern": r"^\[ci\] "}, "accepted"),
    ("o.kind + ': ' + o.long", {**TEXT, "pattern": "^(bug|ask)"}, "undecided"),
    ("o.ticket + ' ' + o.long", {**TEXT, "pattern": "^INC-"}, "accepted"),
    ("o.long + 'Re: '", {**TEXT, "pattern": "^Re: "}, "undecided"),
    ("'Re:' + o.long", {**TEXT, "pattern": "^Re: "}, "undecided"),
    ("'Re: ' + o.long", {**TEXT, "pattern": "^Re: x"}, "undecided"),
    ("'ab' + 'cd'", {**TEXT, "pattern": "^abcd$"}, "accepted"),
    ("'ab' + 'cd'", {**TEXT, "pattern": "^abce$"}, "never"),
    # whether there is a character, and how many there can be
    ("'x' + o.long", {**TEXT, "minLength": 1}, "accepted"),
    ("o.long + o.text", {**TEXT, "minLength": 1}, "undecided"),
    ("o.count > 1 ? 'many' : 'few'", {**TEXT, "minLength": 1, "maxLength": 4}, "accepted"),
    ("o.count > 1 ? 'many' : '-' + o.text", {**TEXT, "minLength": 1, "maxLength": 5}, "accepted"),
    ("o.count > 1 ? 'many' : o.text", {**TEXT, "minLength": 1}, "undecided"),
    ("string(o.count)", {**TEXT, "minLength": 1, "maxLength": 20}, "accepted"),
    ("string(o.count)", {**TEXT, "maxLength": 19}, "undecided"),
    ("string(o.text)", {**TEXT, "maxLength": 4}, "accepted"),
    ("string(o.count > 1)", {"enum": ["true", "false"]}, "accepted"),
    ("o.text.upperAscii()", {**TEXT, "maxLength": 4}, "accepted"),
    ("o.text.trim()", {**TEXT, "maxLength": 3}, "undecided"),
    ("o.words.join(', ')", {**TEXT, "maxLength": 16}, "accepted"),
    ("o.words.join(', ')", {**TEXT, "maxLength": 15}, "undecided"),
    ("o.words.map(w, '- ' + w).join('\\n')", {**TEXT, "maxLength": 20}, "accepted"),
    # how long lists can be
    ("o.words + o.more", {**LIST, "maxItems": 6}, "accepted"),
    ("o.words + o.more", {**LIST, "maxItems": 5}, "undecided"),
    ("o.words + ['x']", {**LIST, "minItems": 1, "maxItems": 4}, "accepted"),
    ("o.words.filter(w, w != '')", {**LIST, "maxItems": 3, "items": {"type": "string", "minLength": 1}}, "accepted"),
    ("o.words.size()", {"type": "integer", "minimum": 0}, "accepted"),
]


@pytest.mark.parametrize(("text", "wanted", "expected"), DECIDED)
def test_what_is_computed_is_decided_as_it_turns_out(text: str, wanted: dict[str, Any], expected: str) -> None:
    kind, found = inferred(text)
    assert found.problems == []
    answer = Inclusion().of(kind, of_contract(contract(wanted)))
    assert ("never" if answer.every else answer.verdict) == expected
    taken = {check(contract(wanted), Payload.of(value)).ok for value in values(text)}
    assert {"accepted": taken == {True}, "never": taken == {False}, "refused": False in taken}.get(expected, True)


@pytest.mark.parametrize(
    ("pattern", "begin", "no_more"),
    [
        ("^Re: ", "Re: ", True),
        (r"^\[a\.b\]", "[a.b]", True),
        ("^ab*", "a", False),
        ("^ab?c", "a", False),
        ("^a{2}", "", False),
        ("^a|b", "", False),
        (r"^a\|b", "a|b", True),
        ("^a$", "a", False),
        (r"^a\d", "a", False),
        ("a", "", False),
    ],
)
def test_what_a_pattern_says_of_the_beginning(pattern: str, begin: str, no_more: bool) -> None:
    assert begin_in(pattern) == (begin, no_more)


def test_a_filter_for_a_value_leaves_elements_that_have_it() -> None:
    said = "o.answers.filter(one, one.answer != null).map(one, {kept})"
    kind, found = inferred(said.replace("{kept}", "one.answer"))
    assert found.problems == []
    assert Inclusion().of(kind, of_contract(contract({**LIST, "items": TEXT}))).verdict == "accepted"
    assert inferred(said.replace("{kept}", "one.answer + '!'"))[1].problems == []


def test_a_filter_says_nothing_of_what_it_does_not_ask() -> None:
    asked = ["o.answers.filter(one, one.answer == null)", "o.answers.filter(one, has(one.sure) || one.answer != null)"]
    for text in ("o.answers", *asked):
        problems = inferred(f"{text}.map(one, one.answer + '!')")[1].problems
        assert [problem.code for problem in problems] in (["maybe-null"], ["always-null"])
