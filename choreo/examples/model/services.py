"""The service: it takes its role's input and gives its output, as plain JSON data."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def file_message(filing: dict[str, Any]) -> dict[str, Any]:
    """`filing@1` to `filed@1`. The same message gives the same file, so that repeating it does no harm."""
    data = json.dumps(filing, ensure_ascii=False, indent=2, sort_keys=True).encode()
    file = Path("trays") / filing["tray"] / f"{hashlib.sha256(data).hexdigest()[:12]}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return {"file": file.as_posix(), "tray": filing["tray"]}
