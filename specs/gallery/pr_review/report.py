"""The report of a review: the reviewers' findings, sorted; nothing is added to them."""

from __future__ import annotations

from typing import Any

SECTIONS = {"critical": "critical", "important": "important", "suggestion": "suggestions"}


def merge(given: dict[str, Any]) -> dict[str, Any]:
    """`review_set@1` to `review_report@1`. What two reviewers found at one place in the same words is told once."""
    report: dict[str, Any] = {name: [] for name in SECTIONS.values()}
    for review in given["reviews"]:
        for finding in review["findings"]:
            entry = {key: finding[key] for key in ("place", "issue", "fix")}
            section = report[SECTIONS[finding["severity"]]]
            if entry not in section:
                section.append(entry)
    urgent = [*report["critical"], *report["important"]]
    positive = [text for review in given["reviews"] for text in review["positive"]]
    return {**report, "positive": positive, "action_plan": [f"{entry['place']}: {entry['fix']}" for entry in urgent]}
