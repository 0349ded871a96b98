"""A spec as the rules look at it: names mended where they are nearly right, references resolved where they can be.

Nothing in here raises: what is wrong is found by a rule, and the other rules still see the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec.structs import replace

from choreo.canonical import NotData
from choreo.contract import BadVersion, Contract
from choreo.errors import SpecErrors
from choreo.expression import ExpressionSyntax, Node, compile_form, parse
from choreo.lint.flow import Flow
from choreo.lint.mending import Mended, meant, mended
from choreo.plan import Contracts, Edge, carried, resolve
from choreo.problem import Place, Problem
from choreo.spec import END, TRIGGER, ContractRef, Expr, Fixed, Handoff, InlineSchema, Role, Spec, SpecPlayer

Family = Mapping[str, tuple[Spec, Contracts]]
"""The specs that play roles in one another, each with its contracts, by `SpecPlayer.within`."""

_BUILT = compile_form(Fixed(None, Place("")))
"""Stands in for every `pass`: something is built on the way. What the rules ask of it they read from its tree."""


class Survey:
    """`edges` are those of the plan, in the same order, with no expression compiled."""

    def __init__(self, spec: Spec, contracts: Contracts, family: Family | None = None) -> None:
        self.spec = spec
        self.contracts = contracts
        self._family = family or {}
        self.asking: frozenset[str] | None = None
        """The touchpoints that can ask, once `choreo.lint.asking` has found them: several rules want to know."""
        self._trees: dict[str, Node | ExpressionSyntax] = {}
        self._resolved: dict[tuple[str, str], Contract | None] = {}

    def sub_spec(self, role: Role) -> Survey | None:
        """The spec that plays a role; None where it could not be read, or something else plays the role."""
        if not isinstance(role.player, SpecPlayer):
            return None
        found = self._family.get(role.player.within(self.spec.folder))
        return None if found is None else Survey(*found, self._family)

    # -- names -----------------------------------------------------------------------------------

    @cached_property
    def sources(self) -> Mapping[str, None]:
        """Every name a handoff may come from, in order."""
        return dict.fromkeys((TRIGGER, *self.spec.roles, *self.spec.touchpoints))

    @cached_property
    def targets(self) -> Mapping[str, None]:
        """Every name a handoff may go to, in order."""
        return dict.fromkeys((*self.spec.roles, END))

    @cached_property
    def _mended(self) -> Mended:
        return mended(self.spec)

    @property
    def handoffs(self) -> tuple[Handoff, ...]:
        """The handoffs, each misspelt name as the one that was probably meant, without those that cannot be read."""
        return self._mended.handoffs

    @property
    def guessed(self) -> frozenset[int]:
        """The handoffs (by index) with an end that is nobody, which is told: what hangs on that end is not judged."""
        return self._mended.guessed

    @cached_property
    def assumed(self) -> frozenset[str]:
        """Roles that a handoff from nobody leads to: they are taken as reached, that one error is told elsewhere."""
        known, kept = self.targets, {handoff.index for handoff in self.handoffs}
        lost = [one for one in self.spec.handoffs if one.index not in kept]
        return frozenset(meant(name, known) for handoff in lost for name in handoff.targets)

    # -- edges -----------------------------------------------------------------------------------

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        found: list[Edge] = []
        for handoff in self.handoffs:
            apart = [(source,) for source in handoff.sources] if handoff.sources_as == "any" else [handoff.sources]
            passes = None if handoff.passes is None else _BUILT
            for sources in apart:
                found.append(Edge(len(found), handoff.index, handoff, tuple(sorted(sources)), None, passes, None))
        return tuple(found)

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """Role (or `end`) to the edges that lead to it."""
        return _grouped((target, edge) for edge in self.edges for target in edge.handoff.targets)

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[Edge, ...]]:
        """Source to the edges that leave it, joins included."""
        return _grouped((source, edge) for edge in self.edges for source in edge.sources)

    @cached_property
    def guarded(self) -> Mapping[str, tuple[Edge, ...]]:
        """Touchpoint to the edges that lead through it."""
        return _grouped((edge.handoff.touchpoint, edge) for edge in self.edges if edge.handoff.touchpoint is not None)

    @cached_property
    def flow(self) -> Flow:
        return Flow(self.spec, self.edges)

    @property
    def without_guesses(self) -> Survey:
        """The same spec without the handoffs of which an end is only guessed, where that would make a difference."""
        if not self.guessed:
            return self
        certain = tuple(one for one in self.spec.handoffs if one.index not in self.guessed)
        return Survey(replace(self.spec, handoffs=certain), self.contracts, self._family)

    def hangs_on_a_guess(self, problem: Problem) -> bool:
        """Whether a finding about the graph blames a handoff of which an end is only guessed."""
        places = {handoff.place for handoff in self.handoffs if handoff.index in self.guessed}
        return problem.place in places or any(place in places for place, _ in problem.also)

    # -- expressions -----------------------------------------------------------------------------

    def tree(self, expr: Expr) -> Node | ExpressionSyntax:
        """The syntax tree of an expression, or why it has none."""
        found = self._trees.get(expr.text)
        if found is None:
            try:
                found = parse(expr.text)
            except ExpressionSyntax as error:
                found = error
            self._trees[expr.text] = found
        return found

    # -- contracts -------------------------------------------------------------------------------

    @cached_property
    def trigger(self) -> Contract | None:
        return self.resolved(self.spec.trigger.accepts, TRIGGER)

    @cached_property
    def emits(self) -> Mapping[str, Contract | None]:
        return {name: self.resolved(role.emits, name) for name, role in self.spec.roles.items()}

    @cached_property
    def accepts(self) -> Mapping[str, Contract | None]:
        """What each role accepts: as declared, else as its incoming handoffs agree on."""
        return {name: self._accepted(name, role) for name, role in self.spec.roles.items()}

    @cached_property
    def result(self) -> Contract | None:
        declared = self.spec.result.emits if self.spec.result else None
        return self.resolved(declared, END) if declared is not None else self.agreed(END)

    @staticmethod
    def is_unread(contract: Contract | None) -> bool:
        """Whether a contract is missing, or stands in for a broken text: what hangs on its details is not judged."""
        return contract is None or contract.is_broken

    def resolved(self, ref: ContractRef | InlineSchema | None, owner: str) -> Contract | None:
        if not isinstance(ref, ContractRef):
            return self._resolve(ref, owner)
        key = (ref.name, ref.range)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(ref, owner)
        return self._resolved[key]

    def _resolve(self, ref: ContractRef | InlineSchema | None, owner: str) -> Contract | None:
        try:
            return resolve(ref, self.contracts, owner)
        except (SpecErrors, BadVersion, NotData):
            return None

    def _accepted(self, name: str, role: Role) -> Contract | None:
        return self.agreed(name) if role.accepts is None else self.resolved(role.accepts, name)

    def agreed(self, target: str) -> Contract | None:
        """The one contract that every handoff to `target` carries unchanged, or None."""
        kinds = {kind.ref if kind else "": kind for kind in map(self.carried, self.first_time(target))}
        return next(iter(kinds.values())) if len(kinds) == 1 else None

    def first_time(self, target: str) -> tuple[Edge, ...]:
        """The edges that bring `target` an input (a revision brings feedback), or `end` a result (no failure does)."""
        edges = self.incoming.get(target, ())
        return tuple(edge for edge in edges if not edge.handoff.revise and not edge.handoff.fails(target))

    def carried(self, edge: Edge) -> Contract | None:
        """The contract of what an edge carries unchanged, None where it is built on the way or not known."""
        return carried(edge, self.emits, self.trigger)


def _grouped(pairs: Iterable[tuple[str, Edge]]) -> dict[str, tuple[Edge, ...]]:
    found: dict[str, list[Edge]] = {}
    for name, edge in pairs:
        found.setdefault(name, []).append(edge)
    return {name: tuple(edges) for name, edges in found.items()}
