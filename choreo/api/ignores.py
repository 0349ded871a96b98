"""`# choreo: ignore[CODE] reason` at the end of a line: the warnings and the advice of that line that do not count."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from choreo.problem import Place, Problem, suggestion

_ASKED = re.compile(r"choreo:[ \t]*ignore\b")
_IGNORE = r"(?:^|\s)#[ \t]*choreo:[ \t]*(ignore\b.*)$"
_WORDS = r"ignore[ \t]*\[([^\]]*)\](.*)"
_CODE = r"[a-z][a-z0-9-]*"
_HOW = "write `# choreo: ignore[CODE] reason` at the end of the finding's line"


class Ignore(Struct, frozen=True):
    """One code of one comment. `place` is the code's own; `lines` are those it stands for."""

    code: str
    reason: str
    place: Place
    lines: frozenset[int]

    def covers(self, problem: Problem) -> bool:
        return problem.code == self.code and problem.place.path == self.place.path and problem.place.line in self.lines


class Sifted(Struct, frozen=True):
    """`problems` are what counts, with what is to be said of the comments; `ignored` has the reason beside each."""

    problems: tuple[Problem, ...]
    ignored: tuple[tuple[Problem, str], ...] = ()


def sift(problems: Sequence[Problem], texts: Mapping[str, str]) -> Sifted:
    """Leave out what comments in the specs ignore (`texts` by path). Errors are never left out."""
    asked = [(path, text) for path, text in texts.items() if _ASKED.search(text)]
    if not asked:
        return Sifted(tuple(problems))
    found, told = _read(asked)
    able = [ignore for ignore in found if ignore.reason]
    by = {problem: ignore for ignore in able for problem in problems if ignore.covers(problem)}
    kept = [problem for problem in problems if problem.severity == "error" or problem not in by]
    told += [_without_reason(ignore) for ignore in found if not ignore.reason]
    told += [_of_error(ignore) for ignore in able if any(ignore.covers(one) for one in kept)]
    if not any(problem.severity == "error" for problem in problems):  # errors may hide what it was written for
        told += [_unused(ignore) for ignore in able if not any(map(ignore.covers, problems))]
    ignored = tuple((problem, ignore.reason) for problem, ignore in by.items() if problem.severity != "error")
    counted = tuple(sorted((*kept, *told), key=lambda problem: problem.order))
    return Sifted(counted, tuple(sorted(ignored, key=lambda one: one[0].order)))


def _read(texts: Sequence[tuple[str, str]]) -> tuple[list[Ignore], list[Problem]]:
    from choreo.loading.comments import comments

    found: list[Ignore] = []
    told: list[Problem] = []
    for path, comment in ((path, comment) for path, text in texts for comment in comments(text)):
        asked = re.search(_IGNORE, comment.text)
        if asked is None:
            continue
        words, start = re.match(_WORDS, asked[1]), comment.column + asked.start(1)
        codes = [] if words is None else _codes(words[1])
        if words is None or not codes:
            message = f"this comment names no code to ignore: `{asked[1][:60].strip()}`"
            told.append(Problem(Place(path, comment.line, start), "bad-ignore", message, _HOW, "warning"))
            continue
        reason = words[2].strip(" \t-:")
        for code, offset in codes:
            place = Place(path, comment.line, start + words.start(1) + offset)
            found.append(Ignore(code, reason, place, comment.lines))
    return found, told


def _codes(text: str) -> list[tuple[str, int]]:
    """The codes between the brackets, each with its offset; none where one of them is no code."""
    found = [(part.group().strip(), part.start() + _blanks(part.group())) for part in re.finditer(r"[^,]+", text)]
    return found if all(re.fullmatch(_CODE, code) for code, _ in found) else []


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def _without_reason(ignore: Ignore) -> Problem:
    message = f"`{ignore.code}` is ignored without a reason, so it is not ignored"
    help = f"say why behind the bracket: `# choreo: ignore[{ignore.code}] reason`"
    return Problem(ignore.place, "ignore-without-reason", message, help, "warning")


def _of_error(ignore: Ignore) -> Problem:
    message = f"`{ignore.code}` is an error here, and errors cannot be ignored"
    return Problem(ignore.place, "ignore-of-error", message, "correct it, and remove the code here", "warning")


def _unused(ignore: Ignore) -> Problem:
    from choreo.manual import manuals

    known = tuple(manuals())
    message = f"there is no `{ignore.code}` here that could be ignored"
    help = "remove it, or put it at the end of the finding's line"
    if ignore.code not in known:
        message, help = f"`{ignore.code}` is no code", suggestion(ignore.code, known, "code")
        help = help if help.startswith("did") else "`choreo explain` lists them"
    return Problem(ignore.place, "ignore-unused", message, help, "warning")
