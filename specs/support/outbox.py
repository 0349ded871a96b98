"""The outbox: where a reply leaves the desk. One file per case; the mail system picks it up from there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def send(reply: dict[str, Any]) -> dict[str, Any]:
    """`reply@1` to `sent@1`. Writes `outbox/<case>.json` in the working directory.

    Repeating it with the same reply leaves the same file with the same bytes; a file is never seen half
    written.
    """
    data = (json.dumps(reply, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    file = Path("outbox") / f"{_safe(reply['case_id'])}.json"
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(data)
    os.replace(partial, file)
    left = {key: reply[key] for key in ("action", "refund_cents", "body")}
    return {"file": file.as_posix(), "sha256": hashlib.sha256(data).hexdigest(), **left}


def _safe(name: str) -> str:
    """A file name that stays in its folder, whatever `name` holds."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)
