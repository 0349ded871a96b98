"""Lists whose items all differ, and lists of which two do not."""

from __future__ import annotations

import jsonschema
import pytest

from choreo.compat import compare

Y, N = "compatible", "breaking"
INT = {"type": "integer"}


def these(*first, rest=False, **more):
    return {"type": "array", "prefixItems": list(first), "items": rest, "minItems": len(first), **more}


ONE, TWO = {"const": 1}, {"enum": [1, 2]}

CASES = {
    "the narrow one takes its value first": (these(TWO, ONE, uniqueItems=True), {"const": [2, 1]}, Y, Y),
    "three places for two values": (these(TWO, TWO, TWO, uniqueItems=True), False, Y, Y),
    "two places for two values, and one for any": (
        these(TWO, TWO, INT, uniqueItems=True),
        these(TWO, TWO, {"type": "integer", "not": TWO}, uniqueItems=True),
        Y,
        Y,
    ),
    "a chain of choices": (
        these({"enum": [1, 2]}, {"enum": [2, 3]}, {"enum": [3]}, uniqueItems=True),
        {"const": [1, 2, 3]},
        Y,
        Y,
    ),
    "few values among many": (
        {"type": "array", "items": {"enum": [1, 2, 3, "a"]}, "contains": {"const": "a"}, "uniqueItems": True},
        {"type": "array", "items": {"enum": [1, 2, 3, "a"]}, "contains": {"const": "a"}, "maxItems": 4},
        Y,
        N,
    ),
    "twins beside what must be there": (
        {"type": "array", "contains": {"const": "a"}, "items": {"type": "string"}},
        {"type": "array", "contains": {"const": "a"}, "items": {"type": "string"}, "uniqueItems": True},
        N,
        Y,
    ),
    "twins that must be there": (
        {"type": "array", "contains": {"const": "a"}, "minContains": 2},
        {"type": "array", "uniqueItems": True},
        N,
        N,
    ),
    "twins where there is hardly room": (
        these(TWO, INT, ONE, contains={"const": 7}, uniqueItems=False),
        {"type": "array", "uniqueItems": True},
        N,
        N,
    ),
    "no twins where there is no list": (
        {"type": "array", "contains": {"allOf": [INT, {"type": "string"}]}},
        {"type": "array", "uniqueItems": True, "contains": {"allOf": [INT, {"type": "string"}]}},
        Y,
        Y,
    ),
    "no twins where one alone is allowed": (
        {"type": "array", "contains": INT, "maxContains": 1, "items": {"enum": [1, 2]}},
        {"type": "array", "contains": INT, "uniqueItems": True},
        Y,
        N,
    ),
    "twins of another kind": (
        {"type": "array", "contains": INT, "maxContains": 1, "maxItems": 3},
        {"type": "array", "contains": INT, "uniqueItems": True},
        N,
        N,
    ),
    "no room for twins": (
        {"type": "array", "maxItems": 1},
        {"type": "array", "uniqueItems": True, "maxItems": 1},
        Y,
        Y,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_one_a_person_gives(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


@pytest.mark.parametrize("name", CASES)
def test_a_counterexample_is_one_for_a_second_validator_too(name):
    old, new, *_ = CASES[name]
    found = compare(old, new)
    for direction, writer, reader in ((found.backward, old, new), (found.forward, new, old)):
        if direction.answer == N:
            assert jsonschema.Draft202012Validator(writer).is_valid(direction.counterexample.value)
            assert not jsonschema.Draft202012Validator(reader).is_valid(direction.counterexample.value)
