"""Literals that are built into a payload, each at its own place."""

from __future__ import annotations

from spec_texts import problems

SPEC = """\
choreo: 1
name: test
version: 1.0.0
trigger: {{accepts: thing@^1}}
roles:
  one: {{kind: reader, set: "{{'z': 'reject', 'n': 1, 'more': true}}", emits: verdict@1.0.0, accepts: thing@^1}}
  two: {{kind: reader, set: input, accepts: order@^1, emits: order@1.0.0}}
handoffs:
  - {{from: trigger, to: one}}
  - from: one
    to: two
    {more}
    pass:
      {passes}
  - {{from: two, to: end}}
contracts:
  thing@1.0.0: {{type: object, required: [id]}}
  verdict@1.0.0:
    type: object
    required: [z, n, more]
    properties: {{z: {{enum: [approve, reject]}}, n: {{type: integer}}, more: {{type: boolean}}}}
  order@1.0.0:
    type: object
    properties:
      z: {{enum: [approve, escalate]}}
      lost: {{type: integer, maximum: 9}}
      note: {{type: string, maxLength: 5}}
      list: {{type: array, items: {{enum: [a, b]}}}}
"""


def found(passes: str, more: str = "when: 'true'") -> list[tuple[str, int, str, str]]:
    told = problems(SPEC.format(passes=passes, more=more))
    return [(one.severity, one.place.column, one.code, one.message) for one in told if one.code != "gap"]


def test_a_literal_outside_the_list_of_the_receiver_is_an_error_at_its_place_with_both_ends() -> None:
    text = SPEC.format(passes="z: \"one.z == 'approve' ? 'approve' : 'escalated'\"", more="when: 'true'")
    (told,) = problems(text)
    line = next(line for line in text.splitlines() if "escalated" in line)
    assert (told.severity, told.code, told.place.column) == ("error", "unknown-value", line.index("'escalated'") + 1)
    assert told.message == "order@1.0.0 at /properties/z does not take 'escalated'"
    assert told.help == "did you mean 'escalate'? it takes: 'approve', 'escalate'"
    ((place, what),) = told.also
    assert text.splitlines()[place.line - 1].strip() == "z: {enum: [approve, escalate]}"
    assert what == "order@1.0.0 at /properties/z/enum (what is accepted)"


def test_each_wrong_literal_is_told_once_and_what_else_is_given_is_still_judged() -> None:
    nested = "z: \"one.n > 1 ? 'aprove' : one.n > 2 ? 'escalate' : 'no'\""
    assert [message for *_, message in found(nested)] == [
        "order@1.0.0 at /properties/z does not take 'aprove'",
        "order@1.0.0 at /properties/z does not take 'no'",
    ]
    assert [(code, severity) for severity, _, code, _ in found("z: \"one.n > 1 ? 'no' : one.z\"")] == [
        ("unknown-value", "warning"),
        ("unknown-value", "error"),
    ]


def test_a_side_of_another_type_is_one_finding() -> None:
    (told,) = found("z: \"one.n > 1 ? 5 : 'approve'\"")
    assert told[2:] == ("type-clash", "5 is a whole number, and order@1.0.0 at /properties/z wants a text")
    (told,) = found("z: \"one.n > 1 ? one.n : 'approve'\"")
    assert told[0] == "warning"
    assert told[2] == "type-clash"


def test_a_number_or_a_text_that_never_fits_is_an_error() -> None:
    assert [one[0:3:2] for one in found('lost: "1.5"')] == [("error", "refused-value")]
    assert [one[0:3:2] for one in found("lost: 1.5")] == [("error", "refused-value")]
    assert [one[0:3:2] for one in found('lost: "one.n > 1 ? 12 : 3"')] == [("error", "refused-value")]
    assert [one[0:3:2] for one in found("note: \"one.n > 1 ? 'too long' : 'ok'\"")] == [("error", "refused-value")]
    assert found('lost: "one.n > 1 ? 2.0 : 3"') == found('lost: "2.0"') == []


def test_a_wrong_literal_does_not_hide_what_the_other_fields_break() -> None:
    both = "{z: \"one.n > 1 ? 'no' : 'yes'\", lost: 50, note: \"one.n > 1 ? 'too long' : trigger.note\"}"
    text = SPEC.format(passes=both, more="when: 'true'").replace(
        "[id]}", "[id, note], properties: {id: {type: string}, note: {type: string}}}"
    )
    assert [(one.severity, one.code) for one in problems(text)] == [
        ("error", "unknown-value"),
        ("error", "unknown-value"),
        ("error", "refused-value"),
        ("advice", "cannot-be-decided"),
        ("error", "refused-value"),
    ]


def test_a_literal_within_a_list_or_an_object_that_is_written_out_is_told_at_its_place() -> None:
    (told,) = found("list: \"['a', one.n > 1 ? 'b' : 'c']\"")
    assert told[:3] == ("error", 14 + len("['a', one.n > 1 ? 'b' : "), "unknown-value")
    (told,) = found("list: \"one.n > 1 ? ['c'] : ['a']\"")
    assert told[0:3:2] == ("error", "unknown-value")
    assert [one[0:3:2] for one in found("list: [\"one.n > 1 ? 'a' : 'c'\", \"'b'\", \"'d'\"]")] == [
        ("error", "unknown-value"),
        ("error", "unknown-value"),
    ]
    text = SPEC.format(passes="X", more="when: 'true'").replace(
        "pass:\n      X", "pass: \"{'z': one.n > 1 ? 'no' : 'approve'}\""
    )
    (only,) = problems(text)
    assert (only.severity, only.code) == ("error", "unknown-value")


def test_a_literal_on_a_side_that_is_never_come_to_is_none() -> None:
    assert found("z: \"one.z in ['approve', 'reject'] ? 'approve' : 'escalated'\"") == []
    assert found("z: \"one.n > 3 && one.n < 2 ? 'no' : 'escalate'\"") == []
    only = "z: \"one.z == 'approve' ? 'approve' : 'no'\""
    assert found(only, more="when: \"out.z == 'approve' && one.z == 'approve'\"") == []
