"""Which names an expression may use where it stands (SEMANTICS, "Names in expressions")."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from choreo.plan import Edge
from choreo.spec import TRIGGER, Role, Spec, Touchpoint

Where = Literal["handoff", "touchpoint", "result", "role", "prompt", "confidence", "trigger"]

_OWN: dict[Where, tuple[str, ...]] = {
    "handoff": (TRIGGER, "out", "visits", "confidence", "run"),
    "touchpoint": (TRIGGER, "payload", "visits", "confidence", "run"),
    "result": (TRIGGER, "visits", "confidence", "run"),
    "role": ("input", "previous", "feedback", TRIGGER, "run"),
    "prompt": ("input", "previous", "feedback", "run"),
    "confidence": ("out", "input", "previous", "feedback", TRIGGER, "run"),
    "trigger": (TRIGGER, "run"),
}


class Scope(Struct, frozen=True):
    """Where an expression stands. `edge` is set at a handoff, `role` inside a role, `gate` at a touchpoint.

    `lanes`: whether the spec has lanes at all.
    """

    where: Where
    edge: Edge | None = None
    role: Role | None = None
    gate: Touchpoint | None = None
    lanes: bool = False

    def sees(self, name: str, spec: Spec) -> bool:
        if name in self.own:
            return True
        return self.outside and (name in spec.roles or name in spec.touchpoints)

    @property
    def own(self) -> tuple[str, ...]:
        """The names with a fixed meaning here."""
        return (*_OWN[self.where], "item", "index", "failures") if self.lanes else _OWN[self.where]

    def names(self, spec: Spec) -> tuple[str, ...]:
        """All that can be named here, roles first."""
        return (*spec.roles, *spec.touchpoints, *self.own) if self.outside else self.own

    @property
    def outside(self) -> bool:
        """Whether roles and touchpoints can be named: inside a role they cannot."""
        return self.where in ("handoff", "touchpoint", "result")
