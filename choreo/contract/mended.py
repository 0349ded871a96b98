"""A broken schema as it was probably meant, so that one slip in it does not bring about findings all over a spec."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from choreo.contract.keywords import Finding, meant_keyword, meant_type
from choreo.contract.sanity import inspect_schema

_ROUNDS = 3


def mended(schema: Mapping[str, Any], findings: Sequence[Finding]) -> Mapping[str, Any]:
    """Misspelt words replaced; where nothing near is known the part that holds the slip accepts anything."""
    found: Any = schema
    for _ in range(_ROUNDS):
        if any(pointer == "" for pointer, *_ in findings):
            return {}
        found = copy.deepcopy(dict(found))
        for pointer, code, *_ in findings:
            _mend(found, _steps(pointer), code)
        findings = inspect_schema(found)
        if not findings:
            return dict(found)
    return {}


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _mend(whole: Any, steps: list[str], code: str) -> None:
    """Change `whole` in place at one finding."""
    way = [whole]
    for step in steps[:-1]:
        way.append(_below(way[-1], step))
    owner, key = way[-1], steps[-1]
    if not isinstance(owner, dict) or key not in owner:
        _empty(way)
        return
    value = owner.pop(key)
    if code in ("unknown-keyword", "old-keyword"):
        meant = meant_keyword(key)
        if meant is not None and meant not in owner:
            owner[meant] = value
    elif code == "bad-type" and isinstance(value, str) and meant_type(value) is not None:
        owner[key] = meant_type(value)
    else:
        owner.clear()


def _empty(way: list[Any]) -> None:
    """Let the innermost mapping on the way say nothing."""
    innermost = next((part for part in reversed(way) if isinstance(part, dict)), None)
    if innermost is not None:
        innermost.clear()


def _below(part: Any, step: str) -> Any:
    if isinstance(part, dict):
        return part.get(step)
    return part[int(step)] if isinstance(part, list) and step.isdigit() and int(step) < len(part) else None
