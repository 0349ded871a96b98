"""The payment list: one line a payment, in the order in which they were approved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LIST = Path("payments.jsonl")


def pay(payout: dict[str, Any]) -> dict[str, Any]:
    """`payout@1` to `payment@1`. Appends to `payments.jsonl` in the working directory: twice would pay twice."""
    kept = {key: payout[key] for key in ("id", "employee", "cents", "currency")}
    with LIST.open("a", encoding="utf-8") as file:
        file.write(json.dumps(kept, ensure_ascii=False, sort_keys=True) + "\n")
    lines = LIST.read_text(encoding="utf-8").count("\n")
    return {"file": LIST.as_posix(), "line": lines, "cents": payout["cents"]}
