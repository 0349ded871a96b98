"""Which names surely have a value at a place: what every way to it came through.

Sets of names are bits of one integer. The greatest solution is taken: everything is sure until a way
is found on which it is not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cached_property, reduce
from operator import and_, or_

from choreo.lint.lanes import Lanes
from choreo.plan import Edge
from choreo.spec import TRIGGER, Spec

MISSED = ("failed", "timeout")
"""Events at which the source has given no output."""


class Sure:
    def __init__(self, spec: Spec, edges: tuple[Edge, ...], lanes: Lanes) -> None:
        self.spec = spec
        self.lanes = lanes
        self.edges = edges
        self.names = (*spec.roles, *spec.touchpoints)
        self.bit = {name: 1 << place for place, name in enumerate(self.names)}
        self.all = (1 << len(self.names)) - 1
        self._at: dict[int, int] = {}

    def before(self, name: str) -> frozenset[str]:
        """The names that surely have a value when a role plays for the first time, or a touchpoint asks."""
        return self._names(self._solution[0].get(name, self.all))

    def earlier(self, name: str, among: tuple[str, ...]) -> frozenset[str]:
        """Those of some names that surely have a value before `name` plays."""
        bits = reduce(or_, (self.bit.get(one, 0) for one in among if one != name), 0)
        return self._names(self._solution[0].get(name, self.all) & bits)

    def through(self, name: str) -> frozenset[str]:
        """What every single way to `name` comes through, itself included; a join counts as one way per source."""
        return self._names(self._strict.get(name, self.all) | self.bit.get(name, 0))

    def at(self, edge: Edge, name: str) -> bool:
        """Whether a name surely has a value when an edge fires."""
        if edge.number not in self._at:
            self._at[edge.number] = self._known(edge, *self._solution)
        return bool(self._at[edge.number] & self.bit[name])

    def filled(self, join: Edge) -> frozenset[str]:
        """The sources of a join that have surely delivered when it fires."""
        return frozenset(self._solution[1].get(join.number, ()))

    def _names(self, bits: int) -> frozenset[str]:
        found = []
        while bits:
            lowest = bits & -bits
            found.append(self.names[lowest.bit_length() - 1])
            bits ^= lowest
        return frozenset(found)

    @cached_property
    def _strict(self) -> dict[str, int]:
        return self._solve({})

    @cached_property
    def _solution(self) -> tuple[dict[str, int], Mapping[int, tuple[str, ...]]]:
        """First as if any one source of a join might be all it has; then with those that surely deliver."""
        before = self._strict
        filled = {edge.number: self._sure_sources(edge, before) for edge in self.edges if edge.join}
        return (self._solve(filled) if any(filled.values()) else before), filled

    def _solve(self, filled: Mapping[int, tuple[str, ...]]) -> dict[str, int]:
        before = dict.fromkeys(self.names, self.all)
        ahead = deque(self.edges)
        waiting = {edge.number for edge in self.edges}
        while ahead:
            edge = ahead.popleft()
            waiting.discard(edge.number)
            for name, bits in self._brings(edge, before, filled):
                if name in before and before[name] & bits != before[name]:
                    before[name] &= bits
                    again = [one for one in self._leaving.get(name, ()) if one.number not in waiting]
                    waiting.update(one.number for one in again)
                    ahead.extend(again)
        return before

    @cached_property
    def _leaving(self) -> Mapping[str, tuple[Edge, ...]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            for source in edge.sources:
                found.setdefault(source, []).append(edge)
        return {name: tuple(edges) for name, edges in found.items()}

    def _brings(
        self, edge: Edge, before: Mapping[str, int], filled: Mapping[int, tuple[str, ...]]
    ) -> list[tuple[str, int]]:
        known, gate = self._known(edge, before, filled), edge.handoff.touchpoint
        arrivals = known | self.bit.get(gate or "", 0)
        found = [(target, arrivals) for target in edge.handoff.targets]
        return found if gate is None else [(gate, known), *found]

    def _known(self, edge: Edge, before: Mapping[str, int], filled: Mapping[int, tuple[str, ...]]) -> int:
        if edge.handoff.gather:
            return self._gathered(edge, before)
        missed = edge.handoff.on in MISSED
        pasts = {source: self._after(source, before, missed) for source in edge.sources}
        if len(pasts) == 1:
            return next(iter(pasts.values()))
        common = reduce(and_, pasts.values())
        return reduce(or_, (pasts[source] for source in filled.get(edge.number, ())), common)

    def _gathered(self, edge: Edge, before: Mapping[str, int]) -> int:
        """What is sure once lanes are gathered: nothing that plays in them, there may have been no element."""
        lane = self.lanes.before(edge)
        start = lane[-1].sources[0] if lane else edge.sources[0]
        inside = reduce(or_, (self.bit.get(name, 0) for name in self.lanes.left(edge)), 0)
        return self._after(start, before, missed=False) & ~inside

    def _after(self, source: str, before: Mapping[str, int], missed: bool) -> int:
        if source == TRIGGER:
            return 0
        own = 0 if missed else self.bit.get(source, 0)
        return before.get(source, self.all) | own

    # -- joins -----------------------------------------------------------------------------------

    def _sure_sources(self, join: Edge, before: Mapping[str, int]) -> tuple[str, ...]:
        """Sources that play whenever the others do: all come from one place that always leads to this one."""
        pasts = {source: self._after(source, before, missed=False) for source in join.sources}
        common = reduce(and_, pasts.values())
        fired = frozenset.intersection(*(self._fired(source) for source in join.sources))
        return tuple(source for source in join.sources if self._always_after(source, common, fired))

    def _fired(self, name: str) -> frozenset[int]:
        """Edges that have fired whenever `name` plays: the only way to it, and the only way to where that begins."""
        found: set[int] = set()
        edge = self._only_way(name)
        while edge is not None and edge.number not in found:
            found.add(edge.number)
            edge = None if edge.join else self._only_way(edge.sources[0])
        return frozenset(found)

    def _only_way(self, name: str) -> Edge | None:
        """The one edge that leads to a role; None where there are several, or none."""
        edges = list(self._incoming.get(name, ()))
        return edges[0] if len(edges) == 1 else None

    def _always_after(self, source: str, known: int, fired: frozenset[int]) -> bool:
        """Whether `source` always delivers once one of the names in `known` (or the trigger) has, and the edges in
        `fired` have fired.
        """
        seen: set[str] = set()
        ahead = [source]
        while ahead:
            name = ahead.pop()
            if name in seen or name in self._may_miss:
                continue
            seen.add(name)
            if any(edge.number in fired and _reaches_all(edge) for edge in self._incoming.get(name, ())):
                return True
            for edge in self._always_to.get(name, ()):
                (before,) = edge.sources
                if before == TRIGGER or known & self.bit.get(before, 0):
                    return True
                ahead.append(before)
        return False

    @cached_property
    def _may_miss(self) -> frozenset[str]:
        """Roles whose failure is taken care of: a run goes on without their output."""
        return frozenset(source for edge in self.edges if edge.handoff.on in MISSED for source in edge.sources)

    @cached_property
    def _incoming(self) -> Mapping[str, list[Edge]]:
        """Role to the handoffs that lead to it."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            for target in edge.handoff.targets:
                found.setdefault(target, []).append(edge)
        return found

    @cached_property
    def _always_to(self) -> Mapping[str, tuple[Edge, ...]]:
        """Role to the handoffs that lead to it whenever their source is done."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            if _always(edge):
                for target in edge.handoff.targets:
                    found.setdefault(target, []).append(edge)
        return {name: tuple(edges) for name, edges in found.items()}


def _reaches_all(edge: Edge) -> bool:
    """Whether each of an edge's targets plays once it has fired."""
    handoff = edge.handoff
    return handoff.pick is None and handoff.touchpoint is None and handoff.each is None and not handoff.revise


def _always(edge: Edge) -> bool:
    handoff = edge.handoff
    choosing = (handoff.when, handoff.pick, handoff.at_most, handoff.touchpoint, handoff.each)
    return (
        len(edge.sources) == 1
        and handoff.on == "done"
        and not (handoff.otherwise or handoff.revise or handoff.gather)
        and all(part is None for part in choosing)
    )
