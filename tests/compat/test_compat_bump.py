"""Versions: what a change demands, and who moves first."""

from __future__ import annotations

import pytest

from choreo.compat import compare, is_enough, least, step
from choreo.contract import Version

BUMPS = {
    "none": ({"type": "string"}, {"type": "string"}, "none", "either"),
    "words": ({"type": "string", "title": "a"}, {"type": "string", "title": "b"}, "patch", "either"),
    "said in another way": ({"type": ["string"]}, {"type": "string"}, "patch", "either"),
    "wider": ({"type": "integer"}, {"type": "number"}, "minor", "readers"),
    "narrower": ({"type": "number"}, {"type": "integer"}, "major", "writers"),
    "other": ({"type": "number"}, {"type": "string"}, "major", "together"),
}


@pytest.mark.parametrize("name", BUMPS)
def test_the_bump_and_the_order_follow_from_the_two_directions(name):
    old, new, bump, first = BUMPS[name]
    found = compare(old, new)
    assert (found.bump, found.first) == (bump, first)


STEPS = (
    ("1.0.0", "1.0.1", "patch"),
    ("1.0.9", "1.1.0", "minor"),
    ("1.9.9", "2.0.0", "major"),
    ("0.1.0", "0.1.1", "minor"),
    ("0.1.0", "0.2.0", "major"),
    ("0.0.1", "0.0.2", "major"),
    ("0.9.0", "1.0.0", "major"),
    ("1.1.0", "1.0.0", "none"),
)


@pytest.mark.parametrize(("old", "new", "name"), STEPS)
def test_a_step_has_a_name(old, new, name):
    assert step(Version.parse(old), Version.parse(new)) == name


@pytest.mark.parametrize("old", ["1.2.3", "0.2.3", "0.0.3"])
@pytest.mark.parametrize("bump", ["patch", "minor", "major"])
def test_the_least_version_is_enough(old, bump):
    before = Version.parse(old)
    assert is_enough(before, least(before, bump), bump)


def test_a_smaller_step_is_not_enough():
    assert not is_enough(Version(1, 0, 0), Version(1, 1, 0), "major")
    assert not is_enough(Version(1, 0, 0), Version(1, 0, 1), "minor")
    assert not is_enough(Version(0, 1, 0), Version(0, 1, 1), "major")


def test_every_difference_is_listed_with_its_place():
    old = {"title": "a", "properties": {"a": {"type": "string"}, "b": {}}, "anyOf": [{"minProperties": 1}]}
    new = {"title": "b", "properties": {"a": {"type": "number"}, "c/d": {}}, "anyOf": [{"minProperties": 1.0}]}
    found = {(change.pointer, change.kind, change.told) for change in compare(old, new).changes}
    assert found == {
        ("/title", "changed", True),
        ("/properties/a/type", "changed", False),
        ("/properties/b", "removed", False),
        ("/properties/c~1d", "added", False),
    }
