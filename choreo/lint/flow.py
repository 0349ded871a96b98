"""The graph of a spec over its roles: what can lead to what, loops, and what surely came before.

A handoff that leads through a touchpoint goes from role to role here; what a touchpoint gives when it
is rejected or expires starts at the roles whose payload waited there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from choreo.lint.branches import Branches
from choreo.lint.lanes import Lanes
from choreo.lint.sure import Sure
from choreo.plan import Edge
from choreo.spec import TRIGGER, Spec


class Arc(Struct, frozen=True):
    """One way from a role (or `trigger`) to a role (or `end`). `gate` is the touchpoint whose event it takes."""

    source: str
    target: str
    edge: Edge
    gate: str | None = None

    def __str__(self) -> str:
        event = f" ({self.edge.handoff.on})" if self.edge.handoff.on != "done" else ""
        return f"{self.source}{f' -> {self.gate}' if self.gate else ''}{event} -> {self.target}"


class Loop(Struct, frozen=True):
    """A loop, as the arcs that are walked in turn; the last one closes it."""

    arcs: tuple[Arc, ...]

    def __str__(self) -> str:
        first, *rest = (str(arc) for arc in self.arcs)
        return first + "".join(text.removeprefix(arc.source) for arc, text in zip(self.arcs[1:], rest, strict=True))


class Flow:
    def __init__(self, spec: Spec, edges: tuple[Edge, ...]) -> None:
        self.spec = spec
        self.edges = edges

    @cached_property
    def origins(self) -> Mapping[str, frozenset[str]]:
        """Touchpoint to the roles (or `trigger`) whose payload may wait there."""
        through: dict[str, set[str]] = {name: set() for name in self.spec.touchpoints}
        for edge in self.edges:
            if edge.handoff.touchpoint in through:
                through[edge.handoff.touchpoint or ""].update(edge.sources)
        return {name: frozenset(_unfold(name, through)) for name in through}

    @cached_property
    def arcs(self) -> tuple[Arc, ...]:
        found: list[Arc] = []
        for edge in self.edges:
            for source in edge.sources:
                gate = source if source in self.origins else None
                starts = (source,) if gate is None else sorted(self.origins[gate])
                found += [Arc(start, target, edge, gate) for start in starts for target in edge.handoff.targets]
        return tuple(found)

    @cached_property
    def leaving(self) -> Mapping[str, tuple[Arc, ...]]:
        return _by_source(self.arcs)

    @cached_property
    def reached(self) -> frozenset[str]:
        """What a run can get to. A revision reaches nothing for the first time."""
        return self.reach((TRIGGER,), lambda arc: not arc.edge.handoff.revise)

    def reach(self, starts: Iterable[str], allowed: Callable[[Arc], bool] = lambda _: True) -> frozenset[str]:
        """Everything that can be got to from `starts`, themselves included, on arcs that are allowed."""
        found: set[str] = set()
        ahead = list(starts)
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                ahead += [arc.target for arc in self.leaving.get(name, ()) if allowed(arc)]
        return frozenset(found)

    def leads_to(self, name: str, others: frozenset[str]) -> bool:
        """Whether one of `others` can come after `name` (or is it)."""
        return self.branches.leads_to(name, others) or not others.isdisjoint(self.reach((name,)))

    # -- loops -----------------------------------------------------------------------------------

    @cached_property
    def unbounded(self) -> tuple[Loop, ...]:
        """Loops without an `at_most`. Bounding the last arc of each leaves none."""
        leaving = _by_source(arc for arc in self.arcs if arc.edge.handoff.at_most is None)
        done: set[str] = set()
        loops: dict[int, Loop] = {}
        for start in (TRIGGER, *self.spec.roles):
            for loop in _back_arcs(start, leaving, done):
                loops.setdefault(loop.arcs[-1].edge.counter, loop)
        return tuple(loops.values())

    # -- what surely came before -----------------------------------------------------------------

    @cached_property
    def sure(self) -> Sure:
        return Sure(self.spec, self.edges, self.lanes)

    @cached_property
    def lanes(self) -> Lanes:
        return Lanes(self.edges)

    @cached_property
    def branches(self) -> Branches:
        return Branches(self.spec, self.edges, [(arc.source, arc.target, arc.edge) for arc in self.arcs])


def _unfold(gate: str, through: Mapping[str, set[str]]) -> set[str]:
    """The roles behind a touchpoint, also through touchpoints that lead to it."""
    found: set[str] = set()
    seen: set[str] = set()
    ahead = [gate]
    while ahead:
        name = ahead.pop()
        if name in through and name not in seen:
            seen.add(name)
            ahead.extend(through[name])
        elif name not in through:
            found.add(name)
    return found


def _by_source(arcs: Iterable[Arc]) -> dict[str, tuple[Arc, ...]]:
    found: dict[str, list[Arc]] = {}
    for arc in arcs:
        found.setdefault(arc.source, []).append(arc)
    return {name: tuple(leaving) for name, leaving in found.items()}


def _back_arcs(start: str, leaving: Mapping[str, tuple[Arc, ...]], done: set[str]) -> Iterator[Loop]:
    """Each arc that leads back to where a walk from `start` came through, with the way in between."""
    if start in done:
        return
    way: list[Arc] = []
    depth = {start: 0}
    ahead = [(start, iter(leaving.get(start, ())))]
    while ahead:
        name, arcs = ahead[-1]
        arc = next(arcs, None)
        if arc is None:
            ahead.pop()
            done.add(name)
            del depth[name]
            if way:
                way.pop()
        elif arc.target in depth:
            yield Loop((*way[depth[arc.target] :], arc))
        elif arc.target not in done:
            depth[arc.target] = len(way) + 1
            way.append(arc)
            ahead.append((arc.target, iter(leaving.get(arc.target, ()))))
