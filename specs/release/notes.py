"""Release notes from merge titles of the form `kind(scope)!: text`, for example `fix(cart): totals are right`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

TITLE = re.compile(r"^(?P<kind>[a-z]+)(\([^)]*\))?(?P<breaking>!)?: (?P<text>.+)$")
SECTIONS = {"feat": "features", "fix": "fixes"}
HEADINGS = {"breaking": "Please note", "features": "New", "fixes": "Fixed", "chores": "Behind the scenes"}


def group(release: dict[str, Any]) -> dict[str, Any]:
    """`release@1` to `grouped@1`. Raises ValueError for a title that does not say what kind of change it is."""
    sections: dict[str, list[str]] = {name: [] for name in HEADINGS}
    for change in release["changes"]:
        title = TITLE.match(change["title"])
        if title is None:
            raise ValueError(f"{change['id']} is titled {change['title']!r}, expected `kind: text` such as `fix: ...`")
        name = "breaking" if title["breaking"] else SECTIONS.get(title["kind"], "chores")
        sections[name].append(f"{title['text']} ({change['id']})")
    return {"version": release["version"], "max_chars": release["max_chars"], **sections}


def write(grouped: dict[str, Any], previous: dict[str, Any] | None = None, feedback: Any = None) -> dict[str, Any]:
    """`grouped@1` to `notes@1`: everything at first; sent back, the longest text that is shorter than the last."""
    texts = [_text(grouped, named) for named in (list(HEADINGS), ["breaking", "features", "fixes"], ["breaking"])]
    if previous is None:
        return {"text": texts[0]}
    return {"text": next((text for text in texts if len(text) < len(previous["text"])), texts[-1])}


def publish(publication: dict[str, Any]) -> dict[str, Any]:
    """`publication@1` to `published@1`: writes `release-notes/<version>.md` in the working directory."""
    file = Path("release-notes") / f"{publication['version']}.md"
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(publication["text"], encoding="utf-8")
    os.replace(partial, file)
    return {"file": file.as_posix(), "chars": len(publication["text"])}


def _text(grouped: dict[str, Any], named: list[str]) -> str:
    """The notes with the sections in `named` in full, and one line that counts the other changes."""
    blocks = [f"# {grouped['version']}"]
    for name in named:
        if grouped[name]:
            blocks.append("\n".join([f"## {HEADINGS[name]}", *(f"- {entry}" for entry in grouped[name])]))
    rest = sum(len(grouped[name]) for name in HEADINGS if name not in named)
    if rest:
        blocks.append(f"And {rest} smaller change{'s' if rest > 1 else ''}.")
    return "\n\n".join(blocks) + "\n"
