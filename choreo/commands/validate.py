"""`choreo validate`: find every mistake before anything is played or paid for. Runs nothing, sends nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence

from choreo.api.checked import sifted
from choreo.commands.report import Findings, Format, format_of, tell
from choreo.errors import DONE, FAILED, UsageError
from choreo.loading import find_specs, is_spec, load_spec
from choreo.problem import Problem
from choreo.render.problems import summary
from choreo.render.text import one_line


def validate(
    paths: Sequence[str],
    *,
    strict: bool = False,
    format: Format = "auto",
    as_json: bool = False,
    quiet: bool = False,
    skip_others: bool = False,
) -> int:
    """Check specs and folders of specs. Exit 1 where errors were found (warnings too with `strict`).

    With `skip_others` files that are no specs are passed over, as they are in folders. `quiet` shows errors only.
    """
    form = format_of(format, as_json)
    specs, skipped = _specs(paths, skip_others)
    found = _check(specs, strict)
    failed = any(map(found.fails, found.problems))
    tell(found.only_errors() if quiet else found, form, told="" if quiet else _told(found, len(specs), skipped))
    return FAILED if failed else DONE


def _check(specs: Sequence[str], strict: bool) -> Findings:
    checked: list[tuple[str, tuple[Problem, ...]]] = []
    ignored: list[tuple[Problem, str]] = []
    texts: dict[str, str] = {}
    shown = [os.path.normpath(path).replace(os.sep, "/") for path in specs]
    for path, own in zip(specs, shown, strict=True):
        loaded = load_spec(path)
        found = sifted(loaded)
        # What is wrong in a sub-spec is told once: under its own name, where that is checked, too.
        told = (problem for problem in found.problems if problem.place.path == own or problem.place.path not in shown)
        checked.append((path, tuple(told)))
        ignored += found.ignored
        if found.problems:
            texts.update(loaded.texts)
    return Findings(tuple(checked), texts, tuple(ignored), strict)


def _told(found: Findings, specs: int, skipped: Sequence[str]) -> str:
    """`2 specs checked, 1 other YAML file skipped (ci.yaml): 1 error in 1 file; 1 finding ignored`."""
    more = f", {_others(skipped)} skipped{_named(skipped)}" if skipped else ""
    told = summary(found.problems) if found.problems else "no problems"
    ignored = f"; {_count(len(found.ignored), 'finding')} ignored" if found.ignored else ""
    return f"{_count(specs, 'spec')} checked{more}: {told}{ignored}"


def _others(skipped: Sequence[str]) -> str:
    return _count(len(skipped), "other YAML file")


def _named(skipped: Sequence[str]) -> str:
    """Which files were skipped, where they are few: one of them may have been meant as a spec."""
    return f" ({', '.join(map(one_line, skipped))})" if 0 < len(skipped) <= _FEW else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _specs(paths: Sequence[str], skip_others: bool) -> tuple[list[str], list[str]]:
    """The specs that are, or lie below, some paths, and the YAML files that were skipped."""
    specs: list[str] = []
    skipped: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            is_other = skip_others and os.path.isfile(path) and not is_spec(path)
            (skipped if is_other else specs).append(path)
            continue
        inside, others = find_specs(path)
        if not inside and not skip_others:
            found = f"there is no spec in `{path}` ({_others(others)}{_named(others)})"
            raise UsageError("no-specs", found, _WHAT_IS_A_SPEC)
        specs.extend(inside)
        skipped.extend(others)
    return _once(specs), _once(skipped)


def _once(paths: Sequence[str]) -> list[str]:
    """Each file under the first of its names. A link to a spec is another one: what it names is found beside it."""
    found: dict[str, str] = {}
    for path in paths:
        folder, name = os.path.split(path)
        found.setdefault(os.path.join(os.path.realpath(folder or "."), name), path)
    return list(found.values())


_FEW = 3
_WHAT_IS_A_SPEC = "a spec is a YAML file with a top-level `choreo:` key"
