"""JSON for reading, cut openly; what an edit changed."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from choreo.gates.diff import diff_rows
from choreo.gates.layout import Page, cut, exact_rows, reading_rows
from choreo.render.text import columns

PAGE = Page(40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def _read(value, page=PAGE):
    return [row.text for row in reading_rows(value, page)]


def test_plain_values_read_as_json():
    value = {"a": 1, "tags": ["x", "y"], "deep": {"b": None}, "none": {}}
    rows = _read(value)
    assert rows == [
        "{",
        '  "a": 1,',
        '  "tags": ["x", "y"],',
        '  "deep": {',
        '    "b": null',
        "  },",
        '  "none": {}',
        "}",
    ]
    assert json.loads("\n".join(rows)) == value


def test_a_text_of_several_lines_stands_behind_its_own_mark():
    rows = _read({"reply": 'Hello\n"amount": 5,\n}', "z": 1})
    assert rows == ["{", '  "reply": text of 3 lines', "    ┊ Hello", '    ┊ "amount": 5,', "    ┊ }", '  "z": 1', "}"]


@settings(max_examples=50, deadline=None)
@given(VALUES, st.integers(14, 60))
def test_rows_fit_and_hold_one_line_each(value, width):
    for row in [*reading_rows(value, Page(width)), *diff_rows({"a": value}, {"b": value}, Page(width))]:
        assert columns(row.text) <= width + 2
        assert "\n" not in row.text


def test_a_cut_shares_the_rows_so_that_a_long_field_hides_no_short_one():
    value = {"a_long": "\n".join(map(str, range(500))), "b": 1, "long": ["x" * 30] * 300, "z": "end"}
    found = cut(reading_rows(value, PAGE), 20, PAGE)
    texts = [row.text for row in found.rows]
    assert '  "b": 1,' in texts
    assert '  "z": "end"' in texts
    assert found.fields == ("a_long", "long")
    assert found.total == len(_read(value))
    assert sum("more line" in text for text in texts) == 2
    assert found.hidden == found.total - (len(texts) - 2)


def test_more_fields_than_rows_are_cut_at_the_end():
    found = cut(reading_rows({f"key{number:04}": number for number in range(1000)}, PAGE), 20, PAGE)
    assert 15 <= found.total - found.hidden <= 20
    assert "key0900" in found.fields
    assert found.rows[-1].text == f"… {found.hidden} more lines"


def test_what_fits_is_not_cut():
    found = cut(reading_rows({"a": 1}, PAGE), 20, PAGE)
    assert (found.hidden, found.fields, found.total) == (0, (), 3)


def test_the_exact_bytes_are_shown_without_a_character_lost():
    data = json.dumps({"text": "x" * 200}).encode()
    assert "".join(row.text for row in exact_rows(data, PAGE)).encode() == data


def test_a_diff_names_each_pointer_with_both_values():
    old = {"amount": 250, "gone": "x", "items": [1, 2], "flag": 1, "a/b": 0}
    new = {"amount": 200, "new": None, "items": [1, 3, 4], "flag": True, "a/b": 1}
    assert [row.text for row in diff_rows(old, new, Page(60))] == [
        "/a~1b: 0 -> 1",
        "/amount: 250 -> 200",
        "/flag: 1 -> true",
        '/gone: "x" -> (none)',
        "/items/1: 2 -> 3",
        "/items/2: (none) -> 4",
        "/new: (none) -> null",
    ]


def test_a_diff_of_texts_shows_the_changed_lines():
    rows = [row.text for row in diff_rows({"t": "one\ntwo\nthree\nfour"}, {"t": "one\n2\nthree\nfour\nfive"}, PAGE)]
    assert rows == ["/t", "  - two", "  + 2", "  …", "  + five"]
