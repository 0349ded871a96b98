"""What a receiver accepts: seen at once where it plainly holds, proved where not, and never said wrongly."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from choreo.canonical import Payload
from choreo.contract import Contract
from choreo.lint.bounds import sized
from choreo.lint.covered import covers
from choreo.lint.inclusion import STEPS, Answer, Inclusion, schemas_of
from choreo.lint.schemas import of_contract
from choreo.lint.types import STRING, Type, built, literal, one_of
from choreo.problem import Place

sys.path.append(str(Path(__file__).parent.parent / "compat"))
import schema_makers

TEXT: dict[str, Any] = {"type": "string", "maxLength": 5}


def of(schema: Any) -> Type:
    return of_contract(Contract("c", "1.0.0", schema, Payload.of(schema).digest, Place("c.json")))


def answer(given: Type, wanted: Any) -> Answer:
    return Inclusion().of(given, of(wanted))


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_what_is_seen_at_once_is_never_refuted_by_a_proof(start: int) -> None:
    from choreo.compat import Unusable, includes

    seen = 0
    for seed in range(start, start + 100):
        draw = random.Random(seed)
        schema = schema_makers.whole(draw, 2)
        other = schema_makers.changed(draw, schema) if draw.random() < 0.7 else schema_makers.whole(draw, 2)
        if not (isinstance(schema, dict) and isinstance(other, dict)):
            continue
        given, wanted = of(schema), of(other)
        if covers(wanted, given) and wanted.parts:
            seen += 1
            narrow, wide = schemas_of(given, wanted)
            try:
                assert includes(wide, narrow, STEPS).answer != "breaking", (seed, schema, other)
            except Unusable:
                continue
    assert seen > 10


def test_a_narrower_bound_is_seen_without_a_proof() -> None:
    wide = {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": "string", "maxLength": 9, "pattern": "^x"},
            "b": {"type": "array", "maxItems": 4, "items": {"type": "integer", "minimum": 0}},
            "c": {"enum": ["x", "y", None]},
        },
    }
    narrow = {
        **wide,
        "required": ["a", "c"],
        "properties": {
            "a": {"type": "string", "maxLength": 5, "pattern": "^x", "minLength": 2},
            "b": {"type": "array", "maxItems": 3, "items": {"type": "integer", "minimum": 2}},
            "c": {"const": "y"},
        },
    }
    assert covers(of(wide), of(narrow))
    assert not covers(of(narrow), of(wide))


def test_a_sender_is_not_expected_to_send_what_it_does_not_declare() -> None:
    sender = {"type": "object", "required": ["a"], "properties": {"a": TEXT}}
    receiver = {**sender, "properties": {"a": TEXT, "b": {"type": "string", "maxLength": 3}}}
    assert answer(of(sender), receiver).verdict == "accepted"
    assert answer(of({**sender, "additionalProperties": True}), receiver).verdict == "refused"


def test_a_proof_is_made_where_nothing_is_plain() -> None:
    choice = {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer", "minimum": 4}]}
    assert answer(of({"type": "string", "maxLength": 2}), choice).verdict == "accepted"
    found = answer(of(TEXT), choice)
    assert found.verdict == "refused"
    assert isinstance(found.value, str)
    assert len(found.value) > 3


def test_references_of_both_sides_lead_to_their_own_contracts() -> None:
    sender = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": TEXT}}
    receiver = {**sender, "$defs": {"x": {"type": "string", "pattern": "^b"}}}
    found = answer(of(sender), receiver)
    assert (found.verdict, found.rule, found.pointer) == ("refused", "pattern", "/a")
    assert answer(of(sender), {**sender, "$defs": {"x": {"type": "string", "maxLength": 7}}}).verdict == "accepted"


def test_every_value_refused_is_told_from_some() -> None:
    assert not answer(of(TEXT), {"type": "string", "minLength": 3}).every
    assert answer(of(TEXT), {"type": "string", "minLength": 6}).every
    assert answer(literal("x"), {"type": "string", "minLength": 6}).every


def test_what_is_computed_is_not_said_to_be_refused() -> None:
    found = answer(STRING, {"type": "string", "pattern": "^x"})
    assert (found.verdict, found.rule) == ("undecided", "pattern")
    assert answer(one_of(["xa", "xb"]), {"type": "string", "pattern": "^x"}).verdict == "accepted"
    assert answer(sized("string", 0, 8), {"type": "string", "maxLength": 8}).verdict == "accepted"
    assert answer(sized("string", 0, 9), {"type": "string", "maxLength": 8}).verdict == "undecided"
    assert answer(of(TEXT).loosened(), {"type": "string", "maxLength": 3}).verdict == "undecided"


def test_what_is_not_known_is_not_decided_unless_anything_is_accepted() -> None:
    assert answer(Type(None), TEXT).verdict == "undecided"
    assert answer(Type(None), {"title": "Anything"}).verdict == "accepted"


def test_a_built_object_is_held_against_what_is_demanded_of_the_whole() -> None:
    given = built({"a": literal(1), "b": literal(2)})
    assert answer(given, {"type": "object", "maxProperties": 2}).verdict == "accepted"
    found = answer(given, {"type": "object", "maxProperties": 1})
    assert (found.verdict, found.rule, found.every) == ("refused", "maxProperties", True)


def test_a_good_spec_is_checked_without_a_proof() -> None:
    code = (
        "import sys; from choreo.loading import load_spec; from choreo.lint import check; "
        "found = load_spec('specs/expense-check.yaml'); check(found.spec, found.contracts); "
        "print([name for name in sys.modules if name.startswith('choreo.compat')])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
