"""Which roles play in lanes: behind a handoff with `each`, up to the one with `gather` (SEMANTICS, rule 12)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from choreo.plan import Edge
from choreo.spec import TRIGGER

Lane = tuple[Edge, ...]
"""The handoffs with `each` that a place lies behind, the outermost first."""


class Lanes:
    def __init__(self, edges: tuple[Edge, ...]) -> None:
        self.edges = edges

    @cached_property
    def of(self) -> Mapping[str, Lane]:
        """Role or touchpoint to the lane it stands in; one that stands in none is not in here."""
        found: dict[str, Lane] = {TRIGGER: ()}
        waiting = [TRIGGER] if any(edge.handoff.each is not None for edge in self.edges) else []
        leaving: dict[str, list[Edge]] = {}
        for edge in self.edges:
            for source in edge.sources:
                leaving.setdefault(source, []).append(edge)
        while waiting:
            name = waiting.pop()
            for edge in leaving.get(name, ()):
                lane = _behind(edge, found[name])
                new = [one for one in (edge.handoff.touchpoint, *edge.handoff.targets) if one and one not in found]
                found.update(dict.fromkeys(new, lane))
                waiting += new
        return {name: lane for name, lane in found.items() if lane}

    def before(self, edge: Edge) -> Lane:
        """The lane in which an edge is chosen: where its `when`, its `each` and its `after` are asked."""
        return self.of.get(edge.sources[0], ()) if self.of else ()

    def behind(self, edge: Edge) -> Lane:
        """The lane in which what an edge hands over is built."""
        return _behind(edge, self.before(edge))

    def left(self, edge: Edge) -> tuple[str, ...]:
        """The roles and touchpoints whose lanes are over once a `gather` has fired."""
        lane = self.before(edge) if edge.handoff.gather else ()
        return tuple(name for name, other in self.of.items() if _starts_with(other, lane)) if lane else ()


def _behind(edge: Edge, lane: Lane) -> Lane:
    if edge.handoff.gather:
        lane = lane[:-1]
    return (*lane, edge) if edge.handoff.each is not None else lane


def _starts_with(lane: Lane, first: Lane) -> bool:
    return [edge.number for edge in lane[: len(first)]] == [edge.number for edge in first]
