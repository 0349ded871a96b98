"""A `const` that its own `type` refuses: what it was to say is not forgotten."""

from __future__ import annotations

import pytest

from choreo.compat import compare, includes

Y, N, U = "compatible", "breaking", "unknown"
D4 = "http://json-schema.org/draft-04/schema#"


def text(value, **more):
    return {"type": "string", "const": value, **more}


def field(part):
    return {"type": "object", "properties": {"a": part}}


CASES = {
    "one list and another": (text(["a"]), text(["b"]), U, U),
    "the same list": (text(["a"]), text(["a"], minLength=1), Y, Y),
    "in a field": (field(text(1)), field(text(2)), U, U),
    "in a field of that name": (
        field({"properties": {"const": text(1)}}),
        field({"properties": {"const": text(2)}}),
        U,
        U,
    ),
    "mended": (text(["a"]), {"type": "array", "const": ["a"]}, Y, N),
    "a type more": ({"type": ["string", "array"], "const": ["a"]}, {"const": ["a"]}, Y, Y),
    "a whole number": ({"type": "integer", "const": 1.0}, {"type": "number", "const": 1}, Y, Y),
    "a number that is not whole": ({"type": "integer", "const": 1.5}, {"type": "integer", "const": 2.5}, U, U),
    "a draft without const": ({"$schema": D4, **text(1)}, {"$schema": D4, **text(2)}, Y, Y),
    "an enum that is known to be empty": ({"type": "string", "enum": [1]}, {"type": "string", "enum": [2]}, Y, Y),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_hangs_on_such_a_const_is_a_doubt(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


def test_the_doubt_names_the_place():
    assert "#/properties/a of the old one" in compare(field(text(1)), field(text(2))).backward.message


def test_what_choreo_itself_refuses_is_asked_as_it_stands():
    assert includes(text(["b"]), text(["a"])).answer == Y
