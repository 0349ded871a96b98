"""Which files are specs: YAML files with a top-level `choreo:` key, and those that were plainly meant to have one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_YAML = (".yaml", ".yml")
_TESTS = (".test.yaml", ".test.yml")
_KEY = re.compile(
    rb"""^(?:\xef\xbb\xbf)?(?:["']?choreo["']?[ \t]*:(?=[ \t\r\n])|\{[ \t\r\n]*["']?choreo["']?[ \t]*:)""", re.M
)
_ROLES, _HANDOFFS = (re.compile(rb"^" + key + rb"[ \t]*:", re.M) for key in (b"roles", b"handoffs"))
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


def _one_slip_from(word: str) -> str:
    """A pattern of the word with one letter less, more, another, or two of them swapped."""
    swapped = (f"{word[:i]}{word[i + 1]}{word[i]}{word[i + 2 :]}" for i in range(len(word) - 1))
    other = (f"{word[:i]}{letter}{word[i + 1 :]}" for i in range(len(word)) for letter in ("", r"\w"))
    more = (f"{word[:i]}\\w{word[i:]}" for i in range(len(word) + 1))
    return "|".join((*swapped, *other, *more))


_NEARLY = re.compile(
    # with or without its colon and the blank behind it
    rf"""^(?:\{{[ \t]*)?["']?(?:{_one_slip_from("choreo")})["']?(?:[ \t]*:[ \t]*|[ \t]+)["']?1["']?[ \t]*"""
    r"""(?:\r?$|,|\}|\#)""".encode(),
    re.M | re.I,
)


def is_spec(path: str) -> bool:
    """Whether a file is a YAML file that is, or was plainly meant as, a spec. The text is searched, not parsed.

    It has a top-level key `choreo` (perhaps with a slip of the pen, which loading then tells), or `roles` and
    `handoffs`: one that is passed over in silence would be taken for one that was checked.
    """
    name = os.path.basename(path)
    if not name.endswith(_YAML) or name.endswith(_TESTS) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            # What is left of UTF-16, which is a finding, too, is searched like the rest.
            text = file.read(1_000_000).replace(b"\0", b"").lstrip(b"\xff\xfe")
    except OSError:
        return False
    named = _KEY.search(text) or _NEARLY.search(text)
    return named is not None or all(key.search(text) for key in (_ROLES, _HANDOFFS))


def find_specs(folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The specs below a folder, and the other YAML files (tests among them), which were skipped; both sorted."""
    found: list[str] = []
    skipped: list[str] = []
    for path in _yaml_files(folder):
        (found if is_spec(path) else skipped).append(path)
    return tuple(found), tuple(skipped)


def _yaml_files(folder: str) -> Iterator[str]:
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        for name in sorted(files):
            if name.endswith(_YAML) and not name.startswith("."):
                yield os.path.normpath(os.path.join(above, name))
