"""One changed letter in a key or a reference of a good spec is an error: never a traceback, never a silent pass.

Played in a fixed sample; all changes of all words take minutes (`python tests/lint/test_changed_references.py`).
"""

from __future__ import annotations

import random

import pytest
from changed_letters import Source, Spot, mutations, sources, spots

from choreo.expression import ExpressionSyntax, parse

SAMPLE = {"eighteen": 200, "support-desk": 60}
"""Changes that are tried of each spec."""


def changes(spot: Spot, letters: str) -> list[str]:
    return [word for word in dict.fromkeys(mutations(spot.word, letters)) if word not in (spot.word, "")]


def silent(source: Source, tried: list[tuple[Spot, str]]) -> list[str]:
    """The changes that pass without an error."""
    found = []
    for spot, word in tried:
        if not source.errors(spot.replaced(source.texts, word)):
            line = source.texts[spot.path].count("\n", 0, spot.start) + 1
            found.append(f"{spot.path}:{line}: {spot.what} `{spot.word}` as `{word}`")
    return found


@pytest.mark.parametrize("name", SAMPLE)
def test_a_changed_letter_in_a_key_or_a_reference_is_an_error(name: str) -> None:
    source, draw = sources()[name], random.Random(62)
    assert source.errors(source.texts) == []
    words = spots(source)
    draw.shuffle(words)
    tried = [(spot, draw.choice(changes(spot, draw.choice("aeiox_1")))) for spot in (words * 2)[: SAMPLE[name]]]
    assert silent(source, tried) == []


@pytest.mark.parametrize("name", SAMPLE)
def test_every_sort_of_word_is_changed(name: str) -> None:
    kinds = {spot.what for spot in spots(sources()[name])}
    assert kinds == {
        *("key", "role", "contract", "model", "person", "touchpoint", "owner", "cover", "field", "name", "selected")
    }


@pytest.mark.parametrize("word", ["_size", "__size", "size_", "_string", "_"])
def test_a_function_that_is_none_is_an_error_whatever_its_first_letter(word: str) -> None:
    with pytest.raises(ExpressionSyntax, match="there is no function"):
        parse(f"{word}(input.body)")


if __name__ == "__main__":
    for name, source in sources().items():
        every = [(spot, word) for spot in spots(source) for word in changes(spot, "x_")]
        print(f"{name}: {len(every)} changes", *silent(source, every), sep="\n")
