"""The two services: each takes its role's input and gives its output, as plain JSON data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PAYMENTS = Path("payments.jsonl")


def work_out(returned: dict[str, Any]) -> dict[str, Any]:
    """`return@1` to `refund@1`: the price, without shipping where the goods are damaged."""
    damaged = returned["damaged"]
    cents = returned["paid_cents"] - (returned["shipping_cents"] if damaged else 0)
    why = "Damaged: shipping is not paid back." if damaged else "Returned as it was sent."
    return {"order": returned["order"], "customer": returned["customer"], "cents": max(0, cents), "why": why}


def pay(refund: dict[str, Any]) -> dict[str, Any]:
    """`refund@1` to `receipt@1`. Adds a line to `payments.jsonl` in the working directory."""
    with PAYMENTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(refund, ensure_ascii=False, sort_keys=True) + "\n")
    line = PAYMENTS.read_text(encoding="utf-8").count("\n")
    return {"order": refund["order"], "cents": refund["cents"], "line": line}
