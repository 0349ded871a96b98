"""One bad spec per code: every finding, its place and nothing else, as the comments in the file say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from choreo.lint import RULES, check, explain
from choreo.loading import Loaded, load_spec
from choreo.plan import Contracts
from choreo.spec import Spec

FOLDER = Path(__file__).parent.parent / "specs_bad"
SPECS = sorted(FOLDER.glob("lint_*.yaml"))
_EXPECTED = re.compile(r"# expect: (\d+:\d+ [a-z-]+)")
_ENDS = re.compile(r"# (?:expect: (\d+:\d+ [a-z-]+)|also: (\S+:\d+:\d+))")
_FROM_CODE_ONLY = {"bad-range", "bad-target", "empty-command"}
"""Codes for specs made in code: what is read from a file is stopped by its shape before."""


def family_of(loaded: Loaded) -> dict[str, tuple[Spec, Contracts]]:
    return {path: (one.spec, one.contracts) for path, one in loaded.family.items() if one.spec is not None}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_bad_spec_gives_exactly_its_findings(path: Path) -> None:
    expected = _EXPECTED.findall(path.read_text(encoding="utf-8"))
    loaded = load_spec(str(path))
    assert loaded.spec is not None
    assert loaded.problems == ()
    found = check(loaded.spec, loaded.contracts, family_of(loaded))
    assert [f"{one.place.line}:{one.place.column} {one.code}" for one in found] == expected
    assert expected, "a bad spec says what is expected"


@pytest.mark.parametrize("name", ["lint_both_ends", "lint_refused_value", "lint_refused_example"])
def test_a_finding_shows_the_line_of_the_contract_at_its_other_end(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    expected: dict[str, list[str]] = {}
    for finding, also in _ENDS.findall(path.read_text(encoding="utf-8")):
        latest = expected.setdefault(finding or list(expected)[-1], [])
        latest.extend([also] if also else [])
    loaded = load_spec(str(path))
    assert loaded.spec is not None
    found = check(loaded.spec, loaded.contracts, family_of(loaded))
    assert {
        f"{one.place.line}:{one.place.column} {one.code}": [
            f"{Path(place.path).relative_to(FOLDER)}:{place.line}:{place.column}" for place, _ in one.also
        ]
        for one in found
    } == expected
    assert {place.path for one in found for place, _ in one.also} <= set(loaded.texts)


def test_every_code_has_a_bad_spec_and_a_manual() -> None:
    shown = {line.split()[1] for path in SPECS for line in _EXPECTED.findall(path.read_text(encoding="utf-8"))}
    codes = [code for rule in RULES for code in rule.codes]
    assert len(codes) == len(set(codes))
    assert set(codes) - shown == _FROM_CODE_ONLY
    for code in codes:
        manual = explain(code)
        assert manual is not None
        assert f"`{code}`" in manual


def test_an_unknown_code_has_no_manual() -> None:
    assert explain("no-such-code") is None
