"""Small schemas against every value of a small universe: no proof is refuted by any of them."""

from __future__ import annotations

import random

import jsonschema
import pytest
import universe

from choreo.compat import Unusable, compare
from choreo.compat.document import Document

PAIRS = 350


@pytest.mark.parametrize("kind", universe.KINDS)
def test_no_value_of_the_universe_refutes_a_proof(kind):
    values = [*universe.KINDS[kind][1], *universe.SCALARS]
    proved = broken = unknown = 0
    for seed in range(PAIRS):
        draw = random.Random(f"{kind} {seed}")
        old = universe.combined(draw, kind)
        new = universe.tweaked(draw, old) if draw.random() < 0.6 else universe.combined(draw, kind)
        try:
            found = compare(old, new)
        except Unusable:
            continue
        first, second = Document(old), Document(new)
        for direction, writer, reader in ((found.backward, first, second), (found.forward, second, first)):
            refuted = any(writer.is_valid(value) and not reader.is_valid(value) for value in values)
            assert not (refuted and direction.answer == "compatible"), (seed, writer.schema, reader.schema)
            proved += direction.answer == "compatible"
            broken += refuted
            unknown += direction.answer == "unknown"
    assert proved > PAIRS * 0.4
    assert broken > PAIRS * 0.4
    assert unknown < PAIRS * 0.08


@pytest.mark.parametrize("kind", ["numbers", "lists", "objects"])
def test_a_second_validator_agrees_about_each_break(kind):
    """Texts are left out: it reads patterns in another dialect. So are steps that floats get wrong."""
    shown = 0
    for seed in range(60):
        draw = random.Random(f"second {kind} {seed}")
        old, new = universe.combined(draw, kind), universe.combined(draw, kind)
        if any(word in f"{old}{new}" for word in ("multipleOf", "patternProperties", "pattern'", "unevaluated")):
            continue
        found = compare(old, new).backward
        if found.answer == "breaking":
            shown += 1
            assert jsonschema.Draft202012Validator(old).is_valid(found.counterexample.value)
            assert not jsonschema.Draft202012Validator(new).is_valid(found.counterexample.value)
    assert shown > 5
