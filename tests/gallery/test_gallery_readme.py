"""The gallery's README is held against the specs and the tests that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gallery_play import GALLERY

from choreo.commands.validate import validate

HERE = Path(__file__).parent
README = (GALLERY / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| (\d+) \| (.+?) \| ([NWX]) \| ([a-z-]+)\.yaml:(\d+) \| `(.+)` \| ([a-z_]+): `(test_\w+)` \|")
ROWS = [found.groups() for found in map(ROW.fullmatch, README.splitlines()) if found]
LINES = {
    "order-confirmation": 4,
    "support-ticket": 4,
    "it-assistant": 4,
    "marketing-message": 4,
    "pr-review": 4,
    "open-questions": 4,
    "topic-digest": 5,
    "ci-doctor": 5,
    "mail-reply": 4,
}
"""Behaviours of each original."""
SPECS = sorted(path.stem for path in GALLERY.glob("*.yaml"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[3]}-{row[0]}")
def test_a_row_names_a_spec_line_that_says_it_and_a_test_that_plays_it(row: tuple[str, ...]) -> None:
    _, _, _, spec, line, says, module, test = row
    written = (GALLERY / f"{spec}.yaml").read_text(encoding="utf-8").splitlines()
    assert says.replace("\\|", "|") in written[int(line) - 1]
    assert module == spec.replace("-", "_")
    assert f"\ndef {test}(" in (HERE / f"test_gallery_{module}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("spec", SPECS)
def test_every_behaviour_of_a_spec_is_graded(spec: str) -> None:
    assert [int(row[0]) for row in ROWS if row[3] == spec] == list(range(1, LINES[spec] + 1))


def test_the_summary_counts_the_grades() -> None:
    grades = [row[2] for row in ROWS]
    native = 100 * grades.count("N") // len(grades)
    counted = " | ".join(str(grades.count(grade)) for grade in "NWX")
    assert f"| {counted} | {native} % |" in README
    assert native >= 85


def test_the_specs_are_valid_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert validate([str(GALLERY)], strict=True, as_json=False, quiet=False) == 0, capsys.readouterr().out
