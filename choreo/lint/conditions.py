"""The conditions that were asked before an expression is evaluated, and what is known because of them."""

from __future__ import annotations

from choreo.expression import ExpressionSyntax, Node
from choreo.lint.facts import NOTHING, Facts, facts
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.spec import Expr


class Conditions:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey

    def known(self, scope: Scope, expr: Expr | None) -> Facts:
        """What has a value where an expression stands, because a condition was true or others were false before."""
        if scope.where == "touchpoint" and scope.gate is not None and scope.gate.when not in (None, expr):
            return self._facts(scope.gate.when, True)
        return NOTHING.union(*(facts(tree, truth) for tree, truth in self.asked(scope.edge, expr)))

    def asked(self, edge: Edge | None, expr: Expr | None = None) -> list[tuple[Node, bool]]:
        """The conditions that were asked before an expression on an edge, each with what it gave."""
        if edge is None:
            return []
        own = [] if edge.handoff.when is expr else [(edge.handoff.when, True)]
        before = [one for one in self._rivals(edge) if one.number < edge.number or edge.handoff.otherwise]
        asked = [*own, *((one.handoff.when, False) for one in before)]
        trees = [(self.survey.tree(when), truth) for when, truth in asked if when is not None]
        return [(tree, truth) for tree, truth in trees if not isinstance(tree, ExpressionSyntax)]

    def _rivals(self, edge: Edge) -> list[Edge]:
        """The handoffs with `when` that were asked first, at the same event."""
        if edge.handoff.also or not (edge.handoff.otherwise or edge.handoff.when):
            return []
        beside = self.survey.outgoing.get(edge.sources[0], ())
        return [
            one
            for one in beside
            if one.handoff.when is not None
            and not one.handoff.also
            and (one.sources, one.handoff.on) == (edge.sources, edge.handoff.on)
        ]

    def _facts(self, when: Expr | None, truth: bool) -> Facts:
        tree = None if when is None else self.survey.tree(when)
        return NOTHING if tree is None or isinstance(tree, ExpressionSyntax) else facts(tree, truth)
