"""pr-review: reviewers are chosen by the diff, look at it side by side, and their findings are sorted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gallery_play import GALLERY, play

from choreo.loading import load_spec
from choreo.spec import ModelPlayer
from choreo.trace import HopFinished, HopStarted

SIX = ["code", "silent_failures", "simplify", "comments", "tests", "types"]
PULL = {"title": "Retry uploads", "diff": "--- a/up.py\n+++ b/up.py\n+    except Exception: pass\n", "aspects": []}
PLAN = {"reviewers": ["silent_failures", "tests"], "files": ["up.py"], "focus": "The retry loop."}
TASK = {"title": PULL["title"], "diff": PULL["diff"], "files": ["up.py"], "focus": "The retry loop."}


def finding(severity: str, issue: str) -> dict[str, str]:
    return {"severity": severity, "place": "up.py:1", "issue": issue, "fix": f"Fix: {issue}"}


def found(*findings: dict[str, str], positive: list[str] | None = None) -> dict[str, Any]:
    return {"findings": list(findings), "positive": positive or []}


NOTHING = found()


def review(folder: Path, reviewers: list[str] = PLAN["reviewers"], **given: Any) -> Any:
    models = {"coordinate": [{**PLAN, "reviewers": reviewers}]}
    return play("pr-review", PULL, folder, {**models, **{name: [given.get(name, NOTHING)] for name in SIX}})


@pytest.mark.parametrize("chosen", [[], ["silent_failures", "tests"], ["types"], SIX])
def test_the_reviewers_that_the_coordinator_names_play_and_no_others(chosen: list[str], tmp_path: Path) -> None:
    ran = review(tmp_path, chosen)
    played = {role for role, _ in ran.models} - {"coordinate"}
    assert played == {"code", *chosen}
    assert ran.given("coordinate") == [PULL]


def test_the_reviewers_work_side_by_side_on_the_same_scope(tmp_path: Path) -> None:
    ran = review(tmp_path, SIX)
    hops = [event for event in ran.events if isinstance(event, HopStarted | HopFinished)][2:]
    assert [event.role for event in hops[:6] if isinstance(event, HopStarted)] == SIX
    assert [ran.given(name) for name in SIX] == [[TASK]] * 6


def test_what_they_find_is_merged_by_severity_with_a_plan(tmp_path: Path) -> None:
    swallowed, untested = finding("critical", "Errors vanish."), finding("important", "No test for a full disk.")
    ran = review(
        tmp_path,
        code=found(finding("suggestion", "A name."), swallowed, positive=["Small diff."]),
        silent_failures=found(swallowed),
        tests=found(untested, positive=["Good names."]),
    )
    told = ran.result
    assert [entry["issue"] for entry in told["critical"]] == ["Errors vanish."]
    assert [entry["issue"] for entry in told["important"]] == ["No test for a full disk."]
    assert [entry["issue"] for entry in told["suggestions"]] == ["A name."]
    assert told["positive"] == ["Small diff.", "Good names."]
    assert told["action_plan"] == ["up.py:1: Fix: Errors vanish.", "up.py:1: Fix: No test for a full disk."]


def test_the_merge_adds_nothing_of_its_own(tmp_path: Path) -> None:
    assert review(tmp_path).result == {
        "critical": [],
        "important": [],
        "suggestions": [],
        "positive": [],
        "action_plan": [],
    }


def test_a_reviewer_may_call_two_tools_and_neither_writes(tmp_path: Path) -> None:
    roles = load_spec(str(GALLERY / "pr-review.yaml")).spec.roles
    reviewers = [roles[name].player for name in SIX]
    assert all(isinstance(player, ModelPlayer) and len(player.tools) == 2 for player in reviewers)
    import sys

    sys.path.insert(0, str(GALLERY))
    try:
        from pr_review.tree import read_file, search
    finally:
        sys.path.remove(str(GALLERY))
    (tmp_path / "up.py").write_text("one\nexcept Exception: pass\n")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert read_file({"path": "up.py"})["text"] == "one\nexcept Exception: pass\n"
    assert read_file({"path": "../../etc/passwd"})["text"] == "there is no file ../../etc/passwd"
    assert search({"words": "except"})["text"] == "up.py:2: except Exception: pass"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
