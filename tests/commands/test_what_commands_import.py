"""Start-up is kept short by what is not imported: asserted here, measured in tests/benchmarks/startup.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "litellm",
    "openai",
    "xllamacpp",
    "sqlite_utils",
    "jsonschema",
    "rich.markdown",
    "pydantic",
    "httpx",
    "aiohttp",
}
PROGRAM = """
import sys
sys.argv = ["choreo", *{arguments!r}]
from choreo.cli import main
try:
    main()
except SystemExit as left:
    code = left.code
print(*sorted(sys.modules), file=sys.stderr, sep="\\n")
sys.exit(code)
"""
SPEC = """
choreo: 1
name: small
version: 1.0.0
trigger: {accepts: thing@^1}
result: {emits: thing@1.0.0}
contracts:
  thing@1.0.0: {type: object, properties: {n: {type: integer}, s: {type: string, pattern: "^[a-z]+$"}}, required: [n]}
roles:
  a: {kind: reader, set: input, emits: thing@1.0.0}
  b: {kind: reasoner, does: Think, model: openai/gpt-5-mini, emits: thing@1.0.0, prompt: "Say {{ input.n }}"}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b, when: "out.n > 100"}
  - {from: a, to: end, otherwise: true}
  - {from: b, to: end}
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command has loaded when it leaves, with exit code 0."""
    program = PROGRAM.format(arguments=list(arguments))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SPEC)
    return tmp_path


def test_help_and_validate_load_no_heavy_library(folder: Path) -> None:
    assert not imported(folder, "--help") & (HEAVY | {"jsonschema_rs", "yaml", "cel_expr_python", "sqlite3", "asyncio"})
    assert not imported(folder, "validate", "small.yaml") & (HEAVY | {"sqlite3", "pysqlite3", "asyncio"})


def test_a_run_without_a_model_and_its_trace_load_no_model_library(folder: Path) -> None:
    assert not imported(folder, "run", "small.yaml", "--set", "n=1") & (HEAVY - {"sqlite_utils", "rich.markdown"})
    for arguments in (("trace", "last"), ("trace", "last", "--json"), ("trace", "last", "--follow"), ("runs",)):
        assert not imported(folder, *arguments) & HEAVY
