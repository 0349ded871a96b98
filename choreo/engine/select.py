"""Which handoffs an event fires, and with what payload (SEMANTICS rule 2 and "Forms")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from choreo.canonical import Payload
from choreo.contract import Contract
from choreo.engine.names import Names
from choreo.expression import ExpressionError, described, evaluate_condition
from choreo.plan import Edge, Group, Plan
from choreo.spec import END, Touchpoint
from choreo.trace import Blame, Verdict

Check = Callable[[Contract, Payload], Verdict]


class Fault(Exception):
    """A handoff that cannot be made, with a stable code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def select(group: Group, names: Names) -> tuple[Edge, ...]:
    """The edges that fire, in file order. Raises ExpressionError where a condition cannot be told."""
    if group.always:
        return group.edges
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


def delay(edge: Edge, names: Names) -> float:
    """The seconds that what this edge carries waits before it arrives; 0 is not at all."""
    if edge.after is not None:
        return max(0.0, edge.after.seconds(names))
    return edge.handoff.after if isinstance(edge.handoff.after, float) else 0.0


def elements(edge: Edge, names: Names) -> list[Any]:
    """The list that `each` gives. Raises ExpressionError or Fault."""
    if edge.each is None:
        return []
    found = edge.each.evaluate(names)
    if not isinstance(found, list):
        raise Fault("not-a-list", f"`{edge.each.text}` gives {described(found)}: `each` needs a list")
    return found


def build_payload(plan: Plan, edge: Edge, target: str, out: Payload | None, names: Names) -> Payload:
    """What goes to `target`; without a `pass` a lane gets its element. Raises ExpressionError or Fault."""
    if edge.handoff.revise and target not in names.past:
        raise Fault("nothing-to-revise", f"`{target}` has no earlier visit that could be revised")
    if edge.passes is not None:
        return edge.passes.build(names)
    if edge.each is not None:
        return Payload.of(names["item"])
    if target == END and plan.result_form is not None and not edge.handoff.fail:
        return plan.result_form.build(names)
    if out is None:
        raise Fault("no-output", "there is no output to hand over")
    return out


def judged(plan: Plan, check: Check, edge: Edge, target: str, payload: Payload) -> tuple[Verdict | None, Blame | None]:
    """What the receiver's contract says of a payload, and who is to blame where it says no. A run that fails has no
    result: what is kept of it has no contract.
    """
    if edge.handoff.revise or edge.handoff.fails(target):
        return None, None
    unchanged = plan.unchanged[edge.number]
    if target == END and edge.passes is None and plan.result_form is not None:
        unchanged = None
    contract = plan.receives(target, unchanged)
    if contract is None:
        return None, None
    verdict = check(contract, payload)
    if verdict.ok:
        return verdict, None
    return verdict, "receiver" if unchanged is not None else "mapping"


def at_gate(plan: Plan, name: str, payload: Payload, names: Names) -> tuple[Touchpoint, bool, str]:
    """The touchpoint, whether a person is to be asked there, and why. A condition that cannot be told means ask."""
    touchpoint, when = plan.touchpoints[name]
    if when is None:
        return touchpoint, True, "this touchpoint always asks"
    try:
        needed = evaluate_condition(when, names.adding(payload=payload))
    except ExpressionError as error:
        return touchpoint, True, f"`{when.text}` could not be evaluated ({error}), so a person is asked"
    return touchpoint, needed, f"`{when.text}` is {'true' if needed else 'false'}"
