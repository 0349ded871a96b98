"""Specs for the lint tests, written as YAML in the test itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from choreo.lint import check
from choreo.loading import Loaded, load_spec
from choreo.problem import Problem

HEAD = """\
choreo: 1
name: test
version: 1.0.0
trigger: {accepts: thing@^1}
"""
THING = """\
contracts:
  thing@1.0.0: {type: object, required: [id]}
"""


def loaded(text: str) -> Loaded:
    """The spec in a text, loaded from a file in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        path.write_text(text, encoding="utf-8")
        found = load_spec(os.fspath(path))
    assert found.spec is not None
    return found


def problems(text: str) -> tuple[Problem, ...]:
    found = loaded(text)
    assert found.problems == ()
    assert found.spec is not None
    return check(found.spec, found.contracts)


def codes(text: str) -> list[str]:
    return [problem.code for problem in problems(text)]


def flow(*handoffs: str, roles: str = "", more: str = "") -> str:
    """A spec of nothing but handoffs (the insides of their braces): the roles they name are set roles over `thing`."""
    named = [word for line in handoffs for word in _names(line)]
    own = [line.split(":")[0].strip() for line in roles.splitlines() if line.startswith("  ") and line[2] != " "]
    plain = [
        name for name in dict.fromkeys(named) if name not in (*own, "trigger", "end") and f"\n  {name}:" not in more
    ]
    lines = [f"  {name}: {{kind: reader, set: input, accepts: thing@^1, emits: thing@1.0.0}}" for name in plain]
    edges = [f"  - {{{line}}}" for line in handoffs]
    return "\n".join([HEAD + "roles:", *lines, roles.strip("\n"), "handoffs:", *edges, more.strip("\n"), THING])


def _names(line: str) -> list[str]:
    import re

    found = re.findall(r"(?:from|to): (\{any: \[[^]]*\]\}|\[[^]]*\]|\w+)", line)
    return [name for part in found for name in re.findall(r"\w+", part) if name != "any"]
