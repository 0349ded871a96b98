"""Who reads, by name, what a role emits: the handoffs, touchpoints and results whose expressions name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from choreo.expression import ExpressionSyntax, free_names
from choreo.lint.survey import Survey
from choreo.lint.uses import Use, uses
from choreo.loading.loaded import Loaded
from choreo.loading.parties import Party
from choreo.plan import Edge
from choreo.problem import Place
from choreo.spec import END, TRIGGER


@dataclass(frozen=True, slots=True)
class Reading:
    """`source` is the role (or `trigger`) whose output is read at `place`; where `delivered`, what it receives is."""

    spec: str
    place: Place
    what: str
    source: str
    delivered: bool = False

    def concerns(self, party: Party) -> bool:
        """Whether what is read here is what that party emits, or is handed."""
        if (party.spec, party.place.path) != (self.spec, self.place.path) or party.role != self.source:
            return False
        return party.does == ("accepts" if self.delivered or self.source == TRIGGER else "emits")

    def __str__(self) -> str:
        return f"{self.place.path}:{self.place.line} {self.what} reads it"


def readings(loaded: Loaded) -> tuple[Reading, ...]:
    """Each handoff, touchpoint and result with each role that it reads, once, at the first expression that does."""
    if loaded.spec is None:
        return ()
    survey = Survey(loaded.spec, loaded.contracts)
    found: dict[tuple[str, str, bool, int], Reading] = {}
    for use in uses(survey):
        what = _what(use)
        for name, delivered in _read(use, survey) if what else ():
            owner = use.scope.edge.handoff.index if use.scope.edge else -1
            reading = Reading(loaded.spec.name, use.expr.place, what, name, delivered)
            found.setdefault((what, name, delivered, owner), reading)
    return tuple(sorted(found.values(), key=lambda one: (one.place.line, one.place.column)))


def _what(use: Use) -> str:
    if use.scope.edge is not None:
        handoff = use.scope.edge.handoff
        return f"handoff {', '.join(handoff.sources)} -> {', '.join(handoff.targets)}"
    if use.scope.gate is not None:
        return f"touchpoint {use.scope.gate.name}"
    return "the result" if use.scope.where == "result" else ""


def _read(use: Use, survey: Survey) -> Iterator[tuple[str, bool]]:
    """(role, whether what it receives is meant) of every name in an expression that stands for a payload."""
    tree = survey.tree(use.expr)
    if isinstance(tree, ExpressionSyntax):
        return
    for ident in free_names(tree):
        name = ident.name
        if name in survey.spec.roles or name == TRIGGER:
            yield name, False
        elif name == "out" and use.scope.edge is not None:
            yield from _given(use.scope.edge, survey)
        elif name == "payload" and use.scope.gate is not None:
            yield from _waiting(use.scope.gate.name, survey)
        elif name in survey.spec.touchpoints:
            yield from _waiting(name, survey)


def _given(edge: Edge, survey: Survey) -> Iterator[tuple[str, bool]]:
    for source in edge.sources:
        if source in survey.spec.touchpoints:
            yield from _waiting(source, survey)
        else:
            yield source, False


def _waiting(gate: str, survey: Survey) -> Iterator[tuple[str, bool]]:
    """Whose payload waits at a touchpoint: the sender's own, and what the receiver is to be handed."""
    for edge in survey.guarded.get(gate, ()):
        if edge.handoff.passes is None:
            yield from ((source, False) for source in edge.sources)
        yield from (("result", False) if target == END else (target, True) for target in edge.handoff.targets)
