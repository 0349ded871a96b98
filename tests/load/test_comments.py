"""The comments of a YAML text: what begins with `#` and is no part of a value."""

from __future__ import annotations

import pytest

from choreo.loading.comments import comments


def found(text):
    return [(comment.line, comment.column, comment.text) for comment in comments(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a\n", [(1, 1, "# a")]),
        ("a: b # c\n", [(1, 6, "# c")]),
        ("a: b# c\n", []),
        ("a: 'x # y' # z\n", [(1, 12, "# z")]),
        ('a: "x \\" # y" # z\n', [(1, 15, "# z")]),
        ("a: 'it''s # y' # z\n", [(1, 16, "# z")]),
        ("a: |\n  # b\n  c # d\ne: f # g\n", [(4, 6, "# g")]),
        ("a: >- # b\n  # c\nd: e\n", [(1, 7, "# b")]),
        ("a: |\n  b\n# c\nd: e\n", [(3, 1, "# c")]),
        ("a: |\n  b # c", []),
        ("a: | # b", [(1, 6, "# b")]),
        ("a: 'x\n  # y\n  z' # c\n", [(3, 6, "# c")]),
        ("a: [b, # c\n  'd # e'] # f\n", [(1, 8, "# c"), (2, 12, "# f")]),
        ("a: &x b # c\n", [(1, 9, "# c")]),
        ("ä: 'ü' # ö\n", [(1, 8, "# ö")]),
        ("? # a\n  b\n: # c\n  d\n", [(1, 3, "# a"), (3, 3, "# c")]),
        ("a: b\n\n  # c\n", [(3, 3, "# c")]),
        ("", []),
        ("a: 'b\n# c\n", []),
    ],
)
def test_a_comment_is_what_is_no_value(text, expected):
    assert found(text) == expected


def test_a_comment_stands_for_its_line_and_for_the_text_of_several_lines_that_begins_or_ends_there():
    text = "a: | # 1\n  b\n\n  c\nd: 'e\n  f' # 2\ng: h # 3\n"
    assert [sorted(comment.lines) for comment in comments(text)] == [[1, 2, 3, 4], [5, 6], [7]]
