"""The CI system: `ci/<run>.json` in the working directory holds the failed jobs of a run and their logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST = 20_000


def failed_jobs(asked: dict[str, Any]) -> dict[str, Any]:
    """`log_ref@1` to `tool_text@1`: the names of the failed jobs, one a line."""
    return {"text": "\n".join(jobs(asked["run_id"]))[:MOST]}


def job_logs(asked: dict[str, Any]) -> dict[str, Any]:
    """`log_ref@1` to `tool_text@1`: the end of each failed job's log."""
    logs = [f"== {name}\n{log}" for name, log in jobs(asked["run_id"]).items()]
    return {"text": "\n".join(logs)[-MOST:]}


def jobs(run_id: int) -> dict[str, str]:
    """The failed jobs of a run: name to log."""
    file = Path("ci") / f"{run_id}.json"
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found
