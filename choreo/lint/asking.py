"""Touchpoints that stand in the spec and never ask, or leave a person no way to say yes."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.expression import ExpressionError, ExpressionSyntax, Node, compile_expression, free_names
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
    sure = gate.when is None or _comes_out(survey, gate, gate.when) is True
    does = "is never reached through it" if sure else "is reached through it only unasked"
    message = f"nobody can say yes at `{gate.name}` (its `may` has no `approve`): {names} {does}"
    also = tuple(
        (edge.handoff.place, "nothing that is asked about gets through here") for edge in survey.guarded[gate.name]
    )
    help = "add `approve` to `may`, or remove the handoff"
    return Problem(gate.place, "never-approves", message, help, "error" if sure else "warning", also[:4])


def asking(survey: Survey) -> frozenset[str]:
    """The touchpoints that can ask. An error in a `when` makes it ask."""
    gates = survey.spec.touchpoints.values()
    return frozenset(
        gate.name for gate in gates if gate.when is None or _comes_out(survey, gate, gate.when) is not False
    )


def _comes_out(survey: Survey, gate: Touchpoint, when: Expr) -> bool | None:
    """What the `when` of a touchpoint always gives; None where that depends, or where it is an error."""
    tree = survey.tree(when)
    if isinstance(tree, ExpressionSyntax):
        return None
    if not any(free_names(tree)):
        return _constant(when.text)
    meanings, scope = Meanings(survey), Scope("touchpoint", gate=gate)
    outcomes = [truth for truth in (True, False) if not _is_never(tree, truth, meanings, scope)]
    return outcomes[0] if len(outcomes) == 1 else None


def _is_never(tree: Node, truth: bool, meanings: Meanings, scope: Scope) -> bool:
    return never([(tree, truth)], lambda path: meanings.at(path, scope))


def _constant(text: str) -> bool | None:
    """What an expression over no names gives; None where it is an error or no boolean."""
    try:
        value = compile_expression(text).evaluate({})
    except (ExpressionError, ExpressionSyntax):
        return None
    return value if isinstance(value, bool) else None
