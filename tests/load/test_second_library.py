"""T65: specs and payloads through our own reading and through another library, which must not disagree."""

from __future__ import annotations

import copy
import json
import random
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from choreo.canonical import NotData, Payload
from choreo.contract import Contract, check
from choreo.loading.node import plain
from choreo.loading.shape import check_shape, spec_schema
from choreo.loading.yaml import read_yaml
from choreo.problem import Place

sys.path.append(str(Path(__file__).parent.parent / "compat"))
import instance_makers
import schema_makers

HERE = Path(__file__).parent
TEXTS = [(HERE / name).read_text(encoding="utf-8") for name in ("good.yaml", "full.yaml", "refund.yaml")]
SPEC = jsonschema.Draft202012Validator(spec_schema())
ODD: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "x", "Not A Name", "9x", [], ["a", "a"], {}, {"x": 1}, "1.2", "^1")


def spoilt(draw: random.Random) -> Any:
    """A good spec with one or two of its values replaced, removed, or put under another key."""
    found = copy.deepcopy(plain(read_yaml(draw.choice(TEXTS), "x.yaml").root))
    for _ in range(draw.choice((1, 1, 2))):
        owner, key = draw.choice(list(places(found)))
        what = draw.randrange(3)
        if what == 0:
            owner[key] = copy.deepcopy(draw.choice(ODD))
        elif what == 1 or isinstance(owner, list):
            del owner[key]
        else:
            owner[f"{key}x"] = owner.pop(key)
    return found


def places(value: Any) -> Any:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield value, key
        yield from places(part)


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_another_validator_agrees_about_the_shape_of_two_hundred_spoilt_specs(start: int) -> None:
    refused = 0
    for seed in range(start, start + 50):
        document = read_yaml(json.dumps(spoilt(random.Random(seed)), ensure_ascii=False), "x.yaml")
        assert document.problems == ()
        _, problems = check_shape(document)
        ours = any(problem.code != "twin-keys" for problem in problems)
        theirs = [error.message for error in SPEC.iter_errors(plain(document.root))]
        assert ours == bool(theirs), (seed, problems, theirs)
        refused += ours
    assert 10 < refused < 50


def payloads(count: int) -> Any:
    """Random schemas, each with a value that it may or may not accept."""
    seed = 0
    while count:
        seed += 1
        draw = random.Random(seed)
        schema = schema_makers.whole(draw, 2)
        if not isinstance(schema, dict):
            continue
        value = instance_makers.instance(draw, schema, schema)
        try:
            payload = Payload.of(value)
        except NotData:
            continue
        count -= 1
        yield seed, schema, payload


def test_another_validator_agrees_about_two_hundred_payloads() -> None:
    accepted = 0
    for seed, schema, payload in payloads(200):
        contract = Contract("c", "1.0.0", schema, Payload.of(schema).digest, Place("c.json"))
        verdict = check(contract, payload)
        theirs = jsonschema.Draft202012Validator(schema).is_valid(payload.value)
        assert (verdict.violations == ()) == theirs, (seed, schema, payload.value, verdict.violations)
        accepted += theirs
    assert 40 < accepted < 160
