"""Branches that exclude each other, branches that do not, and joins behind them."""

from __future__ import annotations

import pytest
from spec_texts import codes, flow, problems

PICKING = """\
  sort:
    kind: reader
    set: {which: "'a'", some: "['a', 'b']", maybe: null}
    accepts: thing@^1
    emits:
      type: object
      required: [which, some, maybe]
      properties:
        which: {enum: [a, b, c]}
        some: {type: array, items: {enum: [a, b, c]}}
        maybe: {enum: [a, b, null]}
"""


def picking(pick: str, *handoffs: str) -> list[str]:
    text = flow(
        "from: trigger, to: sort",
        f'from: sort, to: [a, b, c], pick: "{pick}", pass: trigger',
        *handoffs,
        roles=PICKING,
    )
    return [code for code in codes(text) if code in ("double-arrival", "two-results")]


APART = ("from: a, to: end", "from: b, to: end", "from: c, to: end")
TOGETHER = ("from: a, to: d", "from: b, to: d", "from: c, to: d", "from: d, to: end")


@pytest.mark.parametrize("pick", ["out.which", "sort.which", "out.maybe", "out.which == 'a' ? 'b' : out.which"])
def test_a_pick_of_one_name_takes_one_way(pick: str) -> None:
    assert picking(pick, *APART) == []
    assert picking(pick, *TOGETHER) == []


@pytest.mark.parametrize("pick", ["out.some", "[out.which]", "out.which == 'a' ? [out.which] : ['b', 'c']", "item.x"])
def test_a_pick_of_a_list_or_of_what_is_not_known_takes_several(pick: str) -> None:
    assert picking(pick, *APART) == ["two-results"]
    assert picking(pick, *TOGETHER) == ["double-arrival"]


def test_a_pick_of_one_name_is_taken_beside_a_handoff_that_always_fires() -> None:
    assert picking("out.which", *APART, "from: sort, to: e, pass: trigger", "from: e, to: end") == ["two-results"]


def test_one_of_two_picks_that_take_several_is_enough() -> None:
    more = ("from: sort, to: [e, f], pick: 'out.some', when: 'visits.sort > 1', pass: trigger", "from: f, to: e")
    assert picking("out.which", *APART, *more, "from: e, to: end, fail: true") != []


JOINED = ("from: [b, c], to: d, pass: b", "from: d, to: end")


def test_a_join_behind_a_fan_out_has_all_its_sources_whatever_the_fan_out_waited_for() -> None:
    for word in ("when: 'visits.a < 2'", "at_most: 3", "otherwise: true"):
        beside = () if "when" in word else ("from: a, to: end, when: 'visits.a > 3'",)
        found = codes(flow("from: trigger, to: a", f"from: a, to: [b, c], {word}", *JOINED, *beside))
        assert "maybe-null" not in found


def test_a_source_further_on_behind_the_fan_out_is_there_as_well() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: [b, e], when: 'visits.a < 2'", "from: e, to: c"),
        *("from: [b, c], to: d, pass: {id: c.id}", "from: d, to: end"),
    )
    assert "maybe-null" not in codes(text)


@pytest.mark.parametrize(
    "handoffs",
    [
        ("from: a, to: b, when: 'visits.a < 2'", "from: a, to: c, also: true, when: 'visits.a < 2'"),
        ("from: a, to: [b, c], pick: \"['b']\", when: 'visits.a < 2'",),
        ("from: a, to: [b, e], when: 'visits.a < 2'", "from: e, to: c, when: 'visits.e < 2'", "from: e, to: end"),
        ("from: a, to: [b, c], when: 'visits.a < 2'", "from: c, on: failed, to: end"),
        ("from: a, to: [b, c], when: 'visits.a < 2'", "from: a, to: b, otherwise: true"),
    ],
)
def test_a_source_that_may_be_missing_is_still_told(handoffs: tuple[str, ...]) -> None:
    text = flow("from: trigger, to: a", *handoffs, "from: [b, c], to: d, pass: {id: c.id}", "from: d, to: end")
    assert "maybe-null" in [problem.code for problem in problems(text)]


def test_what_cannot_be_decided_is_told_once_for_a_handoff_with_many_ends() -> None:
    short = "{kind: reader, set: {x: input.x}, accepts: short@^1, emits: short@1.0.0}"
    text = flow(
        *("from: trigger, to: a", "from: {any: [a, e]}, to: [b, c], pass: {x: \"'x' + string(trigger.id)\"}"),
        *("from: a, to: e, also: true, when: 'visits.a > 1'", "from: [b, c], to: end, pass: b"),
        roles=f"  b: {short}\n  c: {short.replace('@^1', '@^2')}",
    )
    shape = "{type: object, required: [x], properties: {x: {type: string, pattern: '^x[0-9]+$'}}}"
    text += f"  short@1.0.0: {shape}\n  short@2.0.0: {shape.replace('+', '*')}\n"
    found = [problem for problem in problems(text) if problem.code == "cannot-be-decided"]
    assert [problem.message.count("it is computed") for problem in found] == [1]


def test_two_ways_to_one_gather_lose_what_came_first() -> None:
    lanes = ("from: trigger, to: sort", "from: sort, to: [a, b], each: '[1, 2]', pass: trigger")
    text = flow(*lanes, "from: {any: [a, b]}, to: d, gather: true, pass: trigger", "from: d, to: end", roles=PICKING)
    (found,) = [problem for problem in problems(text) if problem.code == "double-arrival"]
    assert "only what came last stands in the list" in found.message
