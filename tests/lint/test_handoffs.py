"""Guards, defaults and payloads across the handoffs of a whole spec."""

from __future__ import annotations

from spec_texts import codes, flow

CONTRACTS = """\
contracts:
  ask@1.0.0:
    type: object
    required: [text]
    properties: {text: {type: string}, lang: {type: string, default: en}, ref: {type: string}}
  plan@1.0.0:
    type: object
    required: [go, note]
    properties: {go: {enum: [left, right]}, note: {type: [string, "null"]}, score: {type: number}}
  done@1.0.0:
    type: object
    required: [say]
    additionalProperties: false
    properties: {say: {type: string}, count: {type: integer}}
"""


def spec(
    *handoffs: str, result: str = "say: trigger.text", read: str = "{go: \"'left'\", note: null}", more: str = ""
) -> str:
    lines = "\n".join(f"  - {{{line}}}" for line in handoffs)
    return f"""\
choreo: 1
name: test
version: 1.0.0
trigger: {{accepts: ask@^1}}
result: {{emits: done@1.0.0, pass: {{{result}}}}}
roles:
  read: {{kind: reader, set: {read}, emits: plan@1.0.0}}
  left: {{kind: reader, set: input, accepts: plan@^1, emits: plan@1.0.0}}
  right: {{kind: reader, set: input, accepts: plan@^1, emits: plan@1.0.0}}
handoffs:
  - {{from: trigger, to: read}}
{lines}
{more}
{CONTRACTS}"""


SPLIT = (
    "from: read, to: left, when: \"out.go == 'left'\"",
    "from: read, to: right, otherwise: true",
    "from: left, to: end",
    "from: right, to: end",
)


def test_a_spec_whose_types_fit_has_no_findings() -> None:
    assert codes(spec(*SPLIT)) == []


def test_a_default_of_the_trigger_is_there_and_an_optional_field_of_it_is_null() -> None:
    assert codes(spec(*SPLIT, result="say: trigger.lang")) == []
    assert codes(spec(*SPLIT, result="say: trigger.ref")) == ["maybe-null"]
    assert codes(spec(*SPLIT, result="say: \"trigger.ref != null ? trigger.ref : ''\"")) == []
    assert codes(spec(*SPLIT, read="{go: \"input.lang == 'en' ? 'left' : 'right'\", note: input.ref}")) == []


def test_a_role_on_one_branch_must_be_guarded_in_the_result() -> None:
    assert codes(spec(*SPLIT, result="say: left.go")) == ["maybe-null"]
    assert codes(spec(*SPLIT, result="say: \"left != null ? left.go : 'none'\"")) == []
    assert codes(spec(*SPLIT, result="say: \"left == null ? 'none' : left.go\"")) == []


def test_a_when_guards_the_pass_beside_it_and_the_handoffs_after_it() -> None:
    notes = (
        "from: read, to: end, when: 'out.note == null', pass: {say: trigger.text}",
        "from: read, to: end, otherwise: true, pass: {say: out.note}",
    )
    assert codes(spec(*notes, *SPLIT[2:])) == ["unreachable-role", "unreachable-role"]
    guarded = (
        "from: read, to: end, when: 'out.note != null', pass: {say: out.note}",
        "from: read, to: end, otherwise: true",
    )
    assert codes(spec(*guarded, *SPLIT[2:])) == ["unreachable-role", "unreachable-role"]
    swapped = (
        "from: read, to: end, when: 'out.note != null', pass: {say: trigger.text}",
        "from: read, to: end, otherwise: true, pass: {say: out.note}",
    )
    assert "maybe-null" in codes(spec(*swapped, *SPLIT[2:]))


def test_a_join_that_is_always_filled_needs_no_guard_and_one_that_is_not_does() -> None:
    always = (
        "from: read, to: [left, right]",
        "from: [left, right], to: end, pass: {say: 'out.left.go + out.right.go'}",
    )
    assert codes(spec(*always)) == []
    sometimes = ("from: read, to: left", "from: read, to: right, also: true, when: \"out.go == 'right'\"", always[1])
    assert codes(spec(*sometimes)) == ["maybe-null"]


def test_what_a_failure_tells_is_known() -> None:
    told = "from: left, on: failed, to: end, pass: {say: 'out.code + out.message + out.input.go'}"
    assert codes(spec(*SPLIT, told)) == []
    wrong = "from: left, on: failed, to: end, pass: {say: out.reason}"
    assert codes(spec(*SPLIT, wrong)) == ["undeclared-field"]
    unchanged = "from: left, on: failed, to: right"
    assert codes(spec(*SPLIT, unchanged)) == ["missing-field", "missing-field"]


def test_an_error_in_the_condition_of_a_touchpoint_means_ask_so_only_what_never_works_is_told() -> None:
    gated = ("from: read, to: left, touchpoint: ok", "from: left, to: end")
    more = 'touchpoints:\n  ok: {{ask: Go on?, when: "{}", show: {{note: payload.note}}}}'
    base = [line for line in codes(spec(*gated, more=more.format("true"))) if line != "unreachable-role"]
    assert base == []
    assert set(codes(spec(*gated, more=more.format("payload.score > 1 || read.score < 0.8")))) == {"unreachable-role"}
    assert "undeclared-field" in codes(spec(*gated, more=more.format("payload.scor > 1")))


def test_a_field_that_may_be_missing_is_told_in_what_a_touchpoint_shows_unless_it_was_asked_for() -> None:
    gated = ("from: read, to: left, touchpoint: ok", "from: left, to: end")
    more = "touchpoints:\n  ok: {{ask: Go on?, when: {}, show: {{score: payload.score}}}}"
    assert "maybe-missing" in codes(spec(*gated, more=more.format("payload.score > 1 || read.score < 0.8")))
    assert "maybe-missing" not in codes(spec(*gated, more=more.format("has(payload.score)")))


def test_a_payload_is_held_against_its_receiver_key_by_key() -> None:
    assert codes(spec(*SPLIT, result="say: 3, count: \"'x'\", more: true")) == [
        "type-clash",
        "type-clash",
        "extra-field",
    ]
    assert codes(spec(*SPLIT, result="count: 1")) == ["missing-field"]
    assert set(codes(spec(*SPLIT, result="say: read.score"))) == {"maybe-missing", "type-clash"}


def test_confidence_of_a_role_that_measures_none_is_always_null() -> None:
    text = spec("from: read, to: left, when: 'confidence.read < 0.8'", *SPLIT[1:])
    assert codes(text) == ["always-null"]


def test_a_gap_is_found_only_where_it_can_be_proved() -> None:
    closed = flow("from: trigger, to: a", "from: a, to: b, when: 'visits.a > 1'", "from: b, to: end")
    assert codes(closed) == []
    listed = ("from: read, to: left, when: \"out.go == 'left'\"", "from: left, to: end")
    assert sorted(codes(spec(*listed))) == ["gap", "unreachable-role"]
    both = (*listed[:1], "from: read, to: right, when: \"out.go == 'right'\"", *SPLIT[2:])
    assert codes(spec(*both)) == []
