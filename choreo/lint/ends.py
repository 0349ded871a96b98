"""Whether a run comes to its end whatever it takes: branches that go nowhere, and ends that come again each round."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.lint.flow import Arc
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.problem import Place, Problem
from choreo.spec import END, TRIGGER


def dead_end(survey: Survey) -> Iterator[Problem]:
    """`dead-end`: a choice (`when`, `otherwise`, or an event such as `rejected`) leads to roles from which no way leads
    to `end`, and nothing else can get there then: a run that takes it has no result and fails with `no-result`. Hand
    over to `end` there, with `outcome: NAME` where it is another ending. A lane may stop anywhere: it is gathered.
    """
    flow = survey.flow
    if END not in flow.reached or not flow.reached.issuperset(survey.spec.roles):
        return  # another finding says what is missing
    for arc in flow.arcs:
        if arc.target == END or not _chosen(arc.edge) or flow.lanes.behind(arc.edge):
            continue
        if END in flow.reach((arc.target,)) or END in _meanwhile(survey, arc):
            continue
        message = f"from `{arc.target}` no way leads to `end`: a run that comes here has no result"
        help = f"hand its result over: `{{from: {arc.target}, to: end}}`"
        yield Problem(_place(arc.edge, arc.target), "dead-end", message, help)


def _meanwhile(survey: Survey, taken: Arc) -> frozenset[str]:
    """What can be got to without the choice that was taken, and without those that were given up for it."""

    def is_open(arc: Arc) -> bool:
        instead = _chosen(arc.edge) or arc.edge.handoff.on != taken.edge.handoff.on or arc.gate != taken.gate
        return arc.source != taken.source or not instead

    return survey.flow.reach((TRIGGER,), is_open)


def _chosen(edge: Edge) -> bool:
    """Whether other handoffs do not fire where this one does."""
    handoff = edge.handoff
    choosing = handoff.otherwise or (handoff.when is not None and not handoff.also)
    return not edge.join and (choosing or handoff.on != "done")


def each_round(survey: Survey) -> Iterator[tuple[Edge, str, Edge]]:
    """Handoffs out of a loop that fire each time it goes round: (the handoff, whom it leads to, the way round)."""
    flow = survey.flow
    for arc in flow.arcs:
        if not _always(arc.edge) or arc.gate is not None or arc.source not in flow.reached:
            continue
        ahead = flow.reach((arc.target,))
        if arc.source in ahead or END not in ahead:
            continue
        for other in flow.leaving[arc.source]:
            fires = other.edge.handoff.on == "done" and other.gate is None and not other.edge.join
            if other.edge.number != arc.edge.number and fires and arc.source in flow.reach((other.target,)):
                yield arc.edge, arc.target, other.edge
                break


def _always(edge: Edge) -> bool:
    """Whether a handoff fires at each visit of its source, and leads straight on."""
    handoff = edge.handoff
    words = (handoff.when, handoff.pick, handoff.at_most, handoff.touchpoint, handoff.each)
    plain = all(word is None for word in words) and not handoff.otherwise and not handoff.gather and not handoff.fail
    return plain and not edge.join and handoff.on == "done"


def _place(edge: Edge, target: str) -> Place:
    places = zip(edge.handoff.targets, edge.handoff.target_places, strict=False)
    return next((place for name, place in places if name == target), edge.handoff.place)
