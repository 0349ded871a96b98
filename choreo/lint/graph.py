"""The graph of a spec: loops, what nothing leads to, and whether anything gets to the end."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.lint.survey import Survey
from choreo.problem import Problem
from choreo.spec import END, TRIGGER


def unbounded_loop(survey: Survey) -> Iterator[Problem]:
    """`unbounded-loop`: handoffs lead round in a circle, and none of them has an `at_most`.

    Every loop needs a handoff that may fire so many times in a run and not more. When it is used up its source gives
    `exhausted`: say with `on: exhausted` who goes on then.
    """
    for loop in survey.flow.unbounded:
        handoff = loop.arcs[-1].edge.handoff
        help = "write `at_most: 2` on this handoff, and who goes on afterwards: {from: ROLE, on: exhausted, to: ...}"
        others = {arc.edge.counter: arc.edge.handoff.place for arc in loop.arcs[:-1]}
        also = tuple((place, "on the way round") for place in others.values() if place != handoff.place)
        yield Problem(handoff.place, "unbounded-loop", f"a loop without `at_most`: {loop}", help, also=also[:4])


def unreachable_role(survey: Survey) -> Iterator[Problem]:
    """`unreachable-role`: no way leads from the trigger to a role, so it never plays.

    `no-start`: no handoff comes from the trigger at all.
    """
    if TRIGGER not in survey.outgoing:
        help = "write `{from: trigger, to: ROLE}`"
        yield Problem(survey.spec.trigger.place, "no-start", "no handoff comes from `trigger`, so nothing plays", help)
        return
    reached = _reached(survey)
    lost = [role for role in survey.spec.roles.values() if role.name not in reached]
    for role in lost:
        incoming = survey.incoming.get(role.name, ())
        message, help = f"no handoff leads to `{role.name}`", "hand over to it, or remove it"
        if incoming:
            sources = ", ".join(dict.fromkeys(f"`{source}`" for edge in incoming for source in edge.sources))
            message = f"no way leads from the trigger to `{role.name}`: it is reached from {sources} only"
            help = "a revision does not count: a role must have played before it can revise"
            help = help if all(edge.handoff.revise for edge in incoming) else "hand over to it from a role that plays"
        yield Problem(role.place, "unreachable-role", message, help)


def unreached_touchpoint(survey: Survey) -> Iterator[Problem]:
    """`unreached-touchpoint`: no handoff leads through a touchpoint, so nobody is ever asked.

    A touchpoint stands on a handoff: write `touchpoint: NAME` there.
    """
    for gate in survey.spec.touchpoints.values():
        if gate.name not in survey.guarded:
            message = f"no handoff leads through `{gate.name}`, so nobody is ever asked"
            help = f"write `touchpoint: {gate.name}` on the handoff it stands on"
            yield Problem(gate.place, "unreached-touchpoint", message, help)


def no_end(survey: Survey) -> Iterator[Problem]:
    """`no-end`: nothing that plays ever hands over to `end`, so a run has no result and fails with `no-result`."""
    if TRIGGER in survey.outgoing and END not in _reached(survey):
        also = tuple((edge.handoff.place, "never reached") for edge in survey.incoming.get(END, ()))
        message = "no way leads from the trigger to `end`, so no run can have a result"
        help = "hand the result over: `{from: ROLE, to: end}`"
        yield Problem(survey.spec.handoffs[-1].place, "no-end", message, help, also=also[:4])


def _reached(survey: Survey) -> frozenset[str]:
    return survey.flow.reached | survey.flow.reach(survey.assumed) if survey.assumed else survey.flow.reached
