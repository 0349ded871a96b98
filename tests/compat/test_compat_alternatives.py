"""Alternatives that together hardly say what was meant: a change in one of them is not waved through."""

from __future__ import annotations

import pytest

from choreo.compat import compare, includes

Y, N, U = "compatible", "breaking", "unknown"
S, INT = {"type": "string"}, {"type": "integer"}


def short(most):
    return {"maxLength": most}


def either(*parts, **more):
    return {"anyOf": list(parts), **more}


def one(*parts, **more):
    return {"oneOf": list(parts), **more}


CASES = {
    "a bound that binds nobody": (either(S, short(5)), either(S, short(10)), Y, U),
    "inside a field": (
        {"type": "object", "properties": {"a": either(S, short(5))}},
        {"type": "object", "properties": {"a": either(S, short(10))}},
        Y,
        U,
    ),
    "by a reference": (
        either({"$ref": "#/$defs/s"}, short(5), **{"$defs": {"s": S}}),
        either({"$ref": "#/$defs/s"}, short(10), **{"$defs": {"s": S}}),
        Y,
        U,
    ),
    "another order": (either(S, short(5)), either(short(5), S), Y, Y),
    "one that is fitted by all knowingly": (either({}, short(5)), either({}, short(4)), Y, Y),
    "the same, and something else": (either(S, short(5), title="a"), either(S, short(5), title="b"), Y, Y),
    "a bound that binds": (either(INT, {**S, **short(5)}), either(INT, {**S, **short(10)}), Y, N),
    "one narrower, all wider": (one(S, short(5)), one(S, short(10)), N, U),
    "alternatives that exclude each other": (one(INT, {**S, **short(5)}), one(INT, {**S, **short(10)}), Y, N),
    "a number and a whole one": (one({"type": "number"}, INT), one(INT, {"type": "number"}), Y, Y),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_hangs_on_such_alternatives_is_a_doubt(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


def test_the_doubt_names_the_place():
    assert "/anyOf" in compare(either(S, short(5)), either(S, short(10))).forward.message
    assert "/oneOf" in compare(one(S, short(5)), one(S, short(10))).forward.message


def test_what_choreo_itself_refuses_is_asked_as_it_stands():
    assert includes(either(S, short(5)), either(S, short(10))).answer == Y
