"""Random pairs of schemas: no proof is refuted, every counterexample stands, little is left unknown."""

from __future__ import annotations

import random

import instance_makers
import pytest
import schema_makers

from choreo.compat import Unusable, compare
from choreo.compat.budget import Budget
from choreo.compat.document import Document
from choreo.compat.draft import finds
from choreo.compat.graph import Graph
from choreo.compat.language import Language
from choreo.compat.regex import Irregular

TRIED = 60


def _pair(seed):
    draw = random.Random(seed)
    old = schema_makers.whole(draw, 2)
    new = schema_makers.changed(draw, old) if draw.random() < 0.7 else schema_makers.whole(draw, 2)
    return draw, old, new


@pytest.mark.parametrize("start", range(0, 500, 100))
def test_no_random_value_refutes_a_proof(start):
    unknown = 0
    for seed in range(start, start + 100):
        draw, old, new = _pair(seed)
        try:
            found = compare(old, new)
        except Unusable:
            continue
        for direction, writer, reader in ((found.backward, old, new), (found.forward, new, old)):
            unknown += direction.answer == "unknown"
            if direction.answer == "compatible" and direction.rule != "same":
                _refute(draw, Document(writer), Document(reader), seed)
    assert unknown <= 2


def _refute(draw, writer, reader, seed):
    for _ in range(TRIED):
        value = instance_makers.instance(draw, writer.schema, writer.schema)
        assert not (writer.is_valid(value) and not reader.is_valid(value)), (seed, writer.schema, reader.schema, value)


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_every_counterexample_is_one(seed):
    _, old, new = _pair(seed)
    try:
        found = compare(old, new)
    except Unusable:
        return
    for direction, writer, reader in ((found.backward, old, new), (found.forward, new, old)):
        if direction.answer == "breaking":
            assert Document(writer).is_valid(direction.counterexample.value)
            assert not Document(reader).is_valid(direction.counterexample.value)


def test_the_random_values_would_find_what_is_wrong():
    """Of the pairs that break, chance alone finds a good part: it would find wrong proofs as well."""
    broken = refuted = 0
    for seed in range(150):
        draw, old, new = _pair(seed)
        try:
            found = compare(old, new)
        except Unusable:
            continue
        if found.backward.answer == "breaking":
            broken += 1
            writer, reader = Document(old), Document(new)
            values = (instance_makers.instance(draw, old, old) for _ in range(TRIED))
            refuted += any(writer.is_valid(value) and not reader.is_valid(value) for value in values)
    assert broken > 30
    assert refuted > broken * 0.6


PATTERNS = (
    *schema_makers.PATTERNS,
    *("a{2}", "^a{1,2}b?$", "(a|b)+c", "^[^ab]$", "^\\w+$", "^\\W$", "\\s", "^$", "^a|b$", "(?:ab|c)*", "a.c", "^.$"),
    *(
        "^(?=.*a)(?=.*b).{2,3}$",
        "^(?!.*ab).*$",
        "^[a-c\\d]+$",
        "^[\\]-]$",
        "\\.",
        "^\\p{L}$",
        "^\\u0061",
        "[^\\s]",
        "a*?b",
        "$",
    ),
)


def test_patterns_mean_what_the_validator_finds():
    texts = [
        "",
        *"abcd AB09.-]\n\té",
        "ab",
        "ba",
        "abc",
        "aab",
        "abab",
        "a b",
        "a\nc",
        "bc",
        "cc",
        "12",
        "1a",
        "ab]",
        "éa",
    ]
    language = Language(Budget(1_000_000))
    for pattern in PATTERNS:
        term = language.pattern(pattern)
        for text in texts:
            is_in = language.both((term, language.word(text))) != language.nothing
            is_in = is_in and language.shortest(language.both((term, language.word(text))), 0, None) is not None
            assert is_in == finds(pattern, text), (pattern, text)


IRREGULAR = ("a^b", "(^a)*", "^^a", r"(a)\1", r"(\bword)+", "(?<=a)b", "(?x)a", "[[a]]", "a++", "a{2,1}", "(")


@pytest.mark.parametrize("pattern", IRREGULAR)
def test_patterns_that_are_not_regular_are_left_to_the_validator(pattern):
    with pytest.raises(Irregular):
        Language(Budget(1_000)).pattern(pattern)


def test_equal_schemas_are_one_in_the_graph():
    graph = Graph()
    first = graph.add(Document({"type": "object", "title": "x", "properties": {"a": {"type": "string"}}}))
    assert graph.add(Document({"properties": {"a": {"type": "string"}}, "type": "object"})) == first
    assert graph.add(Document({"type": "object", "properties": {"title": {"type": "string"}}})) != first
    assert graph.add(Document({"dependentRequired": {"title": ["a"]}})) != graph.add(
        Document({"dependentRequired": {}})
    )
