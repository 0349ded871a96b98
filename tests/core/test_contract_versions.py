"""Versions and ranges."""

from __future__ import annotations

import pytest

from choreo.contract import BadVersion, Version, best, parse_range


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2.0", ["1.2.0"], ["1.2.1", "1.1.9"]),
        ("^1", ["1.0.0", "1.99.3"], ["0.9.9", "2.0.0"]),
        ("^1.2", ["1.2.0", "1.10.0"], ["1.1.9", "2.0.0"]),
        ("^1.2.3", ["1.2.3", "1.3.0"], ["1.2.2", "2.0.0"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0", "1.1.9"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3.0"]),
        ("^0", ["0.0.0", "0.9.0"], ["1.0.0"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.3.0", "0.1.9"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
    ],
)
def test_a_range_allows_what_semantic_versioning_says(text, inside, outside):
    found = parse_range(text)
    assert [v for v in inside + outside if found.allows(Version.parse(v))] == inside
    assert str(found) == text


def test_only_an_exact_version_is_exact():
    assert parse_range("1.2.0").exact
    assert not parse_range("^1.2.0").exact


def test_versions_are_ordered_by_their_numbers():
    texts = ["1.10.0", "1.9.9", "0.0.1", "1.9.10", "2.0.0"]
    assert [str(v) for v in sorted(map(Version.parse, texts))] == ["0.0.1", "1.9.9", "1.9.10", "1.10.0", "2.0.0"]


@pytest.mark.parametrize(
    "text", ["1", "1.2", "1.2.3.4", "01.2.3", "1.2.03", "v1.2.3", "1.2.3-rc1", "", " 1.2.3", "１.2.3"]
)
def test_a_version_is_three_plain_numbers(text):
    with pytest.raises(BadVersion) as caught:
        Version.parse(text)
    assert "1.2.0" in caught.value.help


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("1", "`^1`"),
        ("1.2", "`^1.2`"),
        ("~1", "`^1`"),
        ("v1.2.0", "`1.2.0`"),
        ("*", "`^1`"),
        (">=1.0", "`^1`"),
        ("1.2.3-rc1", "pre-releases"),
        ("^01", "`^1`"),
        ("^1.2.3.4", "`^1`"),
        ("^", "`^1`"),
        ("", "`^1`"),
        ("^1\n", "`^1`"),
        ("latest", "`^1`"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text, help):
    with pytest.raises(BadVersion, match="not a version range") as caught:
        parse_range(text)
    assert help in caught.value.help


def test_best_is_the_newest_that_is_allowed():
    versions = ["1.9.0", "1.10.0", "2.0.0", "readme", "1.2.0"]
    assert best(parse_range("^1"), versions) == "1.10.0"
    assert best(parse_range("~1.2"), versions) == "1.2.0"
    assert best(parse_range("^3"), versions) is None
