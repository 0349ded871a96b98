"""The quick encoder and the reference one give the same bytes, whatever the value."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from choreo.canonical import NotData, check, encode

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1e-3, 1e-3)
    | TEXT
)
DATA = st.recursive(LEAF, lambda part: st.lists(part) | st.dictionaries(TEXT, part), max_leaves=12)


@given(DATA)
@example(1e16)
@example({"b": 1e-05, "a": -0.0})
def test_canonical_bytes_are_those_of_the_reference_encoder(value):
    reference = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert encode(value) == reference.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, {"b": "\0"}]}, "/a/1/b"),
        ({"a": {1: 2}}, "/a"),
        ([{"k": (1,)}], "/0/k"),
        ([[2**63]], "/0/0"),
        ({"x": float("nan")}, "/x"),
        (["\ud800"], "/0"),
    ],
)
def test_what_is_no_data_is_refused_with_its_place(value, where):
    with pytest.raises(NotData) as refused:
        check(value)
    assert refused.value.pointer == where
    with pytest.raises(NotData):
        encode(value)
