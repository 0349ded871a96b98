"""Choices that lead to no end, and ends that come again each time a loop goes round."""

from __future__ import annotations

import pytest
from spec_texts import codes, flow, problems

START = ("from: trigger, to: a", "from: a, to: b, when: 'visits.a > 1'")


def test_a_choice_that_leads_to_no_end_is_told_where_it_is_made() -> None:
    (found,) = problems(flow(*START, "from: a, to: end, otherwise: true"))
    assert (found.code, found.severity) == ("dead-end", "error")
    assert "from `b` no way leads to `end`" in found.message


@pytest.mark.parametrize(
    "more",
    [
        ("from: a, to: end, otherwise: true", "from: b, to: end"),
        ("from: a, to: end",),
        ("from: trigger, to: c", "from: c, to: end"),
        ("from: a, to: end, otherwise: true", "from: b, on: failed, to: end"),
    ],
    ids=["it does", "another handoff fires beside it", "another branch does", "it may"],
)
def test_where_a_run_may_end_all_the_same_nothing_is_told(more: tuple[str, ...]) -> None:
    assert "dead-end" not in codes(flow(*START, *more))


def test_what_a_person_rejects_needs_an_end_too() -> None:
    text = flow(
        *("from: trigger, to: a", "from: a, to: b, touchpoint: ok", "from: b, to: end"),
        "from: ok, on: rejected, to: c",
        more="touchpoints:\n  ok: {ask: Go on?}",
    )
    assert "dead-end" in codes(text)


@pytest.mark.parametrize("back", ["from: b, to: a, at_most: 2", "from: b, to: a, at_most: 2, when: 'visits.a < 3'"])
def test_a_loop_that_hands_to_the_end_each_time_round_is_told(back: str) -> None:
    (found,) = problems(flow("from: trigger, to: a", "from: a, to: b", back, "from: b, to: end"))
    assert (found.code, found.also[0][1]) == ("two-results", "the way round")


def test_a_loop_that_plays_what_follows_each_time_round_is_told() -> None:
    chain = ("from: trigger, to: a", "from: a, to: b", "from: b, to: a, at_most: 2, when: 'visits.a < 3'")
    assert codes(flow(*chain, "from: b, to: c", "from: c, to: end")) == ["double-arrival"]
    assert codes(flow(*chain, "from: b, to: c, otherwise: true", "from: c, to: end")) == []


def test_listed_values_that_pick_nobody_are_told() -> None:
    text = (
        "choreo: 1\nname: p\nversion: 1.0.0\ntrigger: {accepts: t@^1}\nresult: {emits: t@1.0.0}\n"
        "contracts:\n  t@1.0.0: {type: object, required: [v], additionalProperties: false,"
        " properties: {v: {enum: [a, b, c]}}}\nroles:\n"
        + "".join(
            f"  {name}: {{kind: reader, set: input, accepts: t@^1, emits: t@1.0.0}}\n" for name in ("one", "a", "b")
        )
        + "handoffs:\n  - {from: trigger, to: one}\n  - {from: one, to: [a, b], pick: PICK}\n"
        "  - {from: {any: [a, b]}, to: end}\n"
    )
    (found,) = problems(text.replace("PICK", "out.v"))
    assert (found.code, found.severity) == ("pick-outside", "warning")
    assert "where `out.v` is `c` nobody is picked" in found.message
    assert problems(text.replace("PICK", "\"out.v == 'c' ? 'b' : out.v\"")) == ()
