"""What is said of a value that may be null, and of a condition that is a text."""

from __future__ import annotations

from spec_texts import problems

from choreo.problem import Problem

TEXT = """\
choreo: 1
name: test
version: 1.0.0
trigger: {accepts: app@^1}
result:
  emits: out@1.0.0
  pass: {n: "size(trigger.lang)", kept: trigger.lang, was: trigger.was, m: "size(trigger.was)"}
contracts:
  app@1.0.0:
    type: object
    required: [id, was]
    properties:
      id: {type: string, maxLength: 9}
      lang: {type: string, maxLength: 9}
      was: {type: [string, "null"], maxLength: 9}
  out@1.0.0:
    type: object
    required: [n, m, kept, was]
    properties:
      n: {type: integer}
      m: {type: integer}
      kept: {type: string, maxLength: 9}
      was: {type: string, maxLength: 9}
roles:
  a: {kind: reader, set: "{'id': input.id, 'was': null}", accepts: app@^1, emits: app@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: end}
"""


def _about(path: str, text: str = TEXT) -> list[Problem]:
    return [one for one in problems(text) if one.code == "maybe-null" and f"`{path}`" in one.message]


def test_an_optional_field_is_not_said_to_allow_null():
    read, handed = _about("trigger.lang")
    assert read.message == (
        "`trigger.lang` may be null here: app@1.0.0 does not require it, and an absent field reads as null"
    )
    assert [label for _, label in read.also] == [
        "app@1.0.0 at /properties/lang (not required: an absent field reads as null)"
    ]
    assert handed.message.endswith("does not take null: an absent field reads as null")
    assert not any("allows null" in label for one in (read, handed) for _, label in one.also)


def test_a_field_that_may_be_null_is_said_to_allow_it():
    handed, read = _about("trigger.was")
    assert read.message == "`trigger.was` may be null here: app@1.0.0 allows it"
    assert [label for _, label in read.also] == ["app@1.0.0 at /properties/was/type allows null"]
    assert handed.message.endswith("does not take null")


def test_a_condition_in_quotes_is_to_be_written_without():
    text = TEXT.replace("{from: a, to: end}", "{from: a, to: end, when: \"'false'\"}")
    (found,) = [one for one in problems(text) if one.code == "not-a-condition"]
    assert found.help == "write `false` without quotes"
