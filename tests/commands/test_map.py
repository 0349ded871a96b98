"""`choreo map`: the coverage matrix and the drawing, as a person gets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from acceptance.small_specs import choreo, write
from lint.spec_texts import loaded

from choreo.api.checked import problems_of
from choreo.lint.coverage import coverage, unmapped

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
MAP = {
    "trigger": "Somebody counts",
    "people": {"lead": "Team lead", "idle": "Nobody in particular"},
    "systems": {"abacus": "The abacus"},
    "decisions": [{"what": "Is it enough", "by": "gate", "stakes": "high"}],
    "breakdowns": [
        {"what": "It is counted wrong", "covered_by": ["one", "thing"]},
        {"what": "It is lost", "covered_by": ["two", "thing@1.0.0"]},
    ],
    "baseline": {"minutes_per_case": 3},
}


def spec(folder: Path, **changes: object) -> Path:
    points = {"gate": {"ask": "Add one?", "who": "lead", "stakes": "high"}}
    return write(folder, gate=True, **{"map": MAP, "touchpoints": points, **changes})


SHOWN = """\
count 1.0.0
starts when  Somebody counts
systems      abacus (The abacus)
today        minutes per case 3

    where it breaks down  covered by
ok  It is counted wrong   one (reader), thing (contract)
ok  It is lost            two (drafter), thing@1.0.0 (contract)

    what is decided             taken by
ok  Is it enough (high stakes)  gate (touchpoint)

    people                      asked at
ok  lead: Team lead             gate (touchpoint)
!!  idle: Nobody in particular  GAP: is asked nowhere

map: 1 gap in 5 parts of the map

○ trigger
│
│ thing@1.0.0
▼
= one  reader, set
│ Add one
│
│ thing@1.0.0
│
<gate> a person decides
│    asks lead (Team lead), high stakes
│    "Add one?"
│    rejected: the run ends there
▼
= two  drafter, set
│ Add one
└─ thing@1.0.0 ──▶ end
"""


def test_map_prints_the_matrix_and_the_drawing(tmp_path: Path) -> None:
    spec(tmp_path)
    done = choreo(tmp_path, "map", "count.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHOWN


def test_map_as_json_has_the_matrix_the_roles_and_the_ways(tmp_path: Path) -> None:
    spec(tmp_path)
    told = json.loads(choreo(tmp_path, "map", "count.yaml", "--json").stdout)
    assert [row["part"] for row in told["map"]["rows"]] == ["breakdown", "breakdown", "decision", "person", "person"]
    assert told["map"]["gaps"] == 1
    assert told["map"]["unnamed"] == []
    assert [(role["name"], role["player"]) for role in told["roles"]] == [("one", "set"), ("two", "set")]
    assert [(way["sources"], way["gate"], way["target"]) for way in told["ways"]][1] == (["one"], "gate", "two")
    assert told["touchpoints"][0]["who"] == "lead (Team lead)"


def test_map_as_mermaid_is_the_flowchart_alone(tmp_path: Path) -> None:
    spec(tmp_path)
    done = choreo(tmp_path, "map", "count.yaml", "--mermaid")
    assert done.stdout.startswith("flowchart TD\n")
    assert choreo(tmp_path, "map", "count.yaml", "--mermaid", "--json").returncode == 2


def test_a_spec_with_errors_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    path = spec(tmp_path)
    path.write_text(path.read_text().replace('"to": "two"', '"to": "tow"'))
    done = choreo(tmp_path, "map", "count.yaml")
    assert done.returncode == 1
    assert "choreo validate count.yaml" in done.stderr
    assert "──▶ tow" in done.stdout or "<gate>──▶ tow" in done.stdout
    path.write_text("choreo: [")
    assert choreo(tmp_path, "map", "count.yaml").returncode == 1
    assert choreo(tmp_path, "map", "other.yaml").returncode == 2


def test_a_spec_without_a_map_says_so_and_is_drawn(tmp_path: Path) -> None:
    write(tmp_path)
    done = choreo(tmp_path, "map", "count.yaml")
    assert done.returncode == 0
    assert "no map:" in done.stdout
    assert "○ trigger" in done.stdout


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_example_spec_is_drawn_within_eighty_columns(path: Path) -> None:
    done = choreo(ROOT, "map", str(path))
    assert done.returncode == 0, done.stderr
    assert all(len(row) <= 80 for row in done.stdout.splitlines())
    assert "map: no gaps" in done.stdout


GAPS = """\
choreo: 1
name: gaps
version: 1.0.0
map:
  people: {lead: Lead, clerk: Clerk}
  decisions:
    - {what: high, by: one, stakes: high}
    - {what: lost, by: nobody}
    - {what: person, by: clerk}
  breakdowns:
    - {what: a, covered_by: one}
    - {what: b, covered_by: [one, gone]}
    - {what: c, covered_by: unused}
trigger: {accepts: thing@^1}
roles:
  one: {kind: reasoner, set: input, accepts: thing@^1, emits: thing@1.0.0}
  by_hand: {kind: drafter, human: {who: lead}, accepts: thing@^1, emits: thing@1.0.0}
handoffs:
  - {from: trigger, to: [by_hand, one]}
  - {from: one, to: end}
contracts:
  thing@1.0.0: {type: object}
  unused@1.0.0: {type: object}
"""


def test_each_kind_of_gap_is_told() -> None:
    found = loaded(GAPS)
    assert found.spec is not None
    rows = coverage(found.spec, problems_of(found))
    assert {row.text: row.gap for row in rows} == {
        "a": "",
        "b": "`gone` is not in this spec",
        "c": "`unused` is not in this spec",
        "high": "high stakes, and no person sees it",
        "lost": "`nobody` is not in this spec",
        "person": "",
        "lead: Lead": "",
        "clerk: Clerk": "decides, but is asked nowhere in this spec",
    }
    assert unmapped(found.spec) == ("by_hand",)
