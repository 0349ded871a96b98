"""Findings in the format that was asked for, and the one line that sums them up."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from choreo.commands.speech import is_terminal, out, say, wants_colour
from choreo.errors import UsageError
from choreo.problem import Place, Problem
from choreo.render.problems import problem_data, render_problems

Format = Literal["auto", "text", "json", "github", "sarif", "junit"]


class Findings(Struct, frozen=True):
    """`checked` are the specs (or folders) with what was found in each; `texts` are those of all files, by path.

    `ignored` are findings that comments ignore, each with the reason; `strict` says that warnings fail, too.
    """

    checked: tuple[tuple[str, tuple[Problem, ...]], ...]
    texts: Mapping[str, str]
    ignored: tuple[tuple[Problem, str], ...] = ()
    strict: bool = False

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Each once (a contract may be found broken from several specs), in the order of the files."""
        every = {problem for _, problems in self.checked for problem in problems}
        return tuple(sorted(every, key=lambda problem: problem.order))

    def fails(self, problem: Problem) -> bool:
        return problem.severity == "error" or (self.strict and problem.severity == "warning")

    def only_errors(self) -> Findings:
        kept = tuple((name, tuple(filter(_is_error, problems))) for name, problems in self.checked)
        return replace(self, checked=kept, ignored=())


def _is_error(problem: Problem) -> bool:
    return problem.severity == "error"


def format_of(asked: Format, as_json: bool) -> Format:
    """The format that is meant: `--json` is another word for `json`; `auto` is `github` on GitHub Actions, else text.

    Raises UsageError where `--json` stands beside another format.
    """
    if as_json and asked not in ("auto", "json"):
        raise UsageError(
            "two-formats", f"--json and --format {asked} each want the whole of stdout", "take one of them"
        )
    if as_json:
        return "json"
    if asked != "auto":
        return asked
    on_actions = os.environ.get("GITHUB_ACTIONS") == "true" and not is_terminal(sys.stdout)
    return "github" if on_actions else "text"


def tell(findings: Findings, format: Format, *, told: str, data: Any = None) -> None:
    """Write what was found to stdout. `told` sums it up, for people: beside a document for machines it is on stderr.

    An empty `told` is not said. `data` takes the place of the list of problems in JSON.
    """
    if format == "text":
        found = render_problems(findings.problems, findings.texts, colour=wants_colour(sys.stdout), total=False)
    elif format == "github":
        from choreo.render.github import render_github

        found = render_github([_rooted(problem) for problem in findings.problems])
    else:
        _tell_machine(findings, format, told, data)
        return
    if found or told:
        out(f"{found}{told}".rstrip("\n"), commands=True)


def _tell_machine(findings: Findings, format: Format, told: str, data: Any) -> None:
    out(_document(findings, format, data).rstrip("\n"), commands=True)
    if told:
        say(told)


def _document(findings: Findings, format: Format, data: Any) -> str:
    if format == "sarif":
        return _json(_sarif(findings))
    if format == "junit":
        from choreo.render.junit import render_junit

        return render_junit(findings.checked, findings.fails)
    return _json([problem_data(problem) for problem in findings.problems] if data is None else data)


def _sarif(findings: Findings) -> dict[str, Any]:
    from choreo import __version__
    from choreo.manual import manuals
    from choreo.render.sarif import sarif_data

    problems: Sequence[Problem] = [_rooted(problem) for problem in findings.problems]
    ignored = [(_rooted(problem), reason) for problem, reason in findings.ignored]
    return sarif_data(problems, ignored, manuals(), __version__)


def _json(data: Any) -> str:
    """JSON in which no CI runner finds a command: `##[...]` anywhere in a line would be one."""
    return json.dumps(data, ensure_ascii=False, indent=2).replace("##", "#\\u0023")


# -- paths as a repository sees them ---------------------------------------------------------------


def _rooted(problem: Problem) -> Problem:
    """The problem with its paths relative to the root of the repository that CI checked out (else to here)."""
    also = tuple((_place(place), label) for place, label in problem.also)
    return replace(problem, place=_place(problem.place), also=also)


def _place(place: Place) -> Place:
    root = os.path.realpath(os.environ.get("GITHUB_WORKSPACE") or ".")
    here = os.path.realpath(".")
    root = root if here == root or here.startswith(root.rstrip(os.sep) + os.sep) else here
    if root == here and not os.path.isabs(place.path):
        return place
    try:
        path = os.path.relpath(os.path.realpath(place.path), root)
    except ValueError:  # another drive: there is no relative path
        return place
    return replace(place, path=path.replace(os.sep, "/"))
