"""Patterns as the validator reads them, asked of the validator itself: what each stands for, and random ones."""

from __future__ import annotations

import random

import pytest

from choreo.compat import charset, compare
from choreo.compat.budget import Budget
from choreo.compat.draft import finds
from choreo.compat.language import Language
from choreo.compat.regex import Irregular

Y, N = "compatible", "breaking"
ODD = "akKs1_-.\n\r\x0b\x1c\x85\xa0\u2028\u2029\ufeffé\u00c9ß\u1e9e\u017f\u212a٣৪\u200d\u0301ⓐⅷ😀𐐀\u0345\x00"
TEXTS = (
    "",
    " ",
    *ODD,
    *(one + other for one in ("a", " ", "é", "-", "_", "\n") for other in ("k", " ", "é", "b", "1")),
)
TEXTS += ("a b", "ab c", "aa", "abk", "k-b", "ab_c", "a\nb", "aaa", "bb a", "a.b")
ATOMS = (
    *(
        "a",
        "b",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\S",
        r"\W",
        "[a-c]",
        "[^a]",
        r"[^\d]",
        r"[\w-]",
        "k",
        r"\b",
        r"\B",
        "(?i)",
        "$",
    ),
    *(
        r"\.",
        "-",
        " ",
        "é",
        "[ß-ü]",
        r"\p{L}",
        r"\P{Lu}",
        "(?=a)",
        "(?!b)",
        "_",
        r"\n",
        "(?i:k)",
        r"\z",
        "(?s)",
        "(?-i)",
    ),
    *(r"[\W_]", r"\p{Nd}", "[k-m]", r"\p{Script=Greek}", r"(?-u:\b)"),
)
KINDS = (".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"[^\w]", r"(?i)\w", r"(?i)\W", "(?i)[k-s]", "(?i)[^ß]")


def is_in(language, term, text):
    return language.shortest(language.both((term, language.word(text))), 0, None) is not None


@pytest.mark.parametrize("start", ["^", "^(?=.)", "^(?!xx)", "(?i)^(?=.)"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_character_is_the_one_of_the_validator(start, kind):
    """Which is another one where it looks ahead, apart from the very beginning."""
    pattern = f"{start}{kind}$"
    language = Language(Budget(1_000_000))
    term = language.pattern(pattern)
    assert [text for text in ODD if is_in(language, term, text)] == [text for text in ODD if finds(pattern, text)]


@pytest.mark.parametrize("pattern", [r"^\b.\b$", r"^\p{L}$", r"^\p{White_Space}$", r"^\p{Cn}$"])
def test_what_is_asked_of_the_validator_is_its_answer_for_each_character(pattern):
    found = charset.asked(pattern)
    sample = [*range(0, 0xD800, 7), *range(0xE000, 0x20000, 13), *range(0x20000, 0x110000, 977), 0x1FFFE, 0x10FFFF]
    assert all(charset.contains(found, code) == finds(pattern, chr(code)) for code in sample[::5])


def _random(draw, depth):
    parts = []
    for _ in range(draw.randrange(1, 5)):
        part = draw.choice(ATOMS)
        if depth and draw.random() < 0.3:
            part = f"({_random(draw, depth - 1)}{draw.choice(('', '|' + _random(draw, depth - 1)))})"
        parts.append(part + (draw.choice(("*", "+", "?", "{2}", "{1,2}", "*?")) if draw.random() < 0.2 else ""))
    return draw.choice(("", "^")) + "".join(parts) + draw.choice(("", "$"))


def test_random_patterns_mean_what_the_validator_finds():
    draw = random.Random(11)
    read = 0
    for _ in range(220):
        pattern = _random(draw, 1)
        language = Language(Budget(400_000))
        try:
            term = language.pattern(pattern)
        except Irregular:
            continue
        if finds(pattern, "") is None:
            continue
        read += 1
        for text in draw.sample(TEXTS, 25):
            assert is_in(language, term, text) == finds(pattern, text), (pattern, text)
    assert read > 60


def fits(pattern, **more):
    return {"type": "string", "pattern": pattern, **more}


CASES = {
    "a dot is no line end of any kind": (fits("^[^\n]$"), fits("^.$"), N, Y),
    "words at their edges": (fits(r"\bfoo\b"), fits("foo"), Y, N),
    "an edge within a text": (fits(r"^a\b.*$"), fits("^a"), Y, N),
    "an edge that cannot be": (fits(r"^a\bb$"), {"enum": []}, Y, Y),
    "where case does not count": (fits("^(?i)ab$"), fits("^(?i:a)[bB]$"), Y, Y),
    "letters that differ in case from others only": (fits("^(?i)[a-z]$"), fits("^[a-zA-Z]$"), N, Y),
    "nothing behind the end": (fits("^a$b"), {"enum": []}, Y, Y),
}


@pytest.mark.parametrize("name", CASES)
def test_the_answer_follows_from_what_patterns_mean(name):
    old, new, backward, forward = CASES[name]
    found = compare(old, new)
    assert (found.backward.answer, found.forward.answer) == (backward, forward), found


def test_what_looks_ahead_is_read_as_rust_reads_it():
    found = compare(fits(r"^(?!0)\d$"), fits("^[0-9]$"))
    assert found.backward.answer == N
    assert finds(r"^(?!0)\d$", found.backward.counterexample.value)
