"""Branches that run side by side, and where two of them meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_

from msgspec import Struct

from choreo.plan import Edge
from choreo.spec import END, TRIGGER, Spec

Link = tuple[str, str, Edge]
"""(from, to, edge): from and to are roles, `trigger` or `end`."""


class Branch(Struct, frozen=True):
    """One handoff to one target out of a fork, with everything it can lead to without going round a loop."""

    edge: Edge
    target: str
    single: bool
    reach: int

    def beside(self, other: Branch) -> bool:
        """Whether both can be taken at one event: not where `when` and `otherwise` choose between them, nor where a
        `pick` names one of them (`single`).
        """
        if self.edge.number == other.edge.number:
            return not self.single
        return not (_chosen(self.edge) and _chosen(other.edge))


def _chosen(edge: Edge) -> bool:
    handoff = edge.handoff
    return handoff.otherwise or (handoff.when is not None and not handoff.also)


class Fork(Struct, frozen=True):
    """Branches out of one event. `single` is what exactly one of them leads to."""

    branches: tuple[Branch, ...]
    single: int
    targets: frozenset[str]

    @staticmethod
    def of(branches: Sequence[Branch]) -> Fork:
        once = twice = 0
        for branch in branches:
            twice |= once & branch.reach
            once |= branch.reach
        return Fork(tuple(branches), once & ~twice, frozenset(branch.target for branch in branches))


class Branches:
    """`links` are the arcs of the graph; loops are left out by taking only those that have no `at_most`."""

    def __init__(self, spec: Spec, edges: Sequence[Edge], links: Sequence[Link]) -> None:
        self.edges = edges
        self.links = links
        self.bit = {name: 1 << place for place, name in enumerate((TRIGGER, *spec.roles, END))}

    def leads_to(self, name: str, others: Iterable[str]) -> bool:
        """Whether one of `others` comes after `name` without going round a loop (or is it)."""
        return bool(self.reach.get(name, 0) & self.bits(others))

    def bits(self, names: Iterable[str]) -> int:
        return reduce(or_, (self.bit.get(name, 0) for name in names), 0)

    @cached_property
    def reach(self) -> Mapping[str, int]:
        """Name to everything that can come after it, itself included."""
        after: dict[str, list[str]] = {}
        for source, target, edge in self.links:
            if edge.handoff.at_most is None:
                after.setdefault(source, []).append(target)
        found: dict[str, int] = {}
        for start in self.bit:
            for name in _leaves_first(start, after, found):
                bits = self.bit[name]
                for target in after.get(name, ()):
                    bits |= found.get(target, self.bit.get(target, 0))
                found[name] = bits
        return found


class Meetings:
    """Where branches meet. `single` are the numbers of the edges with a `pick` that names one receiver at most."""

    def __init__(self, branches: Branches, single: Collection[int]) -> None:
        self.branches = branches
        self.single = single

    def meeting(self, target: str) -> tuple[Edge, Edge] | None:
        """Two handoffs to `target` that can both fire, on branches of one fork that do not meet before; or None."""
        incoming = [link for link in self._incoming.get(target, ()) if not link[2].handoff.fail]
        sources = self.branches.bits(source for source, _, _ in incoming)
        for fork in self._forks if len({edge.number for _, _, edge in incoming}) > 1 else ():
            if fork.single & sources or target in fork.targets:
                found = _pair([(edge, branch) for link in incoming for edge, branch in self._carried(fork, link)])
                if found is not None:
                    return found
        return None

    def _carried(self, fork: Fork, link: Link) -> Iterator[tuple[Edge, Branch]]:
        """The one branch on which a handoff is come to; nothing where there is none, or more than one."""
        source, target, edge = link
        bit = self.branches.bit.get(source, 0)
        for branch in fork.branches:
            own = branch.edge.number == edge.number and branch.target == target
            if own or branch.reach & bit & fork.single:
                yield edge, branch
                return

    @cached_property
    def _incoming(self) -> Mapping[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self.branches.links:
            found.setdefault(link[1], []).append(link)
        return found

    @cached_property
    def _forks(self) -> list[Fork]:
        groups: dict[tuple[tuple[str, ...], bool, str], list[Branch]] = {}
        for edge in self.branches.edges:
            for target in edge.handoff.targets:
                key = (edge.sources, edge.join, edge.handoff.on)
                groups.setdefault(key, []).append(
                    Branch(edge, target, edge.number in self.single, self.branches.reach.get(target, 0))
                )
        return [Fork.of(branches) for branches in groups.values() if _any_beside(branches)]


def _pair(carried: Sequence[tuple[Edge, Branch]]) -> tuple[Edge, Edge] | None:
    """The first two handoffs on different branches that can both be taken."""
    for place, (edge, branch) in enumerate(carried):
        for earlier, other in carried[: min(place, 8)]:
            if earlier.number != edge.number and other is not branch and other.beside(branch):
                return earlier, edge
    return None


def _any_beside(branches: Sequence[Branch]) -> bool:
    """Whether two of them can both be taken."""
    edges = {branch.edge.number: branch for branch in branches}
    if len(edges) > 1 and not all(_chosen(branch.edge) for branch in edges.values()):
        return True
    sizes = Counter(branch.edge.number for branch in branches if not branch.single)
    return any(size > 1 for size in sizes.values())


def _leaves_first(start: str, after: Mapping[str, list[str]], done: Mapping[str, int]) -> Iterator[str]:
    """What can be got to from `start`, each after what follows it; what is done already is left out."""
    seen = {start}
    ahead = [] if start in done else [(start, iter(after.get(start, ())))]
    while ahead:
        name, following = ahead[-1]
        for target in following:
            if target not in seen and target not in done:
                seen.add(target)
                ahead.append((target, iter(after.get(target, ()))))
                break
        else:
            ahead.pop()
            yield name
