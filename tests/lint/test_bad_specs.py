"""One bad spec per code: every finding, its place and nothing else, as the comments in the file say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from choreo.lint import RULES, check, explain
from choreo.load import load_spec

FOLDER = Path(__file__).parent.parent / "specs_bad"
SPECS = sorted(FOLDER.glob("lint_*.yaml"))
_EXPECTED = re.compile(r"# expect: (\d+:\d+ [a-z-]+)")
_FROM_CODE_ONLY = {"bad-range", "bad-target", "empty-command"}
"""Codes for specs made in code: what is read from a file is stopped by its shape before."""


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_bad_spec_gives_exactly_its_findings(path: Path) -> None:
    expected = _EXPECTED.findall(path.read_text(encoding="utf-8"))
    loaded = load_spec(str(path))
    assert loaded.spec is not None
    assert loaded.problems == ()
    found = check(loaded.spec, loaded.contracts)
    assert [f"{one.place.line}:{one.place.column} {one.code}" for one in found] == expected
    assert expected, "a bad spec says what is expected"


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
