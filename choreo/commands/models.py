"""`choreo models`: which weights there are, pull one, remove one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from choreo.errors import DONE, UsageError
from choreo.weights import adopt, cached, discard, known, megabytes, own_files, pull, read_catalogue

Say = Callable[[str], None]
Ask = Callable[[str], bool]


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


def list_models(*, as_json: bool = False, out: Say = print) -> int:
    """Every model of the catalogue and of the cache, and whether it is here. `out` gets whole lines."""
    rows = _rows()
    if as_json:
        out(json.dumps(rows, indent=2, ensure_ascii=False))
        return DONE
    widths = [max(len(row[key]) for row in rows) for key in ("name", "size_text", "licence")]
    for row in rows:
        head = "  ".join(
            row[key].ljust(width) for key, width in zip(("name", "size_text", "licence"), widths, strict=True)
        )
        out(f"{'*' if row['path'] else ' '} {head}  {row['about']}")
    out("* is on this machine; use it in a spec as model: local/NAME; get one with `choreo models pull NAME`")
    return DONE


def _rows() -> list[dict[str, Any]]:
    catalogue = read_catalogue()
    rows = [
        {
            "name": entry.name,
            "size": entry.size,
            "size_text": megabytes(entry.size),
            "licence": entry.licence,
            "about": entry.about,
            "default": entry.name == catalogue.default,
            "sha256": entry.sha256,
            "path": str(path) if (path := cached(entry)) else None,
        }
        for entry in catalogue.weights
    ]
    for name, path in own_files():
        size = path.stat().st_size
        rows.append(
            {
                "name": name,
                "size": size,
                "size_text": megabytes(size),
                "licence": "yours",
                "about": "a file of your own",
                "default": False,
                "sha256": None,
                "path": str(path),
            }
        )
    return rows


def pull_model(
    name: str | None = None,
    *,
    file: str | None = None,
    yes: bool = False,
    ask: Ask | None = None,
    say: Say = _to_stderr,
    out: Say = print,
) -> int:
    """Bring one model into the cache; the path goes to `out`, everything else to `say`.

    Without `yes` a person is asked through `ask`, which shows size and licence; with nobody to ask
    (None) the pull was asked for by name and goes ahead. Raises UsageError, ChoreoError.
    """
    if file is not None:
        name, path = adopt(Path(file).expanduser(), name, say)
        say(f"use it as model: local/{name}")
        out(str(path))
        return DONE
    entry = known(name or read_catalogue().default)
    if cached(entry) is None and not yes and ask is not None:
        question = f"Download {entry.title} ({megabytes(entry.size)}, licence {entry.licence})?"
        if not ask(question):
            raise UsageError(
                "not-pulled", f"{entry.name} was not downloaded", "run it again with --yes to skip the question"
            )
    out(str(pull(entry, say)))
    return DONE


def remove_model(name: str, *, say: Say = _to_stderr) -> int:
    """Remove one model from the cache. Raises UsageError where it is not there."""
    if not discard(name):
        raise UsageError(
            "no-such-weights", f"no weights named {name!r} are on this machine", "`choreo models list` shows them"
        )
    say(f"removed {name}")
    return DONE
