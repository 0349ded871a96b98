"""`# choreo: ignore[CODE] reason`: what is left out, what never is, and what is said of the comment itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from choreo.api.checked import problems_of, sifted
from choreo.api.ignores import sift
from choreo.loading import load_spec
from choreo.problem import Place, Problem

SPECS = sorted((Path(__file__).parent.parent / "specs_bad" / "ignore").glob("*.yaml"))


def problem(line, code="gap", severity="warning", path="a.yaml"):
    return Problem(Place(path, line, 1), code, "m", severity=severity)


def sifted_text(text, *problems):
    return sift(problems, {"a.yaml": text})


def codes(problems):
    return [(one.place.line, one.code) for one in problems]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_bad_comment_gives_exactly_its_findings(path):
    expected = re.findall(r"# expect: (\d+:\d+ [a-z-]+)", path.read_text(encoding="utf-8"))
    found = problems_of(load_spec(str(path)))
    assert [f"{one.place.line}:{one.place.column} {one.code}" for one in found] == expected
    assert path.stem in {one.code for one in found}


def test_warnings_and_advice_of_the_line_and_the_code_are_left_out_with_their_reason():
    problems = (problem(1), problem(1, "overlap", "advice"), problem(2), problem(1, "tab"))
    found = sifted_text("a: b # choreo: ignore[gap, overlap] as agreed\nc: d\n", *problems)
    assert codes(found.problems) == [(1, "tab"), (2, "gap")]
    assert found.ignored == ((problems[0], "as agreed"), (problems[1], "as agreed"))


def test_what_looks_like_a_comment_inside_a_value_ignores_nothing():
    text = "a: '# choreo: ignore[gap] x'\nb: |\n  # choreo: ignore[gap] x\n"
    found = sifted_text(text, problem(1), problem(3))
    assert codes(found.problems) == [(1, "gap"), (3, "gap")]


def test_a_comment_behind_the_beginning_of_a_text_of_several_lines_covers_them_all():
    text = "a: | # choreo: ignore[gap] x\n  b\n  c\nd: e\n"
    assert codes(sifted_text(text, problem(3), problem(4)).problems) == [(4, "gap")]


def test_an_error_stays_and_the_comment_is_told_also_beside_a_warning_of_the_same_code():
    found = sifted_text("a: b # choreo: ignore[gap] x\n", problem(1, severity="error"), problem(1))
    assert codes(found.problems) == [(1, "gap"), (1, "ignore-of-error")]
    assert found.problems[0].severity == "error"


def test_while_there_are_errors_a_comment_without_a_finding_is_not_told():
    text = "a: b # choreo: ignore[gap] x\nc: d\n"
    assert codes(sifted_text(text, problem(2, "tab", "error")).problems) == [(2, "tab")]
    assert codes(sifted_text(text).problems) == [(1, "ignore-unused")]


def test_a_finding_on_the_same_line_of_another_file_stays():
    found = sifted_text("a: b # choreo: ignore[gap] x\n", problem(1, path="prompts/a.md"), problem(1))
    assert [one.place.path for one in found.problems] == ["prompts/a.md"]


@pytest.mark.parametrize(
    "comment",
    [
        "# choreo: ignore[gap] x",
        "#choreo:ignore[gap] x",
        "# choreo: ignore [ gap ]: x",
        "# note # choreo: ignore[gap] see #12",
        "# choreo: ignore[gap] - ü",
    ],
)
def test_blanks_and_a_note_before_it_do_no_harm(comment):
    found = sifted_text(f"a: b {comment}\n", problem(1))
    assert found.problems == ()
    assert found.ignored


@pytest.mark.parametrize("comment", ["# choreo: ignored[gap] x", "# see choreo: ignore[gap] x", "# choreo: 1"])
def test_another_comment_is_no_ignore(comment):
    assert codes(sifted_text(f"a: b {comment}\n", problem(1)).problems) == [(1, "gap")]


@pytest.mark.parametrize("words", ["", "[] x", "[gap x", " gap x", "[gap;tab] x", "[GAP] x"])
def test_a_comment_that_cannot_be_read_is_told(words):
    found = sifted_text(f"a: b # choreo: ignore{words}\n", problem(1))
    assert codes(found.problems) == [(1, "gap"), (1, "bad-ignore")]


def test_a_spec_whose_warning_is_ignored_is_clean(tmp_path):
    text = (SPECS[0].parent / "ignore-without-reason.yaml").read_text(encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(text.replace("ignore[otherwise-alone]", "ignore[otherwise-alone] it reads better"))
    found = sifted(load_spec(str(path)))
    assert found.problems == ()
    assert [(one.code, reason) for one, reason in found.ignored] == [("otherwise-alone", "it reads better")]
