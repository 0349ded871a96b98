"""Where the rules on models and on open contracts are silent: one edit of each of their bad specs."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_texts import flow, problems

from choreo.lint.quality import _is_finite

FOLDER = Path(__file__).parent.parent / "specs_bad"


def codes_of(name: str, old: str, new: str) -> list[str]:
    text = (FOLDER / f"lint_{name}.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    return [one.code for one in problems(text.replace(old, new))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model: large\n    prompt: \"What", "model: small\n    prompt: \"What"),
        ("pass: trigger}", "pass: {subject: sort.kind}}"),
        ("why: {type: string, maxLength: 120}", "why: {type: string, maxLength: 4000}"),
        ("'no'\"", "sort.kind\""),
    ],
)  # fmt: skip
def test_a_large_model_is_not_advised_against_where_its_words_are_used(old: str, new: str) -> None:
    assert "frontier-router" not in codes_of("frontier_router", old, new)


def test_two_models_may_review_one_another() -> None:
    assert codes_of("same_model", "gpt-5-mini, params", "gpt-5, params") == []


def test_what_is_said_back_to_the_drafter_is_no_review() -> None:
    assert codes_of("same_model", "kind: reviewer", "kind: reasoner") == []


def test_three_model_roles_are_not_many() -> None:
    computed = "kind: reader, set: {kind: \"'other'\", sure: 'true'}"
    assert codes_of("many_models", 'kind: reader, model: small, prompt: "Sort it."', computed) == []


def test_a_hosted_model_is_held_to_the_contract_by_its_maker() -> None:
    assert codes_of("not_enforced", "local/qwen2.5-coder-1.5b", "openai/gpt-5-mini") == []


@pytest.mark.parametrize(
    "schema",
    [
        "{type: object, required: [subject]}",
        "{type: object, properties: {subject: {type: string}}}",
        "{type: object, properties: {subject: {enum: [a, b]}}}",
        "{type: object, additionalProperties: {type: string}}",
        "{type: object, additionalProperties: false}",
        "{type: string, maxLength: 10}",
    ],
)
def test_a_trigger_that_says_something_is_not_open(schema: str) -> None:
    old = "{type: object, title: Anything, properties: {subject: {description: The subject}}}"
    assert codes_of("open_trigger", old, schema) == []


@pytest.mark.parametrize("schema", ["{}", "{title: x}", "{type: object}", "{type: object, properties: {a: {}}}"])
def test_a_trigger_that_says_nothing_is_open(schema: str) -> None:
    old = "{type: object, title: Anything, properties: {subject: {description: The subject}}}"
    assert codes_of("open_trigger", old, schema) == ["open-trigger"]


@pytest.mark.parametrize(
    ("pattern", "finite"),
    [
        (r"^[A-Z]{3}$", True),
        (r"^[A-Z]-[0-9]{4}$", True),
        (r"^\d{1,4}\.\d\d?$", True),
        (r"^(yes|no)$", True),
        (r"^[+*]$", True),
        (r"^[]*]$", True),
        (r"^a\+b$", True),
        (r"^[A-Z]+$", False),
        (r"^a*$", False),
        (r"^a{2,}$", False),
        (r"^abc", False),
        (r"abc$", False),
        (r"^abc\$", False),
        (r"^a$|b", False),
        (r"^(a|b)|(c|d)$", False),
        (r"", False),
    ],
)
def test_a_pattern_is_an_end_only_where_that_is_plain_to_see(pattern: str, finite: bool) -> None:
    assert _is_finite(pattern) is finite


def test_of_many_model_roles_six_are_named() -> None:
    roles = "\n".join(
        f'  r{number}: {{kind: reader, model: openai/gpt-5-mini, prompt: "Go.", accepts: thing@^1, emits: thing@1.0.0}}'
        for number in range(1000)
    )
    text = flow("from: trigger, to: r0", "from: r0, to: end", roles=roles)
    (found,) = [one for one in problems(text) if one.code == "many-models"]
    assert found.message.startswith(
        "1000 roles are played by models (`r0`, `r1`, `r2`, `r3`, `r4`, `r5`, and 994 more)"
    )
