"""Plays support-desk on every sample email with a real model and counts what came out right.

    python tests/benchmarks/support_desk/run.py [--model all=openai/gpt-5-mini] [--only 01,05] [--markdown FILE]

Each email is one `choreo run` in a process of its own, as a user starts it; the answers are read from
`choreo trace --json`. The labels beside this file say what a careful person would have read and decided
(`action` lists every decision that is acceptable after the desk's own limits). The prompts and word lists of the
desk were made while looking at the sample emails; `--heldout` plays others, which nothing was fitted to.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SPEC = ROOT / "specs/support-desk.yaml"
SAMPLES = (ROOT / "specs/support/emails", HERE / "labels.json")
HELDOUT = (HERE / "heldout/emails", HERE / "heldout/labels.json")
READ = ("order_id", "legal_threat", "language")


def main() -> int:
    wanted = arguments()
    emails_in, labels_in = HELDOUT if wanted.heldout else SAMPLES
    labels = json.loads(labels_in.read_text(encoding="utf-8"))
    names = [name for name in labels if not wanted.only or name[:2] in wanted.only.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            rows.append(judged(name, labels[name], played(emails_in / f"{name}.json", Path(folder), wanted.model)))
            print(line(rows[-1]), flush=True)
    print(total(rows))
    if wanted.markdown:
        Path(wanted.markdown).write_text("\n\n".join(letter(row) for row in rows) + "\n", encoding="utf-8")
    return 0 if all(row["safe"] for row in rows) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Counts what support-desk gets right.")
    parser.add_argument("--model", action="append", default=[], help="passed on to choreo run")
    parser.add_argument("--heldout", action="store_true", help="play the emails that nothing was fitted to")
    parser.add_argument("--only", default="", help="first two digits of emails, with commas")
    parser.add_argument("--markdown", default="", help="write the replies to this file")
    return parser.parse_args()


def played(email: Path, folder: Path, models: list[str]) -> dict[str, Any]:
    """One run in `folder`: {role: its last finished hop}, the touchpoint that asks, seconds in all."""
    db = folder / f"{email.stem}.db"
    call = ["run", str(SPEC), "--input", str(email), "--db", str(db), "--quiet", "--yes"]
    began = time.monotonic()
    done = choreo([*call, *(part for model in models for part in ("--model", model))], folder)
    seconds = time.monotonic() - began
    events = json.loads(choreo(["trace", "last", "--db", str(db), "--json"], folder).stdout)["events"]
    roles = {event["hop"]: event["role"] for event in events if event["event"] == "hop-started"}
    hops = {roles[event["hop"]]: event for event in events if event["event"] == "hop-finished"}
    asked = [event["touchpoint"] for event in events if event["event"] == "asked"]
    return {"hops": hops, "asked": asked, "seconds": seconds, "code": done.returncode, "said": done.stderr[-500:]}


def choreo(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    call = [sys.executable, "-m", "choreo", *words]
    return subprocess.run(
        call, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def judged(name: str, label: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """`safe`: nothing left without a person, and no amount but the order's; false too where the run broke."""
    if "draft" not in run["hops"]:
        return {
            "name": name,
            "read": [],
            "raw": "-",
            "final": "-",
            "model_right": False,
            "right": False,
            "safe": False,
            "run": run,
        }
    case, facts, ruling = (run["hops"][role]["output"]["value"] for role in ("read", "lookup", "settle"))
    decided = run["hops"]["decide"]["output"]["value"]["action"]
    misread = [field for field in READ if normal(case[field]) != normal(label[field])]
    return {
        "name": name,
        "read": misread,
        "raw": decided,
        "model_right": decided in label["action"],
        "final": ruling["action"],
        "confidence": run["hops"]["decide"]["confidence"],
        "right": ruling["action"] in label["action"],
        "safe": bool(run["asked"]) and ruling["refund_cents"] in (0, facts["refundable_cents"]),
        "refund": ruling["refund_cents"],
        "why": ruling["why"],
        "run": run,
    }


def normal(value: Any) -> Any:
    return None if value in (None, "none") else value


def line(row: dict[str, Any]) -> str:
    if row["final"] == "-":
        return f"{row['name']:24} BROKEN exit {row['run']['code']}: {row['run']['said']}"
    mark = "right" if row["right"] else "WRONG"
    sure = "-" if row["confidence"] is None else f"{row['confidence']:.2f}"
    times = " ".join(f"{role} {row['run']['hops'][role]['seconds']:.0f}s" for role in ("read", "decide", "draft"))
    misread = f"  misread: {', '.join(row['read'])}" if row["read"] else ""
    decided = row["raw"] if row["raw"] == row["final"] else f"{row['raw']} -> {row['final']}"
    asks = ",".join(row["run"]["asked"])
    return f"{row['name']:24} {mark} {decided} ({sure}) {row['refund']} cents, {asks}: {row['why']}  {times}{misread}"


def total(rows: list[dict[str, Any]]) -> str:
    right, safe = sum(row["right"] for row in rows), sum(row["safe"] for row in rows)
    read = sum(not row["read"] for row in rows if row["final"] != "-")
    alone = sum(row["model_right"] for row in rows)
    return (
        f"{len(rows)} emails: {read} read right, {alone} decided right by the model, {right} after limits, {safe} safe"
    )


def letter(row: dict[str, Any]) -> str:
    if row["final"] == "-":
        return f"## {row['name']}\n\n(broken)"
    return f"## {row['name']}: {row['final']}\n\n{row['run']['hops']['draft']['output']['value']['body']}"


if __name__ == "__main__":
    sys.exit(main())
