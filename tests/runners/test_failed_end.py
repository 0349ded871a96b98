"""Rule 15: `fail: true` ends a run without a result; what it carries is kept as it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playing import HEAD, run_spec

from choreo.errors import SpecErrors

BODY = """
roles:
  look:
    kind: reader
    set: "{'found': []}"
    accepts: any@^1
    emits: {type: object, required: [found], properties: {found: {type: array}}, additionalProperties: false}
  tell: {kind: reader, set: "{'n': 1}", accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: look}
  - {from: look, to: tell, when: "size(out.found) > 0", pass: {n: 1}}
  - {from: look, to: end, otherwise: true, FAIL}
  - {from: tell, to: end}
"""
RESULT = "result: {emits: any@1.0.0}"


def ended(folder: Path, fail: str, result: str = RESULT) -> Any:
    return run_spec(folder, BODY.replace("FAIL", fail), {"n": 7}, head=HEAD.replace(RESULT, result)).end


@pytest.mark.parametrize("result", [RESULT, "result: {emits: any@1.0.0, pass: {n: tell.n}}", ""])
def test_rule_15_a_failed_end_needs_no_result(tmp_path: Path, result: str) -> None:
    end = ended(tmp_path, "fail: true, outcome: nothing", result)
    assert (end.status, end.code, end.outcome) == ("failed", "failed-by-spec", "nothing")
    assert end.payload.value == {"found": []}


def test_rule_15_what_a_failed_end_builds_is_kept(tmp_path: Path) -> None:
    end = ended(tmp_path, "fail: true, pass: {why: \"'nothing for ' + string(trigger.n)\"}")
    assert (end.code, end.payload.value) == ("failed-by-spec", {"why": "nothing for 7"})


def test_rule_15_an_end_that_does_not_fail_is_checked_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as caught:
        ended(tmp_path, "pass: {n: \"'x'\"}")
    assert [problem.code for problem in caught.value.problems if problem.severity == "error"] == ["type-clash"]
