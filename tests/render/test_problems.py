"""Problems as text: whole output compared, and nothing that acts reaches the terminal."""

from choreo.problem import Place, Problem
from choreo.render.problems import render_problems

TEXT = 'a: 1\n\tb: "日本" x\nlong: ' + "y" * 300 + "\nbad: \x1b[2J\u202e\x9b\u200b x\n"
TEXTS = {"specs/a.yaml": TEXT}


def problem(line, column, **more):
    return Problem(Place("specs/a.yaml", line, column), "some-code", "Something is wrong", **more)


def test_a_problem_has_place_code_sentence_line_caret_other_places_and_help():
    first = (Place("schemas/x.json", 3, 4), "declared here")
    second = (Place("specs/a.yaml", 1, 4), "the other one")
    assert render_problems([problem(1, 1, help="do this", also=(first, second))], TEXTS) == (
        "specs/a.yaml:1:1: error[some-code]: Something is wrong\n"
        "    1 | a: 1\n"
        "      | ^\n"
        "  declared here: schemas/x.json:3:4\n"
        "  the other one: specs/a.yaml:1:4\n"
        "    1 | a: 1\n"
        "      |    -\n"
        "help: do this\n"
        "\n"
        "1 error in 1 file\n"
    )


def test_the_caret_stands_below_its_character_after_tabs_and_wide_characters():
    lines = render_problems([problem(2, 10)], TEXTS).split("\n")
    assert lines[1] == '    2 |     b: "日本" x'
    assert lines[2] == "      |" + " " * (1 + 4 + 4 + 4 + 2) + "^"


def test_a_long_line_is_cut_around_the_column():
    line, caret = render_problems([problem(3, 200)], TEXTS).split("\n")[1:3]
    assert line.startswith("    3 | ... yyy")
    assert line.endswith("yyy ...")
    assert len(line) < 140
    assert line[caret.index("^")] == "y"


def test_control_characters_are_made_visible_and_the_caret_still_fits():
    line, caret = render_problems([problem(4, 13)], TEXTS).split("\n")[1:3]
    assert line == r"    4 | bad: \x1b[2J\u202e\x9b\u200b x"
    assert caret.index("^") == line.index(" x")


def test_no_line_can_be_taken_for_a_command_of_a_ci_runner():
    path = "::error file=x::\x1b]0;t\x07\n::add-mask::y"
    text = "::stop-commands::x\n##[error]y\n"
    found = Problem(
        Place(path, 1, 1), "c::d", "m\n::error::now", "h\n##[x]", also=((Place(path, 2, 1), "\n::warning::"),)
    )
    shown = render_problems([found], {path: text})
    for line in shown.split("\n"):
        assert not line.lstrip().startswith(("::", "##["))
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_errors_come_first_where_not_all_are_shown_and_all_are_counted():
    warnings = [problem(1, column, severity="warning") for column in range(1, 8)]
    shown = render_problems([*warnings, problem(4, 1), problem(1, 1, severity="advice")], TEXTS, limit=3)
    assert shown.count("error[") == 1
    assert shown.count("warning[") == 2
    assert shown.endswith("... and 6 more\n1 error, 7 warnings, 1 piece of advice in 1 file\n")


def test_colour_is_plain_sgr_and_only_where_asked_for():
    assert "\x1b" not in render_problems([problem(1, 1, help="h")], TEXTS)
    shown = render_problems([problem(1, 1, help="h")], TEXTS, colour=True)
    assert "\x1b[31merror[some-code]\x1b[0m" in shown
    assert "\x1b[1mhelp\x1b[0m: h" in shown


def test_a_place_outside_the_known_texts_has_no_excerpt():
    assert render_problems([problem(99, 1)], TEXTS).split("\n")[1] == ""
    assert render_problems([problem(1, 1)], {}).split("\n")[1] == ""


def test_no_problem_is_no_text():
    assert render_problems([], TEXTS) == ""
