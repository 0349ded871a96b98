"""Which handoffs an event fires, and with what payload (SEMANTICS rule 2 and "Forms")."""

from __future__ import annotations

from choreo.canonical import Payload
from choreo.engine.names import Names
from choreo.expression import ExpressionError, evaluate_condition
from choreo.plan import Edge, Group, Plan
from choreo.spec import END


class Fault(Exception):
    """A handoff that cannot be made, with a stable code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def select(group: Group, names: Names) -> tuple[Edge, ...]:
    """The edges that fire, in file order. Raises ExpressionError where a condition cannot be told."""
    chosen: list[Edge] = []
    matched = False
    for edge in group.edges:
        if edge.handoff.otherwise:
            continue
        if edge.when is None:
            chosen.append(edge)
        elif edge.handoff.also:
            if evaluate_condition(edge.when, names):
                chosen.append(edge)
        elif not matched and evaluate_condition(edge.when, names):
            matched = True
            chosen.append(edge)
    if not matched:
        chosen.extend(edge for edge in group.edges if edge.handoff.otherwise)
    return tuple(sorted(chosen, key=lambda edge: edge.number))


def picked(edge: Edge, names: Names) -> tuple[str, ...]:
    """The targets of an edge: all of `to`, or those that `pick` names (a name outside `to` picks nothing)."""
    targets = edge.handoff.targets
    if edge.pick is None:
        return targets
    wanted = edge.pick.evaluate(names)
    if isinstance(wanted, str):
        wanted = [wanted]
    if not isinstance(wanted, list):
        raise ExpressionError(f"`pick` gives {type(wanted).__name__}, not a name or a list of names")
    return tuple(target for target in targets if target in wanted)


def build_payload(plan: Plan, edge: Edge, target: str, out: Payload | None, names: Names) -> Payload:
    """What goes to `target`. Raises ExpressionError or Fault."""
    if edge.handoff.revise and target not in names.past:
        raise Fault("nothing-to-revise", f"`{target}` has no earlier visit that could be revised")
    if edge.passes is not None:
        return edge.passes.build(names)
    if target == END and plan.result_form is not None:
        return plan.result_form.build(names)
    if out is None:
        raise Fault("no-output", "there is no output to hand over")
    return out
