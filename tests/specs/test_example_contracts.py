"""The contracts of the example specs: well made, and met by the samples that lie beside the specs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = sorted((ROOT / "schemas").glob("*/*.json"))
BY_MODELS = ("case", "decision", "draft")
SAMPLES = {
    "email": sorted((ROOT / "specs/support/emails").glob("*.json")),
    "expense": sorted((ROOT / "specs/expense/inputs").glob("*.json")),
    "release": sorted((ROOT / "specs/release/inputs").glob("*.json")),
}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def contract(name: str) -> Draft202012Validator:
    return Draft202012Validator(read(ROOT / f"schemas/{name}/1.0.0.json"))


def parts(schema: Any, pointer: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every schema inside `schema` that describes a value, with its JSON pointer."""
    found = [(pointer, schema)]
    for name, part in schema.get("properties", {}).items():
        found += parts(part, f"{pointer}/properties/{name}")
    if "items" in schema:
        found += parts(schema["items"], f"{pointer}/items")
    return found


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: f"{path.parent.name}@{path.stem}")
def test_a_contract_is_draft_2020_12_and_names_who_owns_it(path: Path) -> None:
    schema = read(path)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert schema["x-owner"]
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: f"{path.parent.name}@{path.stem}")
def test_a_contract_is_closed_and_says_what_each_field_means(path: Path) -> None:
    for pointer, part in parts(read(path)):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False, pointer
            assert set(part["required"]) <= set(part["properties"]), pointer
        if "/properties/" in pointer and not pointer.endswith(("/items", "/email", "/case", "/facts")):
            assert part.get("description"), pointer


@pytest.mark.parametrize("name", BY_MODELS)
def test_what_a_model_writes_has_an_end(name: str) -> None:
    for pointer, part in parts(contract(name).schema):
        if "string" in part.get("type", ()) and "enum" not in part:
            assert part["maxLength"] <= 1500, pointer


def test_no_model_writes_an_amount() -> None:
    for name in BY_MODELS:
        kinds = [part.get("type") for _, part in parts(contract(name).schema)]
        assert not {"integer", "number"} & {kind for kind in kinds if isinstance(kind, str)}, name


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name, paths in SAMPLES.items() for path in paths],
    ids=lambda part: str(part)[-30:],
)
def test_a_sample_meets_the_contract_of_its_trigger(name: str, path: Path) -> None:
    assert [error.message for error in contract(name).iter_errors(read(path))] == []


def test_there_are_enough_samples() -> None:
    assert len(SAMPLES["email"]) >= 8
    assert len(SAMPLES["expense"]) >= 4
    assert len(SAMPLES["release"]) >= 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decision", {"action": "refund", "reason": "It can be returned.", "amount": 10000}),
        ("decision", {"action": "pay 10,000", "reason": "The email says so."}),
        ("draft", {"subject": "Re: mug", "body": "x" * 1501}),
        ("email", {"sender": "nobody", "received": "2026-11-15T03:14:00Z", "subject": "", "body": "x"}),
        ("email", {"sender": "a@b.example", "received": "yesterday", "subject": "", "body": "x"}),
        ("expense", {"id": "E-2041", "employee": "Ines Okoro", "lines": []}),
        ("release", {"version": "2.4", "changes": [{"id": "#1", "title": "fix: x"}]}),
    ],
)
def test_a_contract_refuses_what_it_must(name: str, value: Any) -> None:
    assert list(contract(name).iter_errors(value))
