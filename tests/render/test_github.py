"""Annotations of GitHub Actions: read back here by the runner's own rules, and nothing in a spec becomes a command."""

from __future__ import annotations

from choreo.problem import Place, Problem
from choreo.render.github import render_github

_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


def read(line):
    """(command, properties, message) as the runner reads a line."""
    assert line.startswith("::")
    info, _, data = line[2:].partition("::")
    command, _, words = info.partition(" ")
    properties = dict(word.split("=", 1) for word in words.split(",") if "=" in word)
    return command, {name: unescaped(value, _PROPERTY) for name, value in properties.items()}, unescaped(data, _DATA)


def unescaped(text, pairs):
    for written, meant in pairs:
        text = text.replace(written, meant)
    return text


def problem(**more):
    return Problem(Place(more.pop("path", "specs/a.yaml"), 3, 7), more.pop("code", "gap"), **{"message": "m", **more})


def test_a_problem_is_one_line_with_place_code_sentence_help_and_other_places():
    also = ((Place("schemas/x.json", 3, 4), "declared here"),)
    assert render_github([problem(message="100% off", help="do: this, now", also=also)]) == (
        "::error file=specs/a.yaml,line=3,col=7,title=gap::100%25 off%0Ahelp: do: this, now"
        "%0Adeclared here: schemas/x.json:3:4\n"
    )


def test_severities_are_the_runner_s_words():
    lines = render_github([problem(severity=severity) for severity in ("error", "warning", "advice")]).splitlines()
    assert sorted(line.split(" ")[0] for line in lines) == ["::error", "::notice", "::warning"]


def test_the_runner_reads_back_what_was_meant():
    path = "a,b:c%0A=d::e.yaml"
    line = render_github([problem(path=path, message="x::y %0A %25 z")]).rstrip("\n")
    assert read(line) == ("error", {"file": path, "line": "3", "col": "7", "title": "gap"}, "x::y %0A %25 z")


def test_text_from_a_file_never_starts_a_line_or_a_command_of_its_own():
    bad = "x\n::add-mask::y\r\n::stop-commands::z\x0b::error::q\u2028::warning::w ##[add-mask]v ##vso[task.x]u \x1b[2J"
    found = problem(path=bad, code=bad, message=bad, help=bad, also=((Place(bad, 1, 1), bad),))
    shown = render_github([found])
    assert shown.count("\n") == 1
    assert len(shown.splitlines()) == 1
    assert read(shown.rstrip("\n"))[0] == "error"
    for sign in ("##[", "##vso[", "\x1b", "\r", "\u2028"):
        assert sign not in shown


def test_of_many_problems_errors_are_told_and_the_rest_is_counted():
    lines = render_github([*(problem(severity="warning") for _ in range(5)), problem()], limit=2).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice::..."]
    assert lines[-1] == "::notice::... and 4 more"


def test_no_problem_is_no_text():
    assert render_github([]) == ""
