"""SEMANTICS rule 12 in types: `item` and `index` in lanes, what `gather` gives, and what is known after it."""

from __future__ import annotations

import pytest
from spec_texts import loaded, problems

from choreo.lint import check
from choreo.lint.lanes import Lanes
from choreo.lint.survey import Survey
from choreo.problem import Problem

SPEC = """\
choreo: 1
name: lanes
version: 1.0.0
trigger: {{accepts: order@^1}}
result: {{emits: sums@1.0.0}}
roles:
  split: {{kind: reader, set: {{parts: "[]", names: "[]"}}, accepts: order@^1, emits: parts@1.0.0}}
  look: {{kind: reader, set: {{ok: "input.sku != ''"}}, accepts: part@^1, emits: seen@1.0.0}}
  deep: {{kind: reader, set: {{ok: input.n > 1}}, accepts: numbered@^1, emits: seen@1.0.0}}
  sum: {{kind: reader, set: input, accepts: sums@^1, emits: sums@1.0.0}}
handoffs:
  - {{from: trigger, to: split}}
  - {{{each}}}
  - {{{lane}}}
  - {{{gather}}}
  - {{from: sum, to: end}}
contracts:
  order@1.0.0: {{type: object, required: [name], additionalProperties: false, properties: {{name: {{type: string}}}}}}
  part@1.0.0: {{type: object, required: [sku], additionalProperties: false, properties: {{sku: {{type: string}}}}}}
  numbered@1.0.0:
    {{type: object, required: [n], additionalProperties: false, properties: {{n: {{type: integer}}}}}}
  seen@1.0.0: {{type: object, required: [ok], additionalProperties: false, properties: {{ok: {{type: boolean}}}}}}
  sums@1.0.0:
    type: object
    required: [seen]
    additionalProperties: false
    properties:
      seen: {{type: array, items: {{type: boolean}}}}
      lost: {{type: array, items: {{type: string}}}}
  parts@1.0.0:
    type: object
    required: [parts, names]
    additionalProperties: false
    properties:
      names: {{type: array, items: {{type: string}}}}
      parts:
        type: array
        items: {{type: object, required: [sku], additionalProperties: false, properties: {{sku: {{type: string}}}}}}
"""
EACH = "from: split, to: look, each: out.parts"
LANE = "from: look, to: deep, pass: {n: index}"
GATHER = 'from: deep, to: sum, gather: true, pass: {seen: "out.map(one, one.ok)"}'


def survey(each: str = EACH, lane: str = LANE, gather: str = GATHER) -> Survey:
    found = loaded(SPEC.format(each=each, lane=lane, gather=gather))
    assert {problem.code for problem in found.problems} <= {"not-supported-yet"}
    assert found.spec is not None
    return Survey(found.spec, found.contracts)


def told(each: str = EACH, lane: str = LANE, gather: str = GATHER) -> list[Problem]:
    one = survey(each, lane, gather)
    return [problem for problem in check(one.spec, one.contracts) if problem.code != "cannot-be-decided"]


def codes(each: str = EACH, lane: str = LANE, gather: str = GATHER) -> list[str]:
    return [problem.code for problem in told(each, lane, gather)]


def test_a_good_spec_with_lanes_has_no_finding() -> None:
    assert codes() == []
    assert codes(each=EACH + ", pass: {sku: item.sku}") == []
    assert codes(each="from: split, to: look, each: out.names, pass: {sku: item}") == []
    assert codes(lane="from: look, to: deep, when: item.sku == 'x' && index > 0, pass: {n: index}") == []
    lost = 'pass: {seen: "[]", lost: "failures.map(one, one.item.sku + one.reason)"}'
    assert codes(gather=f"from: deep, to: sum, gather: true, {lost}") == []


def test_the_receiver_of_each_gets_the_element() -> None:
    assert codes(each="from: split, to: look, each: out.names") == ["type-clash"]
    lane = "from: deep, to: deep, at_most: 1, pass: {n: 1}"
    assert "missing-field" in codes(each="from: split, to: deep, each: out.parts", lane=lane)


def test_the_list_of_each_must_be_a_list() -> None:
    (problem,) = told(each='from: split, to: look, each: "out.parts[0].sku"')
    assert problem.code == "type-clash"
    assert "a list is needed here" in problem.message


@pytest.mark.parametrize(
    ("lane", "code"),
    [
        ("from: look, to: deep, pass: {n: item.qty}", "undeclared-field"),
        ("from: look, to: deep, pass: {n: item.sku}", "type-clash"),
        ("from: look, to: deep, when: index == 'a', pass: {n: 1}", "type-clash"),
        ("from: look, to: deep, pass: {n: size(failures)}", "unknown-name"),
    ],
)
def test_names_of_a_lane_are_typed_in_it(lane: str, code: str) -> None:
    assert code in codes(lane=lane)


def test_the_element_is_not_known_before_there_are_lanes_nor_after_them() -> None:
    assert codes(each=EACH + ", when: item.sku == 'x', pass: item") == ["unknown-name"]
    gather = "from: deep, to: sum, gather: true, pass: {seen: '[index > 1]'}"
    (problem,) = told(gather=gather)
    assert problem.code == "unknown-name"
    assert "lane" in problem.help


def test_gather_gives_the_last_outputs_and_null_where_failed_lanes_are_kept() -> None:
    assert codes(gather='from: deep, to: sum, gather: true, pass: {seen: "out.map(one, one.okay)"}') == [
        "undeclared-field"
    ]
    assert codes(each=EACH + ", on_failure: keep") == ["maybe-null"]
    guarded = 'pass: {seen: "out.filter(one, one != null).map(one, one.ok)"}'
    assert codes(each=EACH + ", on_failure: keep", gather=f"from: deep, to: sum, gather: true, {guarded}") == []
    assert codes(gather="from: deep, to: sum, gather: true") == ["type-clash"]


def test_failures_are_typed() -> None:
    lost = 'pass: {seen: "[]", lost: "failures.map(one, one.raisin)"}'
    assert codes(gather=f"from: deep, to: sum, gather: true, {lost}") == ["undeclared-field"]


def test_a_role_of_a_lane_may_never_have_played_once_lanes_are_gathered() -> None:
    gather = 'from: deep, to: sum, gather: true, pass: {seen: "[look.ok, split.names == []]"}'
    (problem,) = told(gather=gather)
    assert (problem.code, "`look`" in problem.message) == ("maybe-null", True)


def test_lanes_begin_behind_each_and_end_at_gather() -> None:
    one = survey()
    lanes = Lanes(one.edges)
    assert {name: [edge.number for edge in lane] for name, lane in lanes.of.items()} == {"look": [1], "deep": [1]}
    assert lanes.left(one.edges[3]) == ("look", "deep")


def test_there_are_no_more_failures_than_elements_and_each_has_a_reason() -> None:
    most = SPEC.replace("      parts:\n        type: array", "      parts:\n        type: array\n        maxItems: 3")
    lost = "lost: {{type: array, items: {{type: string}}}}"
    assert lost in most
    gather = 'from: deep, to: sum, gather: true, pass: {seen: "[]", lost: "failures.map(one, one.reason)"}'

    def undecided(schema: str) -> list[str]:
        text = most.replace(lost, f"lost: {schema}").format(each=EACH, lane=LANE, gather=gather)
        return [problem.code for problem in problems(text)]

    assert undecided("{{type: array, maxItems: 3, items: {{type: string, minLength: 1}}}}") == []
    assert undecided("{{type: array, maxItems: 2, items: {{type: string}}}}") == ["cannot-be-decided"]
    assert undecided("{{type: array, items: {{type: string, maxLength: 90}}}}") == ["cannot-be-decided"]
