"""Specs that play in no time, and choreo as a person starts it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from faults.relay import environment

THING = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer", "maximum": 100}, "by": {"type": "string", "default": "nobody"}},
}


def write(folder: Path, name: str = "count", **changes: Any) -> Path:
    """`count`: adds one, twice; with `gate=True` a person decides in between. `changes` are laid over the spec."""
    gate = changes.pop("gate", False)
    second = {"from": "one", "to": "two", **({"touchpoint": "gate"} if gate else {})}
    spec = {
        "choreo": 1,
        "name": name,
        "version": "1.0.0",
        "contracts": {"thing@1.0.0": THING},
        "trigger": {"accepts": "thing@^1"},
        "result": {"emits": "thing@1.0.0"},
        "roles": {
            "one": {"kind": "reader", "does": "Add one", "set": {"n": "input.n + 1"}, "emits": "thing@1.0.0"},
            "two": {
                "kind": "drafter",
                "does": "Add one",
                "set": {"n": "input.n + 1"},
                "accepts": "thing@^1",
                "emits": "thing@1.0.0",
            },
        },
        "handoffs": [{"from": "trigger", "to": "one"}, second, {"from": "two", "to": "end"}],
        **({"touchpoints": {"gate": {"ask": "Add one to {{ payload.n }}?", "stakes": "high"}}} if gate else {}),
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(spec, indent=1), encoding="utf-8")
    return path


def choreo(folder: Path, *args: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "choreo", *args],
        check=False,
        cwd=folder,
        env=environment(**env),
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=60,
    )


_CHANGING = (
    (r"\d{8}-\d{6}-\d{3}[a-z0-9]{6}", "RUN"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d UTC)?", "DATE"),
    (r"sha256:[0-9a-f]+", "sha256:DIGEST"),
    (r"pid \d+ on \S+", "pid PID on HOST"),
    (r" +\d+\.\d+ s\b", " TIME"),
)


def steady(text: str) -> str:
    """The text with what differs from run to run replaced."""
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text)
    return text
