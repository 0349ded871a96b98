"""What may happen once over all runs: the keys of `trigger.once_per` and of an effect's `key`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo.canonical import Payload, digest_of, encode
from choreo.engine.position import HopState, Position
from choreo.expression import Expression, ExpressionError
from choreo.plan import Plan

_SHORT = 200
"""Bytes of a key that is kept as it is; of a longer one the digest is."""


class _Scope(dict[str, Any]):
    def __init__(self, plan: Plan, names: Mapping[str, Any]) -> None:
        super().__init__(names)
        self.absent = plan.absent


def trigger_key(plan: Plan, run: str, payload: Payload) -> tuple[str, str] | None:
    """(scope, key) of a trigger payload, None where the spec has no `once_per`. Raises ExpressionError."""
    if plan.once_per is None:
        return None
    names = {"trigger": payload, "run": {"id": run}}
    return f"trigger {plan.spec.name}", _key(plan.once_per, _Scope(plan, names), "once_per")


def effect_key(plan: Plan, position: Position, hop: HopState) -> tuple[str, str] | None:
    """(scope, key) of a visit's effect, None where it needs none. Raises ExpressionError."""
    expression = plan.roles[hop.role].key
    if expression is None or not hop.effect:
        return None
    names = {
        "input": hop.input,
        "previous": hop.previous,
        "feedback": hop.feedback,
        "trigger": position.trigger,
        "run": {"id": position.run},
    }
    return f"effect {plan.spec.name}/{hop.role}", _key(expression, _Scope(plan, names), "key")


def _key(expression: Expression, scope: _Scope, word: str) -> str:
    value = expression.evaluate(scope)
    if value is None:
        raise ExpressionError(f"`{word}` gives null, which tells this from nothing else", expression.text)
    written = value.data if isinstance(value, Payload) else encode(value)
    return written.decode() if len(written) <= _SHORT else digest_of(written)
