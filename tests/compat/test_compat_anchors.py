"""Patterns that every text fits by mistake: what they were to say is not forgotten."""

from __future__ import annotations

import pytest

from choreo.compat import compare, includes
from choreo.compat.anchors import idle
from choreo.compat.document import Document

Y, N, U = "compatible", "breaking", "unknown"
S = {"type": "string"}


def fits(pattern, **more):
    return {"type": "string", "pattern": pattern, **more}


CASES = {
    "taken out": (fits("[0-9]*"), S, Y, U),
    "put in": (S, fits("[0-9]*"), U, Y),
    "another one": (fits("[0-9]*"), fits("[a-z]*"), U, U),
    "the same one beside other words": (fits("[0-9]*", maxLength=9), fits("[0-9]*"), Y, N),
    "what the text is anyhow": ({"enum": ["7", "42"]}, fits("[0-9]*"), Y, N),
    "mended": (fits("[0-9]*"), fits("^[0-9]*$"), N, Y),
    "half mended": (S, fits("^[0-9]*"), U, Y),
    "either of two": (S, fits("[0-9]*|x"), U, Y),
    "within a field": (
        {"type": "object", "properties": {"a": S}},
        {"type": "object", "properties": {"a": fits("(ab)?")}},
        U,
        Y,
    ),
    "one that says nothing knowingly": (fits(".*"), S, Y, Y),
    "an empty one": (fits(""), fits("^"), Y, Y),
    "one that says something": (fits("[0-9]"), S, Y, N),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_hangs_on_such_a_pattern_is_a_doubt(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


def test_the_doubt_names_the_pattern_and_what_it_was_to_say():
    message = compare(S, fits("[0-9]*")).backward.message
    assert "`[0-9]*`" in message
    assert "`^[0-9]*$`" in message


def test_what_choreo_itself_refuses_is_asked_as_it_stands():
    assert includes(fits("[0-9]*"), S).answer == Y


def test_a_pattern_that_is_not_read_is_not_judged():
    assert idle(Document({"pattern": r"(a)?\1*"})) == {}
