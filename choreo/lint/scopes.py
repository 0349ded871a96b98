"""Which names an expression may use where it stands (SEMANTICS, "Names in expressions")."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from choreo.plan import Edge
from choreo.spec import TRIGGER, Role, Spec, Tool, Touchpoint

Where = Literal["handoff", "touchpoint", "result", "role", "prompt", "tool", "confidence", "trigger"]

_OWN: dict[Where, tuple[str, ...]] = {
    "handoff": (TRIGGER, "out", "visits", "confidence", "run"),
    "touchpoint": (TRIGGER, "payload", "visits", "confidence", "run"),
    "result": (TRIGGER, "visits", "confidence", "run"),
    "role": ("input", "previous", "feedback", TRIGGER, "run"),
    "prompt": ("input", "previous", "feedback", "run"),
    "tool": ("input", "run"),
    "confidence": ("out", "input", "previous", "feedback", TRIGGER, "run"),
    "trigger": (TRIGGER, "run"),
}


class Scope(Struct, frozen=True):
    """Where an expression stands. `edge` is set at a handoff, `role` inside a role, `gate` at a touchpoint.

    `lane`: the handoff with `each` whose element is `item` there; `tool` is set inside a tool of a role's model.
    """

    where: Where
    edge: Edge | None = None
    role: Role | None = None
    gate: Touchpoint | None = None
    lane: Edge | None = None
    tool: Tool | None = None

    def sees(self, name: str, spec: Spec) -> bool:
        if name in self.own:
            return True
        return self.outside and (name in spec.roles or name in spec.touchpoints)

    @property
    def own(self) -> tuple[str, ...]:
        """The names with a fixed meaning here."""
        lane = ("item", "index") if self.lane is not None else ()
        gathered = ("failures",) if self.edge is not None and self.edge.handoff.gather else ()
        return (*_OWN[self.where], *lane, *gathered)

    def names(self, spec: Spec) -> tuple[str, ...]:
        """All that can be named here, roles first."""
        return (*spec.roles, *spec.touchpoints, *self.own) if self.outside else self.own

    @property
    def outside(self) -> bool:
        """Whether roles and touchpoints can be named: inside a role they cannot."""
        return self.where in ("handoff", "touchpoint", "result")
