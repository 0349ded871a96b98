"""Untrusted text on its way to a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo.render.text import columns, gutter, one_line, safe_text, wrap

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text, 100 %", "plain text, 100 %"),
        ("Grüße aus Łódź, 東京 → ❤️", "Grüße aus Łódź, 東京 → ❤️"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("\r\x07\x08\x00\x7f", r"\x0d\x07\x08\x00\x7f"),
        ("\u202eabc\u202c\u2066\u200f", r"\u202eabc\u202c\u2066\u200f"),
        ("a\u200bb\u200d\ufeff\u2060", r"a\u200bb\u200d\ufeff\u2060"),
        ("\U000e0041\U000e007f", r"\U000e0041\U000e007f"),
        ("a\ufe0f\ufe0f ☎\ufe0f\ufe0f", "a\\ufe0f\\ufe0f ☎\ufe0f\\ufe0f"),
        ("x\U000e0101", r"x\U000e0101"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\ud800", r"\ud800"),
        ("\u3164\u2800\u115f", r"\u3164\u2800\u115f"),
        ("\ue0b0", r"\ue0b0"),
        ("e\u0301" + "\u0301" * 5, "e" + "\u0301" * 4 + r"\u0301\u0301"),
        ("[link=x] [/] :warning:", "[link=x] [/] :warning:"),
    ],
)
def test_what_does_not_plainly_print_is_shown_as_an_escape(raw, shown):
    assert safe_text(raw) == shown


@given(ANY_TEXT)
def test_nothing_that_steers_or_hides_comes_through(text):
    safe = safe_text(text)
    assert all(
        char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in safe
    )
    assert safe_text(safe) == safe
    assert safe_text(text, ascii_only=True).isascii()
    assert "\n" not in one_line(text)


@given(ANY_TEXT, st.integers(12, 60))
def test_every_row_of_a_gutter_has_the_mark_and_fits(text, width):
    rows = gutter(text, width=width).split("\n")
    assert all(row.startswith("│ ") and columns(row) <= width for row in rows)
    assert "".join(row[2:] for row in rows) == safe_text(text).expandtabs(4).replace("\n", "")


def test_a_gutter_without_a_width_marks_each_line():
    assert gutter("a\nb\x1b", "> ") == "> a\n> b\\x1b"


@given(st.text(st.sampled_from("ab 東e\u0301"), max_size=120), st.integers(8, 20), st.integers(8, 20))
def test_wrapping_loses_no_character_and_fits(text, first, later):
    rows = list(wrap(text, first, later))
    assert "".join(rows) == text
    assert columns(rows[0]) <= first
    assert all(columns(row) <= later for row in rows[1:])


def test_rows_break_after_spaces():
    assert list(wrap("we pay back the money", 12)) == ["we pay back ", "the money"]
