"""What a revision says is typed by what its handoffs carry."""

from __future__ import annotations

from spec_texts import problems

SPEC = """\
choreo: 1
name: test
version: 1.0.0
models: {{small: {{model: local/qwen2.5-coder-1.5b}}}}
trigger: {{accepts: thing@^1}}
roles:
  draft:
    kind: drafter
    model: small
    prompt: "{prompt}"
    accepts: thing@^1
    emits: text@1.0.0
  check: {{kind: reviewer, set: "{{'ok': true, 'remarks': 'x'}}", accepts: text@^1, emits: look@1.0.0}}
handoffs:
  - {{from: trigger, to: draft}}
  - {{from: draft, to: check}}
  - {{from: check, to: draft, when: "!out.ok", revise: true, at_most: 2{passes}}}
  {more}
  - {{from: check, to: end, otherwise: true}}
contracts:
  thing@1.0.0: {{type: object, required: [id]}}
  text@1.0.0: {{type: object, required: [body], properties: {{body: {{type: string, maxLength: 9}}}}}}
  look@1.0.0:
    type: object
    required: [ok, remarks]
    properties: {{ok: {{type: boolean}}, remarks: {{type: string}}, note: {{type: [string, "null"]}}}}
"""


def found(prompt: str, passes: str = "", more: str = "") -> list[tuple[int, str, str]]:
    passes = f", pass: {passes}" if passes else ""
    told = problems(SPEC.format(prompt=f"{{{{ {prompt} }}}}", passes=passes, more=more))
    return [(one.place.column, one.code, one.severity) for one in told if one.code != "unbounded-loop"]


READ = "feedback != null ? feedback.{} : ''"
AT = len('    prompt: "{{ feedback != null ? feedback.') + 1


def test_a_field_that_no_revision_carries_is_told_as_it_is_of_what_was_given_before() -> None:
    for passes in ("", "out", "check", "{remarks: out.remarks}", "\"{'remarks': out.remarks}\""):
        assert found(READ.format("remarks"), passes) == []
        assert found(READ.format("remarkz"), passes) == [(AT, "undeclared-field", "error")]
    assert found("previous != null ? previous.bodi : ''")[0][1:] == ("undeclared-field", "error")


def test_the_types_of_what_is_carried_are_known() -> None:
    assert found("feedback != null && feedback.ok > 3 ? 'a' : 'b'")[0][1:] == ("type-clash", "error")
    text = "feedback != null && feedback.remarks.startsWith('x') ? 'a' : 'b'"
    assert found(text, "{remarks: out.remarks}") == []
    assert found(text, "{remarks: out.ok}")[0][1:] == ("type-clash", "error")


def test_a_field_that_only_some_revisions_carry_may_be_missing() -> None:
    other = "- {from: check, on: failed, to: draft, revise: true, at_most: 1, pass: {error: out.message}}"
    assert found(READ.format("remarks"), "{remarks: out.remarks}", other) == [(AT, "maybe-missing", "warning")]


def test_what_is_not_known_of_what_is_carried_gives_no_finding() -> None:
    assert found(READ.format("anything"), "trigger.whatever") == []
    assert found(READ.format("anything.at.all"), "{anything: trigger.whatever}") == []


def test_a_condition_on_the_handoff_counts() -> None:
    guarded = SPEC.replace('"!out.ok"', '"has(out.note) && out.note != null"')
    told = problems(
        guarded.format(prompt="{{ feedback != null ? feedback.note : '' }}", passes=", pass: {note: out.note}", more="")
    )
    assert [one.code for one in told] == []
