"""The issue list: `issues.jsonl` in the working directory, one line for each issue and each comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ci_doctor.ci import jobs

LIST = Path("issues.jsonl")


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """`issue_query@1` to `issue_match@1`: the open issue with the same words in its signature."""
    lines = [line.strip() for log in jobs(asked["run_id"]).values() for line in log.splitlines()]
    confirmed = all(any(quoted.strip() in line for line in lines) for quoted in asked["evidence"])
    wanted = _words(asked["signature"])
    same = [entry["number"] for entry in _entries() if "signature" in entry and _words(entry["signature"]) == wanted]
    return {"number": same[0] if same else None, "confirmed": confirmed}


def open_issue(issue: dict[str, Any]) -> dict[str, Any]:
    """`new_issue@1` to `issue_receipt@1`."""
    number = 1 + sum(1 for entry in _entries() if "title" in entry)
    return _write({"number": number, **issue})


def comment(given: dict[str, Any]) -> dict[str, Any]:
    """`issue_comment@1` to `issue_receipt@1`."""
    return _write({"number": given["number"], "comment": given["body"]})


def _words(text: str) -> set[str]:
    return set(text.lower().split())


def _entries() -> list[dict[str, Any]]:
    lines = LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []
    return [json.loads(line) for line in lines]


def _write(entry: dict[str, Any]) -> dict[str, Any]:
    with LIST.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")
    return {"number": entry["number"], "url": f"issues.jsonl#{entry['number']}"}
