"""What the names in an expression stand for, at one place of one run (SEMANTICS, "Names in expressions")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo.engine.lanes import Past
from choreo.engine.position import Position
from choreo.plan import Plan
from choreo.spec import TRIGGER


class Names(Mapping[str, Any]):
    """A scope that looks names up only when an expression uses them.

    Values are `Payload` (so that a plain path is copied byte for byte) or plain JSON. A role or
    touchpoint that was never visited in the causal `past` is None. `item` and `index` are those of the lane.
    """

    def __init__(self, plan: Plan, position: Position, past: Past, scope: str = "", **more: Any) -> None:
        self._plan = plan
        self._position = position
        self.past = past
        self.scope = scope
        self._more = more
        self.absent = plan.absent

    def adding(self, **more: Any) -> Names:
        """The same scope with more names in it."""
        return Names(self._plan, self._position, self.past, self.scope, **{**self._more, **more})

    def __getitem__(self, name: str) -> Any:
        if name in self._more:
            return self._more[name]
        if name == TRIGGER:
            return self._position.trigger
        if name in self._plan.roles:
            hop = self._position.hops.get(self.past.get(name, 0))
            return hop.output if hop is not None else None
        if name in self._plan.touchpoints:
            return self._touchpoint(name)
        if name == "visits":
            return {role: self._visit(role) for role in self._plan.roles}
        if name == "confidence":
            return {role: self._confidence(role) for role in self._plan.roles}
        if name == "run":
            return {"id": self._position.run}
        if name in ("item", "index") and (found := self._position.lane(self.scope)) is not None:
            lanes, index = found
            return index if name == "index" else lanes.items[index]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in names for names in (self._more, self._plan.roles, self._plan.touchpoints, self._fixed))

    def __iter__(self) -> Iterator[str]:
        yield from (*self._more, *self._plan.roles, *self._plan.touchpoints, *self._fixed)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def _fixed(self) -> tuple[str, ...]:
        known = (TRIGGER, "visits", "confidence", "run")
        return (*known, "item", "index") if self._position.lane(self.scope) is not None else known

    def _visit(self, role: str) -> int:
        hop = self._position.hops.get(self.past.get(role, 0))
        return hop.visit if hop is not None else 0

    def _confidence(self, role: str) -> float | None:
        hop = self._position.hops.get(self.past.get(role, 0))
        return hop.confidence if hop is not None else None

    def _touchpoint(self, name: str) -> Any:
        answer = self._position.answered.get(self.past.get(name, 0))
        if answer is None:
            return None
        return {
            "decision": answer.decision,
            "payload": answer.payload.value,
            "reason": answer.reason,
            "by": answer.by,
        }
