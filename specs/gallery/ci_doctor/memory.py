"""What the doctor found before: one file a run under `memory/` in the working directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path("memory")


def recall(run: dict[str, Any]) -> dict[str, Any]:
    """`workflow_run@1` to `ci_case@1`: the run, and the five newest findings in the same workflow."""
    findings = [json.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.json")]
    known = [finding for finding in findings if finding["workflow"] == run["workflow"]]
    known.sort(key=lambda finding: finding["run_id"], reverse=True)
    return {"run": run, "known": [{key: one[key] for key in ("run_id", "signature", "cause")} for one in known[:5]]}


def remember(finding: dict[str, Any]) -> dict[str, Any]:
    """`ci_finding@1` to `ci_kept@1`. The same finding again leaves the same file."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{finding['run_id']}.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(finding, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, file)
    return {"findings": sum(1 for _ in FOLDER.glob("*.json"))}
