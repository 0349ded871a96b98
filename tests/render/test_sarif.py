"""SARIF: valid by the schema that OASIS publishes for 2.1.0 (beside this file, without its white space).

Beyond the schema: what code scanning needs, and nothing that a viewer would follow.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest

from choreo.api.checked import sifted
from choreo.loading import load_spec
from choreo.manual import manuals
from choreo.problem import Place, Problem
from choreo.render.sarif import sarif_data, uri

SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
FOLDER = Path(__file__).parent.parent / "specs_bad"
SPECS = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("load/*.yaml"), *FOLDER.glob("ignore/*.yaml")])


def problem(path="specs/a.yaml", **more):
    return Problem(Place(path, 3, 7), more.pop("code", "gap"), **{"message": "m", **more})


def log(*problems, ignored=(), **more):
    """The log, valid, as it is read back."""
    data = json.loads(json.dumps(sarif_data(problems, ignored, manuals(), "1.2.3", **more)))
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []
    return data["runs"][0]


def test_a_problem_has_rule_level_place_message_and_related_places():
    also = ((Place("schemas/x.json", 3, 4), "declared here"), (Place("a b.yaml", 1, 1), "the other one"))
    run = log(problem(message="one", help="two", also=also))
    (result,) = run["results"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "gap"
    assert (result["level"], result["message"]["text"]) == ("error", "one\nhelp: two")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "specs/a.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    related = result["relatedLocations"]
    assert [one["message"]["text"] for one in related] == ["declared here", "the other one"]
    assert [one["physicalLocation"]["artifactLocation"]["uri"] for one in related] == ["schemas/x.json", "a%20b.yaml"]
    assert [one["id"] for one in related] == [1, 2]


def test_columns_are_code_points_and_the_tool_has_its_version():
    run = log(problem())
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["tool"]["driver"]["semanticVersion"] == "1.2.3"


def test_advice_is_a_note():
    run = log(*(problem(severity=severity) for severity in ("error", "warning", "advice")))
    assert sorted(result["level"] for result in run["results"]) == ["error", "note", "warning"]


def test_every_code_that_can_be_found_is_a_rule_with_its_manual():
    codes = [code for code, manual in manuals().items() if manual.about != "run"]
    rules = log(*(problem(code=code) for code in codes))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(codes)
    for rule in rules:
        assert len(rule["shortDescription"]["text"]) <= 1000, rule["id"]
        assert f"`{rule['id']}`" in rule["fullDescription"]["text"]
        assert rule["fullDescription"]["text"] in rule["help"]["text"] or rule["fullDescription"]["text"].endswith(
            "..."
        )
        assert "helpUri" not in rule
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in rules}
    assert (levels["overlap"], levels["maybe-null"], levels["gap"]) == ("note", "warning", "error")


@pytest.mark.parametrize("path", ["a b/ü.yaml", "a:b.yaml", "50%/x#y?z.yaml", "//host/x.yaml"[1:], "[x](y).yaml"])
def test_a_path_is_a_relative_uri_that_reads_back(path):
    written = uri(path.lstrip("/"))
    parts = urlsplit(written)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert not written.startswith("/")
    assert unquote(written) == path.lstrip("/")


def test_nothing_in_a_message_is_a_link_a_placeholder_or_hidden():
    bad = "[click](javascript:x) {0} \x1b[2J \u202e \x00"
    run = log(problem(message=bad, help=bad, also=((Place("a", 1, 1), bad),)), ignored=[(problem(message=bad), bad)])
    for result in run["results"]:
        texts = [result["message"]["text"], *(one["message"]["text"] for one in result.get("relatedLocations", ()))]
        for text in texts:
            assert "](" not in text
            assert "{0}" not in text.replace("{{0}}", "")
    assert not set("\x1b\u202e\x00") & set(json.dumps(run, ensure_ascii=False))


def test_an_ignored_finding_is_there_with_its_reason_as_suppression():
    run = log(ignored=[(problem(severity="warning"), "because")])
    assert run["results"][0]["suppressions"] == [{"kind": "inSource", "justification": "because"}]


def test_of_25_000_problems_5_000_are_listed_errors_first_in_less_than_10_mb_packed():
    many = [problem(path=f"specs/{number}.yaml", severity="warning", help="h" * 200) for number in range(25_000)]
    run = sarif_data([*many, problem(path="z.yaml")], (), manuals(), "1.2.3")["runs"][0]
    assert len(run["results"]) == 5_000
    assert run["results"][-1]["level"] == "error"
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("20,001 ")
    assert len(gzip.compress(json.dumps(run).encode())) < 10_000_000


def test_no_problem_is_a_valid_log_without_results():
    assert log()["results"] == []


def test_every_bad_spec_gives_a_valid_log():
    for path in SPECS:
        found = sifted(load_spec(str(path)))
        run = log(*found.problems, ignored=found.ignored)
        assert len(run["results"]) == len(found.problems) + len(found.ignored)
