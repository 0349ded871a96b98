"""What a reviewer may look at: the files below the working directory. Nothing in here writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST = 20_000
"""Characters of an answer."""


def read_file(asked: dict[str, Any]) -> dict[str, Any]:
    """`tool_path@1` to `tool_text@1`. What lies outside the working directory is not there."""
    root = Path.cwd().resolve()
    path = (root / asked["path"]).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return {"text": f"there is no file {asked['path']}"}
    return {"text": path.read_text(encoding="utf-8", errors="replace")[:MOST]}


def search(asked: dict[str, Any]) -> dict[str, Any]:
    """`tool_search@1` to `tool_text@1`: `path:line: text`, one line each."""
    found = "\n".join(_found(asked["words"]))
    return {"text": found[:MOST] if found else "not found"}


def _found(words: str) -> Iterator[str]:
    root = Path.cwd().resolve()
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or path.is_symlink() or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if words in line:
                yield f"{path.relative_to(root).as_posix()}:{number}: {line.strip()}"
