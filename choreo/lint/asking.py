"""Touchpoints that stand in the spec and never ask, or leave a person no way to say yes."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.expression import ExpressionError, ExpressionSyntax, compile_expression, free_names
from choreo.lint.folding import never
from choreo.lint.meaning import Meanings
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.problem import Problem
from choreo.spec import Expr, Touchpoint


def idle_touchpoint(survey: Survey) -> Iterator[Problem]:
    """`never-asks`: the `when` of a touchpoint is never true, so it lets everything pass and nobody is asked.

    Such a touchpoint is none: what stands behind it counts as not looked at by anybody. Write a `when` that can be
    true, or leave it out to ask every time.

    `never-approves` (error or warning): the `may` of a touchpoint offers neither `approve` nor `edit`: whoever is asked
    can only say no, and what stands behind it never gets its payload. A warning where its `when` may let a payload pass
    unasked.
    """
    asks = asking(survey)
    for gate in survey.spec.touchpoints.values():
        if gate.name not in survey.guarded:
            continue
        if gate.when is not None and gate.name not in asks:
            message = f"`{gate.name}` never asks: its `when` is never true, so everything passes it unseen"
            help = "write a `when` that can be true, or remove it to ask every time"
            yield Problem(gate.when.place, "never-asks", message, help)
        elif not {"approve", "edit"} & set(gate.may):
            yield _never_approves(survey, gate)


def _never_approves(survey: Survey, gate: Touchpoint) -> Problem:
    behind = dict.fromkeys(name for edge in survey.guarded[gate.name] for name in edge.handoff.targets)
    names = " and ".join(f"`{name}`" for name in behind)
    sure = gate.when is None or _always(True, gate, gate.when, Meanings(survey))
    does = "is never reached through it" if sure else "is reached through it only unasked"
    message = f"nobody can say yes at `{gate.name}` (its `may` has no `approve`): {names} {does}"
    also = tuple(
        (edge.handoff.place, "nothing that is asked about gets through here") for edge in survey.guarded[gate.name]
    )
    help = "add `approve` to `may`, or remove the handoff"
    return Problem(gate.place, "never-approves", message, help, "error" if sure else "warning", also[:4])


def asking(survey: Survey) -> frozenset[str]:
    """The touchpoints that can ask. An error in a `when` makes it ask."""
    if survey.asking is None:
        gates, meanings = survey.spec.touchpoints.values(), Meanings(survey)
        idle = {gate.name for gate in gates if gate.when is not None and _always(False, gate, gate.when, meanings)}
        survey.asking = frozenset(survey.spec.touchpoints.keys() - idle)
    return survey.asking


def _always(truth: bool, gate: Touchpoint, when: Expr, meanings: Meanings) -> bool:
    """Whether the `when` of a touchpoint comes out so whatever waits there."""
    tree = meanings.survey.tree(when)
    if isinstance(tree, ExpressionSyntax):
        return False
    if not any(free_names(tree)):
        return _constant(when.text) is truth
    scope = Scope("touchpoint", gate=gate)
    return never([(tree, not truth)], lambda path: meanings.at(path, scope))


def _constant(text: str) -> bool | None:
    """What an expression over no names gives; None where it is an error or no boolean."""
    try:
        value = compile_expression(text).evaluate({})
    except (ExpressionError, ExpressionSyntax):
        return None
    return value if isinstance(value, bool) else None
