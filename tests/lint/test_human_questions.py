"""The questions of a human role where they are data, and lists whose nulls were filtered out."""

from __future__ import annotations

import textwrap

import pytest
from spec_texts import HEAD, problems

from choreo.problem import Problem

TEXT = "{type: string}"


def shape(**fields: str) -> str:
    """An object, all of whose fields are required, as YAML."""
    written = ", ".join(f"{name}: {schema}" for name, schema in fields.items())
    return f"{{type: object, required: [{', '.join(fields)}], properties: {{{written}}}}}"


def many(item: str) -> str:
    return f"{{type: array, items: {item}}}"


GOOD = {
    "questions": "input.open",
    "open": many(shape(question=TEXT, choices=many(TEXT))),
    "answers": shape(answers=many(shape(question=TEXT, answer="{type: [string, 'null']}"))),
}


def asked(**changed: str) -> list[Problem]:
    parts = {**GOOD, **changed}
    text = HEAD + textwrap.dedent(
        """\
        result: {{emits: answers@1.0.0}}
        roles:
          ask: {{kind: reasoner, human: {{questions: {questions}, within: 1d}}, emits: answers@1.0.0}}
        handoffs:
          - {{from: trigger, to: ask}}
          - {{from: ask, to: end}}
        contracts:
          thing@1.0.0: {{type: object, required: [open, title], properties: {{title: {{type: string}}, open: {open}}}}}
          answers@1.0.0: {answers}
        """
    ).format(**parts)
    return [problem for problem in problems(text) if problem.severity == "error"]


def test_questions_from_the_input_are_fine_as_texts_or_with_choices() -> None:
    assert asked() == []
    assert asked(open=many(TEXT)) == []


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"questions": "input.opne"}, "undeclared-field", "opne"),
        ({"questions": "input.title"}, "type-clash", "a list is needed"),
        ({"questions": "'input.('"}, "expression-syntax", ""),
        ({"open": many("{type: integer}")}, "type-clash", "one of the questions"),
        ({"open": many(shape(text=TEXT))}, "missing-field", "question"),
        ({"answers": shape(text=TEXT)}, "missing-field", "text"),
        ({"answers": shape(answers=many(TEXT))}, "type-clash", "answers"),
    ],
)
def test_what_cannot_be_asked_or_answered_is_found_where_it_is_written(
    changed: dict[str, str], code: str, said: str
) -> None:
    found = [problem for problem in asked(**changed) if problem.code == code]
    assert found, asked(**changed)
    assert said in found[0].message
    assert found[0].place.line == 7


JOIN = """\
roles:
  a: {kind: reader, set: input, accepts: thing@^1, emits: thing@1.0.0}
  b: {kind: reader, set: input, accepts: thing@^1, emits: thing@1.0.0}
  all:
    {kind: reader, set: input, emits: thing@1.0.0, accepts: FOUND}
handoffs:
  - {from: trigger, to: [a, b], pick: "trigger.id == '1' ? ['a'] : ['a', 'b']"}
  - {from: [a, b], to: all, pass: {found: "[out.a, out.b]FILTER"}}
  - {from: all, to: end}
contracts:
  thing@1.0.0: {type: object, required: [id], properties: {id: {type: string}}}
"""


@pytest.mark.parametrize(
    ("filtered", "codes"),
    [("", ["maybe-null"]), (".filter(one, one != null)", []), (".filter(one, one == null)", ["maybe-null"])],
)
def test_a_list_without_its_nulls_may_go_to_a_receiver_that_takes_none(filtered: str, codes: list[str]) -> None:
    found = problems(HEAD + JOIN.replace("FILTER", filtered).replace("FOUND", shape(found=many("{type: object}"))))
    assert [problem.code for problem in found if problem.code == "maybe-null"] == codes
