"""Patterns that are found in every text, such as `[a-z]*`: they demand nothing, which is hardly what was meant.

Most likely the whole text was to be of that form. Somebody will notice one day and write `^[a-z]*$`, and other
readers of the contract may have read it so from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo.compat.budget import Budget, TooMuch
from choreo.compat.document import DATA, Document
from choreo.compat.draft import finds
from choreo.compat.language import Language, TooLong
from choreo.compat.regex import Irregular

_STEPS = 20_000
_LINE = "^.*$"


def idle(document: Document) -> dict[str, str]:
    """Each pattern of a schema that is found in every text but surely was to say something, and what it was to say."""
    meant: dict[str, str] = {}
    for pattern in sorted(document.patterns):
        body = pattern.removeprefix("^").removesuffix("$")
        whole = f"^(?:{body})$" if "|" in body else f"^{body}$"
        if body and finds(pattern, "") and _is_idle(pattern, whole):
            meant[pattern] = whole
    return meant


def _is_idle(pattern: str, whole: str) -> bool:
    """Whether every text has it, and not every line as a whole: `.*` is known to say nothing."""
    language = Language(Budget(_STEPS))
    try:
        everywhere = language.inverse(language.pattern(pattern))
        narrow = language.both((language.inverse(language.pattern(whole)), language.pattern(_LINE)))
        return language.shortest(everywhere, 0, None) is None and language.shortest(narrow, 0, None) is not None
    except (Irregular, TooMuch, TooLong):
        return False


def meaning(part: Any, meant: Mapping[str, str]) -> Any:
    """The schema with what its patterns were to say."""
    if isinstance(part, list):
        return [meaning(value, meant) for value in part]
    if not isinstance(part, Mapping):
        return part
    found = {key: value if key in DATA else meaning(value, meant) for key, value in part.items()}
    pattern = part.get("pattern")
    if isinstance(pattern, str) and pattern in meant:
        found["pattern"] = meant[pattern]
    return found
