"""ci-doctor: a failed run is looked into once, and reported in one issue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gallery_play import GALLERY, Ticking, ToolUser, play

from choreo.loading import load_spec

RUN = {
    "run_id": 71,
    "workflow": "nightly",
    "conclusion": "failure",
    "branch": "main",
    "head_sha": "0a1b2c3",
    "url": "https://ci.example/71",
}
FOUND = {
    "category": "dependencies",
    "signature": "wheel for numpy missing",
    "title": "No wheel for numpy",
    "cause": "The index has no wheel for this Python.",
    "evidence": ["ERROR: No matching distribution found for numpy"],
    "actions": ["Pin numpy.", "Cache the wheel."],
}


@pytest.fixture(autouse=True)
def logs(working_directory: Path) -> None:
    (working_directory / "ci").mkdir()
    for number in (71, 72):
        job = {"build": "Collecting numpy\nERROR: No matching distribution found for numpy\n"}
        (working_directory / f"ci/{number}.json").write_text(json.dumps(job))


def doctor(folder: Path, finding: Any = FOUND, **changed: Any) -> Any:
    return play("ci-doctor", {**RUN, **changed}, folder, {"diagnose": [finding]})


def issues(folder: Path) -> list[Any]:
    file = folder / "issues.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("conclusion", ["success", "cancelled", "skipped"])
def test_only_a_failed_run_is_looked_into(conclusion: str, tmp_path: Path) -> None:
    ran = doctor(tmp_path, conclusion=conclusion)
    assert (ran.status, ran.outcome, ran.visits) == ("done", "ignored", [])
    assert doctor(tmp_path).visits[0] == "recall"  # a rerun under the same number that failed


def test_a_run_that_was_looked_into_is_not_looked_into_again(tmp_path: Path) -> None:
    assert doctor(tmp_path).outcome == "reported"
    again = doctor(tmp_path)
    assert (again.status, again.visits) == ("duplicate", [])
    assert len(issues(tmp_path)) == 1


def test_what_was_found_is_given_to_later_runs(tmp_path: Path) -> None:
    doctor(tmp_path)
    later = doctor(tmp_path, run_id=72)
    known = [{"run_id": 71, "signature": FOUND["signature"], "cause": FOUND["cause"]}]
    assert later.given("diagnose") == [{"run": {**RUN, "run_id": 72}, "known": known}]


def test_the_doctor_may_call_two_tools_and_writes_only_what_is_declared(tmp_path: Path) -> None:
    calls = [
        ("failed_jobs", {"run_id": 71}),
        ("delete_branch", {"name": "main"}),  # none of its tools
        ("open_issue", {"title": "Mine", "labels": ["urgent"], "body": "", "signature": "x"}),  # a role, and no tool
        ("job_logs", {"run_id": 71, "path": "../../secrets"}),  # more than the tool's contract takes
        ("job_logs", {"run_id": 71}),
    ]
    user = ToolUser(calls, FOUND)
    ran = play("ci-doctor", RUN, tmp_path, tool_users={"diagnose": user})
    assert user.offered == ["failed_jobs", "job_logs"]
    made = [(one.facts["tool"], one.code) for _, one in ran.attempts if one.kind == "tool"]
    assert made == [
        ("failed_jobs", None),
        ("delete_branch", "no-such-tool"),
        ("open_issue", "no-such-tool"),
        ("job_logs", "no-arguments"),
        ("job_logs", None),
    ]
    assert ran.outcome == "reported"
    spec = load_spec(str(GALLERY / "ci-doctor.yaml")).spec
    assert [name for name, role in spec.roles.items() if role.effect != "none"] == ["open_issue", "comment", "remember"]
    (issue,) = issues(tmp_path)
    assert (issue["title"], issue["labels"]) == ("[ci-doctor] No wheel for numpy", ["automation", "ci"])
    assert issue["body"].endswith("- [ ] Pin numpy.\n- [ ] Cache the wheel.")


def test_a_finding_with_a_line_that_is_not_in_the_log_is_not_reported(tmp_path: Path) -> None:
    ran = doctor(tmp_path, {**FOUND, "evidence": ["ERROR: disk full"]})
    assert (ran.outcome, issues(tmp_path)) == ("unproven", [])


def test_a_failure_that_is_reported_already_gets_a_comment_and_no_new_issue(tmp_path: Path) -> None:
    doctor(tmp_path)
    later = doctor(tmp_path, run_id=72, url="https://ci.example/72")
    assert "open_issue" not in later.visits
    assert issues(tmp_path)[1:] == [
        {"number": 1, "comment": "Again in https://ci.example/72: The index has no wheel for this Python."}
    ]
    assert later.result["issue"] == 1


@pytest.mark.parametrize(("minutes", "ended"), [(9.9, ("done", "reported")), (10, ("limit", "limit-time"))])
def test_the_whole_run_has_ten_minutes(minutes: float, ended: tuple[str, str], tmp_path: Path) -> None:
    clock = Ticking()

    def slow(_: Any) -> Any:
        clock.now += 60 * minutes
        return FOUND

    ran = play("ci-doctor", RUN, tmp_path, {"diagnose": slow}, clock=clock)
    assert (ran.status, ran.outcome or ran.code) == ended
    assert len(issues(tmp_path)) == (1 if minutes < 10 else 0)  # nothing is begun after that
