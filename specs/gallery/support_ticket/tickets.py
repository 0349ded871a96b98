"""The ticket system: `tickets.jsonl` in the working directory, one line each time a ticket changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LIST = Path("tickets.jsonl")


def open_ticket(asked: dict[str, Any]) -> dict[str, Any]:
    """`ticket_request@1` to `ticket@1`: the next number. Twice would open two."""
    ticket = {"id": f"T-{len(_ids()) + 1:04}", "status": "open"}
    _write({**ticket, **asked})
    return ticket


def close_ticket(asked: dict[str, Any]) -> dict[str, Any]:
    """`ticket_closing@1` to `ticket@1`. Raises LookupError for a ticket that was never opened."""
    if asked["id"] not in _ids():
        raise LookupError(f"there is no ticket {asked['id']}")
    ticket = {"id": asked["id"], "status": "closed"}
    _write({**ticket, "summary": asked["summary"]})
    return ticket


def _ids() -> set[str]:
    lines = LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []
    return {json.loads(line)["id"] for line in lines}


def _write(change: dict[str, Any]) -> None:
    with LIST.open("a", encoding="utf-8") as file:
        file.write(json.dumps(change, ensure_ascii=False, sort_keys=True) + "\n")
