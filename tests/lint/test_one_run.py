"""Errors of shape never hide the findings of the graph and of the types: one run tells all."""

from __future__ import annotations

from spec_texts import loaded

from choreo.lint import check

GOOD = """\
choreo: 1
name: desk
version: 1.0.0
trigger: {accepts: letter@^1}
result: {emits: ruling@1.0.0}
roles:
  read: {kind: reader, does: Read it, set: input, accepts: letter@^1, emits: letter@1.0.0}
  judge: {kind: reasoner, does: Judge, set: {action: "'pay'"}, accepts: letter@^1, emits: ruling@1.0.0}
handoffs:
  - {from: trigger, to: read}
  - {from: read, to: judge}
  - {from: judge, to: judge, when: out.action == 'ask', pass: read, at_most: 1}
  - {from: judge, to: end, otherwise: true}
contracts:
  letter@1.0.0: {type: object, required: [text], properties: {text: {type: string, maxLength: 100}}}
  ruling@1.0.0: {type: object, required: [action], properties: {action: {enum: [pay, ask]}}}
"""


def told(text: str) -> set[str]:
    found = loaded(text)
    assert found.spec is not None
    every = (*found.problems, *check(found.spec, found.contracts))
    return {f"{one.place.line}:{one.place.column} {one.code}" for one in every if one.severity == "error"}


def spoilt(*changes: tuple[str, str]) -> str:
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_the_good_spec_has_no_error() -> None:
    assert told(GOOD) == set()


def test_an_unknown_key_a_misspelt_role_and_a_misspelt_value_are_told_at_once() -> None:
    text = spoilt(
        ("does: Read it,", "deos: Read it,"),
        ("{from: read, to: judge}", "{from: read, to: jugde}"),
        ("out.action == 'ask'", "out.action == 'aks'"),
    )
    assert told(text) == {"7:24 unknown-key", "11:22 unknown-role", "12:50 unknown-value"}


def test_what_is_wrong_in_a_contract_and_around_a_role_hides_nothing_else() -> None:
    text = spoilt(
        ("kind: reasoner", "kind: reasonner"),
        ("{type: string, maxLength: 100}", "{type: strnig, maxLength: 100}"),
        ("version: 1.0.0\n", "version: 1.0.0\nlimits: {hopps: 4}\n"),
        ("pass: read, at_most: 1", "pass: {txt: read.text}, at_most: 1"),
    )
    assert {line.split()[1] for line in told(text)} == {"bad-value", "bad-type", "unknown-key", "missing-field"}


def test_a_role_without_a_player_leaves_the_findings_of_the_others() -> None:
    text = spoilt(("set: input, ", ""), ("to: end, otherwise: true", "to: end, otherwise: true, when: out.actoin"))
    codes = {line.split()[1] for line in told(text)}
    assert {"missing-key", "undeclared-field"} <= codes
