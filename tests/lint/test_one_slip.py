"""One slip gives one finding: what it would bring about elsewhere is not told beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo.api.checked import problems_of
from choreo.loading import load_spec

SPEC = """\
choreo: 1
name: letters
version: 1.0.0
models:
  small: {model: openai/gpt-5-mini}
trigger: {accepts: referral@^1}
result: {emits: reply@1.0.0, pass: {text: write.text, sure: proof.sure}}
roles:
  read: {kind: reader, does: Read it, model: small, accepts: referral@^1, emits: case@1.0.0}
  proof: {kind: reviewer, does: Judge it, model: small, accepts: case@^1, emits: verdict@1.0.0}
  look: {kind: researcher, does: Look it up, accepts: case@^1, emits: facts@1.0.0, set: {facts: input.text}}
  write: {kind: drafter, does: Answer it, model: small, accepts: notes@^1, emits: reply@1.0.0}
handoffs:
  - {from: trigger, to: read}
  - {from: read, to: [proof, look]}
  - {from: [proof, look], to: write, pass: {sure: proof.sure, facts: look.facts}}
  - {from: write, to: end, when: proof.sure, outcome: sure}
  - {from: write, to: end, otherwise: true, outcome: unsure}
"""
TEXT = {"type": "string", "maxLength": 99}
CONTRACTS = {
    "referral": {"text": TEXT},
    "case": {"text": TEXT, "kind": {"type": "string", "enum": ["a", "b"]}},
    "verdict": {"sure": {"type": "boolean"}},
    "facts": {"facts": TEXT},
    "notes": {"sure": {"type": "boolean"}, "facts": TEXT},
    "reply": {"text": TEXT, "sure": {"type": "boolean"}},
}


def put(folder: Path, name: str, text: str) -> None:
    path = folder / "schemas" / name / "1.0.0.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    for name, fields in CONTRACTS.items():
        schema = {
            "type": "object",
            "required": list(fields),
            "properties": fields,
            "additionalProperties": False,
        }
        put(tmp_path, name, json.dumps(schema))
    return tmp_path


def found(project: Path, text: str = SPEC) -> list[str]:
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    return [f"{one.code} {one.message}" for one in problems_of(load_spec("spec.yaml"))]


def codes(project: Path, text: str = SPEC) -> list[str]:
    return [line.split()[0] for line in found(project, text)]


def test_the_spec_without_a_slip_has_no_finding(project):
    assert found(project) == []


# -- contracts -----------------------------------------------------------------------------------


def hint(project: Path, text: str) -> str:
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    (problem,) = [one for one in problems_of(load_spec("spec.yaml")) if one.code == "missing-contract"]
    return problem.help


def test_a_misspelt_contract_is_found_among_those_of_the_folder(project):
    text = SPEC.replace("referral@^1", "referal@^1")
    assert set(codes(project, text)) == {"missing-contract"}
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    helps = {one.help for one in problems_of(load_spec("spec.yaml")) if one.code == "missing-contract"}
    assert all(help.startswith("did you mean `referral`?") for help in helps)


def test_where_no_contract_is_near_those_that_exist_are_listed(project):
    assert hint(project, SPEC.replace("accepts: notes@^1", "accepts: banana@^1")).startswith(
        "what exists: case, facts, notes, referral, reply, verdict; otherwise write it as schemas/banana/1.0.0.json"
    )


@pytest.mark.parametrize(
    ("name", "before", "after", "code"),
    [
        ("reply", '"maxLength"', '"maxLenght"', "unknown-keyword"),
        ("reply", '"maxLength"', '"longest"', "unknown-keyword"),
        ("case", '"enum"', '"enmu"', "unknown-keyword"),
        ("case", '"enum"', '"oneof"', "unknown-keyword"),
        ("referral", '"properties"', '"propertys"', "unknown-keyword"),
        ("referral", '"type": "object"', '"type": "objct"', "bad-type"),
        ("referral", '"type": "object"', '"type": 7', "bad-type"),
        ("facts", '"maxLength": 99', '"maxLength": "99"', "wrong-schema-value"),
        ("notes", '"maxLength": 99', '"maxLength": "99"', "wrong-schema-value"),
        ("referral", '{"type": "object"', '["type": "object"', "bad-json"),
    ],
)
def test_a_slip_in_a_contract_is_told_once(project, name, before, after, code):
    file = project / "schemas" / name / "1.0.0.json"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after, 1))
    assert codes(project) == [code]


def test_a_slip_in_a_contract_hides_nothing_of_the_rest_of_it(project):
    file = project / "schemas" / "verdict" / "1.0.0.json"
    file.write_text(file.read_text().replace('"additionalProperties"', '"additionalPropertys"'))
    assert sorted(codes(project, SPEC.replace("sure: proof.sure}", "sure: proof.sur}"))) == [
        "undeclared-field",
        "unknown-keyword",
    ]


def test_a_contract_that_is_too_large_is_not_said_to_take_anything(project):
    put(project, "referral", json.dumps({"type": "object", "description": "x" * 1_000_001}))
    assert codes(project) == ["contract-too-large"]


# -- what is said of it --------------------------------------------------------------------------


def test_an_effect_that_is_said_to_be_none_is_not_called_unsaid():
    path = Path(__file__).parent.parent / "specs_bad" / "lint_effect_none.yaml"
    said, unsaid = [one for one in problems_of(load_spec(str(path))) if one.code == "effect-unsaid"]
    assert said.message == "`pay` says `effect: none` and has one, so after a crash it is repeated: http POST"
    assert [(place.line, place.column) for place, _ in said.also] == [(23, 59)]
    assert unsaid.message.startswith("`tell` does not say its `effect`")


# -- names and references ------------------------------------------------------------------------

SLIPS = {
    "a range where one version belongs": ("emits: verdict@1.0.0", "emits: verdict@^1", "bad-value"),
    "no version at all": ("emits: verdict@1.0.0", "emits: verdict", "bad-value"),
    "a number where a contract belongs": ("emits: verdict@1.0.0", "emits: 7", "wrong-type"),
    "an accepted contract without a version": ("accepts: notes@^1", "accepts: notes", "bad-value"),
    "a trigger's contract without a version": ("{accepts: referral@^1}", "{accepts: referral}", "bad-value"),
    "a result's contract with a range": ("result: {emits: reply@1.0.0", "result: {emits: reply@^1", "bad-value"),
    "a way to the end that leads to nobody": ("to: end, otherwise: true", "to: fin, otherwise: true", "unknown-role"),
    "a way between roles that leads to nobody": ("to: write, pass", "to: nobody, pass", "unknown-role"),
    "a fan-out to somebody and nobody": ("to: [proof, look]", "to: [proof, nobody]", "unknown-role"),
    "the first way leads to nobody": ("{from: trigger, to: read}", "{from: trigger, to: Read It}", "unknown-role"),
    "the first way leads to a number": ("{from: trigger, to: read}", "{from: trigger, to: {a: 1}}", "wrong-type"),
    "the first way leads to nothing": ("{from: trigger, to: read}", "{from: trigger, to: []}", "bad-value"),
    "a way from nobody": ("{from: read, to: [", "{from: nobody, to: [", "unknown-role"),
    "a way from what is no name": ("{from: read, to: [", "{from: {any: []}, to: [", "bad-value"),
    "a join of somebody and nobody": ("{from: [proof, look]", "{from: [proof, nobody]", "unknown-role"),
    "a model without a model": ("small: {model: openai/gpt-5-mini}", "small: {timeout: 30s}", "missing-key"),
}


@pytest.mark.parametrize(("before", "after", "code"), SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_in_a_spec_is_told_once(project, before, after, code):
    assert before in SPEC
    assert codes(project, SPEC.replace(before, after)) == [code]


def test_a_join_without_pass_of_somebody_and_nobody_is_told_once(project):
    joined = {"proof": {"type": "object"}, "look": {"type": "object"}}
    put(project, "notes", json.dumps({"type": "object", "properties": joined, "additionalProperties": False}))
    text = SPEC.replace(", pass: {sure: proof.sure, facts: look.facts}", "")
    assert codes(project, text) == []
    assert codes(project, text.replace("from: [proof, look]", "from: [proof, ghost]")) == ["unknown-role"]
    assert codes(project, text.replace("from: [proof, look]", "from: [proof, loook]")) == ["unknown-role"]


def test_a_name_that_is_nobody_hides_nothing_of_the_rest(project):
    text = SPEC.replace("to: end, otherwise: true", "to: fin, otherwise: true").replace(
        "when: proof.sure,", "when: proof.sur,"
    )
    assert sorted(codes(project, text)) == ["undeclared-field", "unknown-role"]
