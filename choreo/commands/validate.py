"""`choreo validate`: find every mistake before anything is played or paid for. Runs nothing, sends nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from choreo.commands.checked import problems_of
from choreo.commands.speech import out, say, wants_colour
from choreo.errors import DONE, FAILED, UsageError
from choreo.load import find_specs, load_spec
from choreo.problem import Problem
from choreo.render.problems import problem_data, render_problems, summary


def validate(paths: Sequence[str], *, strict: bool, as_json: bool, quiet: bool) -> int:
    """Check specs and folders of specs. Exit 1 where errors were found (warnings too with `strict`)."""
    specs, skipped = _specs(paths)
    found: list[Problem] = []
    texts: dict[str, str] = {}
    for path in specs:
        loaded = load_spec(path)
        found.extend(problems_of(loaded))
        texts.update(loaded.texts)
    shown = [problem for problem in found if not quiet or problem.severity == "error"]
    if as_json:
        out(json.dumps([problem_data(problem) for problem in shown], ensure_ascii=False, indent=2))
    elif shown:
        out(render_problems(shown, texts, colour=wants_colour(sys.stdout)).rstrip("\n"))
    if not as_json and not quiet:
        more = f"; {skipped} other YAML files skipped" if skipped else ""
        told = "no problems" if not found else summary(found)
        say(f"{len(specs)} spec{'' if len(specs) == 1 else 's'} checked{more}: {told}")
    bad = any(problem.severity == "error" or (strict and problem.severity == "warning") for problem in found)
    return FAILED if bad else DONE


def _specs(paths: Sequence[str]) -> tuple[list[str], int]:
    specs: list[str] = []
    skipped = 0
    for path in paths:
        if not os.path.isdir(path):
            specs.append(path)
            continue
        inside, others = find_specs(path)
        if not inside:
            raise UsageError("no-specs", f"there is no spec in `{path}` ({others} other YAML files)", _WHAT_IS_A_SPEC)
        specs.extend(inside)
        skipped += others
    return list(dict.fromkeys(specs)), skipped


_WHAT_IS_A_SPEC = "a spec is a YAML file with a top-level `choreo:` key"
