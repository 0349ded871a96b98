"""The manual of every code: what it means and what to do. `choreo explain` and SARIF show it.

A lint rule's docstring is its manual; all other codes are in the `.md` files beside this module, in the same words:
a paragraph begins with its codes, "`code`, `other` (warning): sentence. More."
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

_FILES = {"spec": "specs.md", "contract": "contracts.md", "run": "runs.md"}
_ENTRY = re.compile(r"((?:`[a-z][a-z0-9-]*`(?:, )?)+)(?: \(([a-z ]+)\))?: (?=\S)")
_END = re.compile(r"(?<=\.)\s|\n\n|$")


class Manual(Struct, frozen=True):
    """`severity` is `error`, `warning`, `advice`, or two of them (`error or warning`); `text` the whole manual.

    `about` is `spec` or `contract` for what `validate` and `contract check` find, `run` for how a command or run fails.
    """

    code: str
    about: str
    severity: str
    summary: str
    text: str


@functools.cache
def manuals() -> Mapping[str, Manual]:
    """The manuals of all codes, by code: those of the checks first."""
    from choreo.lint import RULES

    found = [manual for rule in RULES for manual in _in_text("spec", rule.manual, rule.codes)]
    for about, name in _FILES.items():
        found += [manual for part in _paragraphs(name) for manual in _in_text(about, part, ())]
    every: dict[str, Manual] = {}
    for manual in found:
        every.setdefault(manual.code, manual)
    return every


def _paragraphs(name: str) -> list[str]:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return [part for part in file.read().strip().split("\n\n") if not part.startswith("#")]


def _in_text(about: str, text: str, codes: tuple[str, ...]) -> Iterator[Manual]:
    """The codes that a manual explains: of its entries those in `codes`, or the first one where none are given."""
    flat = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for entry in _ENTRY.finditer(flat):
        named = re.findall(r"`([a-z0-9-]+)`", entry[1])
        end = _END.search(flat, entry.end())
        summary = flat[entry.end() : end.start() if end else None].strip().removesuffix(".")
        for code in named:
            if not codes or code in codes:
                yield Manual(code, about, entry[2] or "error", summary, text)
        if not codes:
            return
