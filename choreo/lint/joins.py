"""Joins that do not join, and payloads that meet where nothing joins them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from choreo.expression import ExpressionSyntax
from choreo.lint.branches import Meetings
from choreo.lint.ends import each_round
from choreo.lint.findings import Findings
from choreo.lint.infer import Inference
from choreo.lint.meaning import Meanings
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.problem import Problem
from choreo.spec import END


def not_a_join(survey: Survey) -> Iterator[Problem]:
    """`not-a-join` (warning): one source of a join always comes before another one.

    The join then waits for the later one anyway. Hand over from that one alone; in `when` and `pass` the earlier one
    can be read by its name.
    """
    for edge in _joins(survey):
        for second in edge.sources:
            for first in sorted(survey.flow.sure.earlier(second, edge.sources)):
                if second not in survey.flow.reached:
                    continue
                message = f"`{first}` always plays before `{second}`, so there is nothing to join"
                help = f"write `from: {second}`, and read `{first}` by its name"
                yield Problem(edge.handoff.place, "not-a-join", message, help, "warning")


def join_cycle(survey: Survey) -> Iterator[Problem]:
    """`join-cycle` (warning): two joins wait for each other: a source of the one plays only after the other has
    fired, and the other way round. The one that stands first in the file then fires without that source.
    """
    sure = survey.flow.sure
    joins = {(edge.sources, edge.handoff.targets): edge for edge in _joins(survey)}.values()
    needs = [(edge, frozenset().union(*(sure.through(source) for source in edge.sources))) for edge in joins]
    for (first, first_needs), (second, second_needs) in combinations(needs, 2):
        if first_needs.isdisjoint(second.handoff.targets) or second_needs.isdisjoint(first.handoff.targets):
            continue
        message = f"the joins of {_names(first)} and of {_names(second)} wait for each other"
        help = "let one of the two hand over without the other, or join all their sources at once"
        also = ((first.handoff.place, "the other join"),)
        yield Problem(second.handoff.place, "join-cycle", message, help, "warning", also)


def _joins(survey: Survey) -> list[Edge]:
    """The joins that are made of roles; the others are told by `bad-join`."""
    roles = survey.spec.roles
    return [
        edge for edge in survey.edges if edge.join and edge.handoff.on == "done" and roles.keys() >= {*edge.sources}
    ]


def _names(edge: Edge) -> str:
    return " and ".join(f"`{source}`" for source in edge.sources)


def double_arrival(survey: Survey) -> Iterator[Problem]:
    """`double-arrival` (warning): two handoffs to one role can both fire in one run, on branches that run side by side.
    (The receivers of a `pick` that gives a text, not a list, exclude each other.) Where both are of one `gather`, a
    lane gives only what came last.

    Each is a visit of its own, and everything after it happens twice. Join the branches with `from: [a, b]` where one
    visit is meant.

    `two-results` (warning): the same at `end`: two results in one run. A second result fails the run.

    The same where one handoff out of a loop fires each time it goes round: give it a `when`, or `otherwise: true`.
    """
    survey = survey.without_guesses
    meetings = Meetings(survey.flow.branches, _picking_one(survey))
    for target, incoming in survey.incoming.items():
        if len(incoming) > 1 and target in survey.flow.reached:
            pair = meetings.meeting(target)
            if pair is not None:
                yield _meeting(target, *pair)
    for edge, target, way_round in each_round(survey):
        yield _again(edge, target, way_round)


def _picking_one(survey: Survey) -> frozenset[int]:
    """The edges with a `pick` that gives a text: one name, not a list of them."""
    meanings = Meanings(survey)
    return frozenset(edge.number for edge in survey.edges if _names_one(edge, survey, meanings))


def _names_one(edge: Edge, survey: Survey, meanings: Meanings) -> bool:
    tree = None if edge.handoff.pick is None else survey.tree(edge.handoff.pick)
    if edge.handoff.pick is None or tree is None or isinstance(tree, ExpressionSyntax):
        return False
    lane = survey.flow.lanes.before(edge)
    scope = Scope("handoff", edge=edge, lane=lane[-1] if lane else None)
    kind = Inference(lambda name: meanings.of(name, scope), Findings(edge.handoff.pick)).type(tree)
    return bool(kind.alts) and kind.kinds <= {"string", "null"}


def _again(edge: Edge, target: str, way_round: Edge) -> Problem:
    also = ((way_round.handoff.place, "the way round"),)
    help = "write `otherwise: true` here and a `when` there, so that one of them fires"
    if target == END:
        message = f"{_names(edge)} hands over to `end` each time the loop goes round: a second result fails the run"
        return Problem(edge.handoff.place, "two-results", message, help, "warning", also)
    message = f"{_names(edge)} hands over to `{target}` each time the loop goes round: it then plays again"
    return Problem(edge.handoff.place, "double-arrival", message, help, "warning", also)


def _meeting(target: str, first: Edge, second: Edge) -> Problem:
    place = next(
        where
        for name, where in zip(second.handoff.targets, second.handoff.target_places, strict=False)
        if name == target
    )
    also = ((first.handoff.place, "the other one"),)
    same = first.sources == second.sources
    froms = f"both from {_names(first)}" if same else f"from {_names(first)} and from {_names(second)}"
    joined = f"join them: `from: [{', '.join(dict.fromkeys((*first.sources, *second.sources)))}]`"
    if same:
        joined = "let them exclude each other (`when`, `otherwise`)"
    if first.handoff.gather and first.handoff is second.handoff:
        message = f"a lane can come to this `gather` {froms}: only what came last stands in the list"
        return Problem(place, "double-arrival", message, f"{joined}, if both are meant", "warning", also)
    if target == END:
        message = f"both handoffs to `end`, {froms}, can fire in one run: a second result fails it"
        return Problem(place, "two-results", message, f"{joined}, or let one of them stop", "warning", also)
    message = f"both handoffs to `{target}`, {froms}, can fire in one run: it then plays twice"
    return Problem(place, "double-arrival", message, f"{joined}, if one visit is meant", "warning", also)
