"""Which files are specs: YAML files with a top-level `choreo:` key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_YAML = (".yaml", ".yml")
_TESTS = (".test.yaml", ".test.yml")
_KEY = re.compile(
    rb"""^(?:\xef\xbb\xbf)?(?:["']?choreo["']?[ \t]*:(?=[ \t\r\n])|\{[ \t\r\n]*["']?choreo["']?[ \t]*:)""", re.M
)
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


def is_spec(path: str) -> bool:
    """Whether a file is a YAML file with a top-level `choreo:` key. The text is searched, not parsed."""
    name = os.path.basename(path)
    if not name.endswith(_YAML) or name.endswith(_TESTS) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return _KEY.search(file.read(1_000_000)) is not None
    except OSError:
        return False


def find_specs(folder: str) -> tuple[tuple[str, ...], int]:
    """The specs below a folder, sorted, and how many other YAML files (tests among them) were skipped."""
    found, skipped = [], 0
    for path in _yaml_files(folder):
        if is_spec(path):
            found.append(path)
        else:
            skipped += 1
    return tuple(found), skipped


def _yaml_files(folder: str) -> Iterator[str]:
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        for name in sorted(files):
            if name.endswith(_YAML) and not name.startswith("."):
                yield os.path.normpath(os.path.join(above, name))
