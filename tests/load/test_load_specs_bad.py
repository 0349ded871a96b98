"""T01, T02, T04, T08, T11: one bad spec per Problem, with the places it must be found at in its first lines."""

import random
from pathlib import Path

import pytest

from choreo.loading import load_spec, load_stored
from choreo.loading.shape import spec_schema

HERE = Path(__file__).parent
FOLDER = HERE.parent / "specs_bad" / "load"
GOOD = (HERE / "good.yaml").read_text(encoding="utf-8")


def found_in(path):
    return [(problem.place.line, problem.place.column, problem.code) for problem in load_spec(str(path)).problems]


def expected_in(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    wanted = [line.removeprefix("# expect: ") for line in lines if line.startswith("# expect: ")]
    return [(*map(int, place.split(":")), code) for place, code in (line.split(" ") for line in wanted)]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_bad_spec_gives_exactly_its_problems_at_their_places(path):
    expected = expected_in(path)
    assert expected
    assert found_in(path) == expected


def test_the_good_spec_has_no_problem():
    assert found_in(HERE / "good.yaml") == []


FULL = (HERE / "full.yaml").read_text(encoding="utf-8")


def language_keys(text):
    """(line number, column, key) of every key of the language in a block-style spec, names of the author left out."""
    words = set()

    def collect(part):
        if isinstance(part, dict):
            words.update(part.get("properties", {}))
            for name, below in part.items():
                if name != "examples" or "description" in below:
                    collect(below)
        elif isinstance(part, list):
            for below in part:
                collect(below)

    collect(spec_schema())
    words |= {"type", "required", "properties", "additionalProperties", "maxLength"}
    for number, line in enumerate(text.split("\n")):
        start = len(line) - len(line.lstrip(" -"))
        key, colon, _ = line[start:].partition(":")
        if colon and key in words and "  # name" not in line:
            yield number, start, key


def mutations(key, rng):
    """One letter less, one more, one other, two swapped: at every place of the key."""
    for at in range(len(key)):
        yield key[:at] + key[at + 1 :]
        letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
        yield key[:at] + letter + key[at:]
        yield key[:at] + letter + key[at + 1 :]
        if at and key[at] != key[at - 1]:
            yield key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :]


def problems_of(text):
    problems = load_stored({"a.yaml": text}, "a.yaml").problems
    return {(problem.place.line, problem.code, problem.message) for problem in problems}


def test_no_changed_letter_in_a_key_passes_silently():
    """T02: every key of the language, in a spec that uses nearly all of them; some changes of each."""
    rng = random.Random(2)
    lines, usual = FULL.split("\n"), problems_of(FULL)
    tried, silent = 0, []
    for number, start, key in language_keys(FULL):
        changes = sorted(set(mutations(key, rng)) - {key, ""})
        for changed in rng.sample(changes, min(3, len(changes))):
            line = lines[number][:start] + changed + lines[number][start + len(key) :]
            found = problems_of("\n".join([*lines[:number], line, *lines[number + 1 :]])) - usual
            tried += 1
            if not any(place == number + 1 for place, *_ in found):
                silent.append((number + 1, key, changed))
    assert silent == []
    assert tried > 300
