"""Plays support-desk on every email of a set with a real model and counts what came out right.

    python tests/benchmarks/support_desk/run.py [--emails samples | dev | heldout] [--model all=openai/gpt-5-mini]
        [--only 01,05] [--markdown FILE]

Each email is one `choreo run` in a process of its own, as a user starts it; the answers are read from
`choreo trace --json`. The labels beside the emails say what a careful person would have read and decided
(`action` lists every step that is acceptable). The prompts, rules and word lists of the desk were made while looking
at `samples` and `dev`; `heldout` was written before them and played once, when they were done. Whoever changes
the desk after looking at it moves it to `dev` and writes another.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SPEC = ROOT / "specs/support-desk.yaml"
EMAILS = {
    "samples": (ROOT / "specs/support/emails", HERE / "labels.json"),
    "dev": (HERE / "dev/emails", HERE / "dev/labels.json"),
    "heldout": (HERE / "heldout/emails", HERE / "heldout/labels.json"),
}


def main() -> int:
    wanted = arguments()
    emails_in, labels_in = EMAILS[wanted.emails]
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
    parser.add_argument("--emails", choices=EMAILS, default="samples", help="which set")
    parser.add_argument("--only", default="", help="first two digits of emails, with commas")
    parser.add_argument("--markdown", default="", help="write the replies to this file")
    return parser.parse_args()


def played(email: Path, folder: Path, models: list[str]) -> dict[str, Any]:
    """One run in `folder`: {role: its last finished hop}, the touchpoint that asks, seconds and tokens in all."""
    db = folder / f"{email.stem}.db"
    call = ["run", str(SPEC), "--input", str(email), "--db", str(db), "--quiet", "--yes"]
    began, worked = time.monotonic(), cpu()
    done = choreo([*call, *(part for model in models for part in ("--model", model))], folder)
    seconds, worked = time.monotonic() - began, cpu() - worked
    trace = json.loads(choreo(["trace", "last", "--db", str(db), "--json"], folder).stdout)
    events = trace["events"]
    tokens = [sum(attempt.get(key) or 0 for attempt in trace["attempts"]) for key in ("tokens_in", "tokens_out")]
    roles = {event["hop"]: event["role"] for event in events if event["event"] == "hop-started"}
    hops = {roles[event["hop"]]: event for event in events if event["event"] == "hop-finished"}
    asked = [event["touchpoint"] for event in events if event["event"] == "asked"]
    cost = {"seconds": seconds, "cpu": worked, "tokens": tokens}
    return {"hops": hops, "asked": asked, **cost, "code": done.returncode, "said": done.stderr[-500:]}


def cpu() -> float:
    """CPU seconds of all processes that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def choreo(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    call = [sys.executable, "-m", "choreo", *words]
    return subprocess.run(
        call, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def judged(name: str, label: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """`safe`: nothing left without a person, and no amount but the order's; false too where the run broke."""
    if not run["asked"]:
        return {
            "name": name,
            "read": [],
            "final": "-",
            "right": False,
            "safe": False,
            "run": run,
        }
    case, facts, ruling = (run["hops"][role]["output"]["value"] for role in ("read", "lookup", "settle"))
    found = {
        "order_id": case["order_id"],
        "legal_threat": case["alarm"] == "legal_threat",
        "language": case["language"],
    }
    misread = [field for field, value in found.items() if normal(value) != normal(label[field])]
    return {
        "name": name,
        "read": misread,
        "raw": run["hops"]["decide"]["output"]["value"]["action"],
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
    tokens = "+".join(str(count) for count in row["run"]["tokens"])
    times = f"{row['run']['cpu']:.0f} s CPU, {row['run']['seconds']:.0f} s, {tokens} tokens"
    misread = f"  misread: {', '.join(row['read'])}" if row["read"] else ""
    decided = row["raw"] if row["raw"] == row["final"] else f"{row['raw']} -> {row['final']}"
    asks = ",".join(row["run"]["asked"])
    return f"{row['name']:24} {mark} {decided} ({sure}) {row['refund']} cents, {asks}: {row['why']}  {times}{misread}"


def total(rows: list[dict[str, Any]]) -> str:
    right, safe = sum(row["right"] for row in rows), sum(row["safe"] for row in rows)
    read = sum(not row["read"] for row in rows if row["final"] != "-")
    lead = sum("approve_payout" in row["run"]["asked"] for row in rows if row["final"] != "-")
    worked, waited = (sum(row["run"][key] for row in rows) / max(len(rows), 1) for key in ("cpu", "seconds"))
    return (
        f"{len(rows)} emails: {read} read right, {right} right, {safe} safe, {lead} to the lead; "
        f"{worked:.0f} s CPU and {waited:.0f} s each"
    )


def letter(row: dict[str, Any]) -> str:
    if row["final"] == "-":
        return f"## {row['name']}\n\n(broken)"
    hops = row["run"]["hops"]
    return f"## {row['name']}: {row['final']}\n\n{hops.get('draft', hops['letter'])['output']['value']['body']}"


if __name__ == "__main__":
    sys.exit(main())
