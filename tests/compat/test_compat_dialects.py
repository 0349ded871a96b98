"""Patterns as other readers take them: an answer that hangs on the dialect says so."""

from __future__ import annotations

import re

import pytest

from choreo.compat import compare, includes
from choreo.compat.charset import ALL
from choreo.compat.dialects import before_line_end, in_python, rewritten
from choreo.compat.draft import finds

Y, N, U = "compatible", "breaking", "unknown"
S = {"type": "string"}


def fits(pattern, **more):
    return {"type": "string", "pattern": pattern, **more}


CASES = {
    "digits of every script": (fits(r"^\d+$"), fits("^[0-9]+$"), Y, Y),
    "letters of every script": (fits(r"^\w$"), fits("^[A-Za-z0-9_]$"), Y, Y),
    "on both sides alike": (fits(r"^\d{2}$"), fits(r"^\d+$"), Y, N),
    "names of fields": ({"patternProperties": {r"^\d$": S}}, {"patternProperties": {"^[0-9]$": S}}, Y, Y),
    "a kind inside a set": (fits(r"^[\d.]+$"), fits(r"^[0-9.]+$"), Y, Y),
    "what is no kind": (fits(r"^\\d$"), fits(r"^[\\]d$"), Y, Y),
    "line ends": (fits("^[^\n]$"), fits("^.$"), N, Y),
    "edges of words in another script": (fits(r"^\bé$"), {"enum": ["x"]}, N, N),
    "no edge of words in ASCII": (fits(r"^é\b$"), fits(r"^é$"), Y, U),
    "an edge in ASCII only": (fits("^aé$"), fits(r"^a\Bé$"), U, Y),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_hangs_on_the_dialect_is_a_doubt(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


def test_the_doubt_names_the_dialect_and_a_value():
    assert "as ECMA 262 does" in compare(fits("^aé$"), fits(r"^a\Bé$")).backward.message


def test_a_break_that_the_specification_would_not_have_says_so():
    found = compare(fits(r"^(?!0)\d+$"), fits(r"^\d+$"))
    assert found.backward.answer == N
    assert "ECMA 262" in found.backward.message
    assert "ECMA 262" not in found.forward.message


def test_what_breaks_in_python_alone_is_a_remark():
    found = compare(fits(r"^\d$"), fits("^[0-9]$"))
    assert found.backward.answer == Y
    assert "as Python's `re` takes patterns: expected" in found.backward.message
    assert "Python" not in found.forward.message


def test_a_dollar_before_a_line_end_is_a_remark():
    found = compare(fits("^[a-z]{2}$"), {**S, "maxLength": 2})
    assert found.backward.answer == Y
    assert r"\n" in found.backward.message
    assert "line end" not in compare(fits("^[a-z]{2}"), {**S, "minLength": 2}).backward.message


def test_what_choreo_itself_refuses_is_asked_as_its_validator_reads_it():
    assert includes(fits("^[0-9]+$"), fits(r"^\d+$")).answer == Y


SPELLED = (
    r"^\d$",
    r"^\w$",
    r"^\s$",
    r"^\D$",
    r"^\S$",
    "^.$",
    r"^[\d\s]$",
    r"^[^\d]$",
    r"^[]\d]$",
    r"^[^]\d]$",
    r"^\\$",
)
SAMPLE = [
    chr(code)
    for low, high in ALL
    for code in (*range(low, min(high, 0xA80)), *range(low, high, 499))
    if code < 0x11000 and low <= code <= high
]


@pytest.mark.parametrize("pattern", SPELLED)
def test_python_reads_patterns_as_it_is_said_to(pattern):
    spelled = in_python(pattern)
    told = [char for char in SAMPLE if bool(re.search(pattern, char)) != finds(spelled, char)]
    assert len(told) < 20, told  # letters and digits that one Unicode has and the other has not yet


@pytest.mark.parametrize("pattern", ["^a$", r"^a\$", r"^a\\$", "a|b$", "^(?:a|b)$"])
def test_python_lets_the_dollar_stand_before_a_line_end(pattern):
    for text in ("a", "a\n", "a\n\n", "b\n", "a$", "a\\", "a\\\n", "\n"):
        assert bool(re.search(pattern, text)) == finds(before_line_end(pattern), text), text


def test_only_patterns_are_rewritten():
    schema = {
        "properties": {"pattern": {"pattern": "a"}, "enum": {"pattern": "a"}},
        "enum": [{"pattern": "a"}],
        "allOf": [{"patternProperties": {"a": {"pattern": "a"}, "A": True}}],
    }
    found = rewritten(schema, str.upper)
    assert found["properties"] == {"pattern": {"pattern": "A"}, "enum": {"pattern": "A"}}
    assert found["enum"] == [{"pattern": "a"}]
    assert found["allOf"] == [{"patternProperties": {"A": {"allOf": [{"pattern": "A"}, True]}}}]
