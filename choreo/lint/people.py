"""Where a person must have had a say: before an effect, and on a decision with high stakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from choreo.lint.flow import Arc
from choreo.lint.survey import Survey
from choreo.problem import Problem
from choreo.spec import TRIGGER, HumanPlayer, MapDecision, Role


def ungated_actor(survey: Survey) -> Iterator[Problem]:
    """`ungated-actor` (error or warning): an actor plays, on some way through the spec, and nobody has looked before.

    A warning where nothing stands before it: no touchpoint, no person, no reviewer. An error where the map says
    `stakes: high` for a decision of a role, and what the role decided gets to the actor without touchpoint and
    without person. Put a touchpoint on the handoff; with `when` it asks only where it must.
    """
    decisions = _high_stakes(survey)
    for role in survey.spec.roles.values():
        if role.kind != "actor" or role.name not in survey.flow.reached:
            continue
        unseen = next((one for one in decisions if _gets_there_unseen(survey, one, role)), None)
        help = f"put a touchpoint on the handoff to `{role.name}`: `touchpoint: NAME`"
        if unseen is not None:
            message = f"`{role.name}` acts on a decision with high stakes ({unseen.what}) that no person has seen"
            also = ((unseen.place, "the decision"),)
            yield Problem(role.place, "ungated-actor", message, help, also=also)
        elif role.name in survey.flow.reach((TRIGGER,), _past_nobody(survey, reviewers=True)):
            message = f"`{role.name}` acts, and no touchpoint, person or reviewer stands before it"
            yield Problem(role.place, "ungated-actor", message, help, "warning")


def silence_approves(survey: Survey) -> Iterator[Problem]:
    """`silence-approves`: nobody answered, and it happens all the same. Absence never means yes.

    When a touchpoint expires, its handoff leads to the very receiver that the touchpoint guards, or on to the actor
    behind it, and no other person stands on the way. Or a person has not played a human role in time (`on: timeout`),
    and the actor to which that person hands over acts without. Lead it to another touchpoint, to a person, or to the
    end.
    """
    for gate, guarded in survey.guarded.items():
        receivers = {name for edge in guarded for name in edge.handoff.targets}
        yield from _silent(survey, gate, "expired", receivers)
    for role in survey.spec.roles.values():
        if _is_human(survey, role.name):
            done = [edge for edge in survey.outgoing.get(role.name, ()) if edge.handoff.on == "done"]
            actors = {name for edge in done for name in edge.handoff.targets if _is_actor(survey, name)}
            yield from _silent(survey, role.name, "timeout", actors)


def _silent(survey: Survey, asked: str, event: str, receivers: set[str]) -> Iterator[Problem]:
    """Where a handoff on the `event` of somebody's absence leads to one of those that wait for a yes."""
    for edge in survey.outgoing.get(asked, ()) if receivers else ():
        if edge.handoff.on != event or edge.handoff.touchpoint is not None:
            continue
        reached = survey.flow.reach(edge.handoff.targets, _past_nobody(survey, reviewers=False))
        direct = {name for name in edge.handoff.targets if name in survey.spec.roles and not _is_human(survey, name)}
        actors = {name for name in reached if _is_actor(survey, name)}
        for name in sorted(receivers & (direct | actors)):
            message = f"when nobody answers at `{asked}`, `{name}` {_does(survey, name)} all the same"
            help = f"lead `on: {event}` to another touchpoint, to a person, or to `end`"
            yield Problem(edge.handoff.place, "silence-approves", message, help)


def _does(survey: Survey, name: str) -> str:
    return "acts" if _is_actor(survey, name) else "goes on"


def unseen_decision(survey: Survey) -> Iterator[Problem]:
    """`unseen-decision` (error or warning): the map says `stakes: high` for a decision that no person sees.

    A role takes it, and nowhere after that role does a person see anything: neither a touchpoint nor a human role
    follows. Or the map gives it to a person whom nothing in the spec ever asks (a warning): no touchpoint and no human
    role has that person as `who`.
    """
    for decision in _high_stakes(survey):
        after = survey.flow.reach((decision.by,))
        arcs = [arc for name in after for arc in survey.flow.leaving.get(name, ())]
        seen = any(arc.edge.handoff.touchpoint for arc in arcs) or any(_is_human(survey, name) for name in after)
        if not seen and not _is_actor(survey, decision.by):
            message = f"`{decision.by}` takes a decision with high stakes, and no person ever sees it"
            help = "put a touchpoint on a handoff behind it, or let a person take the decision"
            yield Problem(decision.by_place, "unseen-decision", message, help)
    for decision in _by_nobody_asked(survey):
        message = f"`{decision.by}` takes a decision with high stakes, and nothing here ever asks `{decision.by}`"
        help = f"write `who: {decision.by}` at a touchpoint, or name the role or touchpoint that decides"
        yield Problem(decision.by_place, "unseen-decision", message, help, "warning")


def _by_nobody_asked(survey: Survey) -> list[MapDecision]:
    """The decisions with high stakes that the map gives to a person who is nowhere asked."""
    spec = survey.spec
    if spec.map is None:
        return []
    asked = {gate.who for gate in spec.touchpoints.values()}
    asked |= {role.player.who for role in spec.roles.values() if isinstance(role.player, HumanPlayer)}
    others = spec.map.people.keys() - spec.roles.keys() - spec.touchpoints.keys() - asked
    return [one for one in spec.map.decisions if one.stakes == "high" and one.by in others]


def _high_stakes(survey: Survey) -> list[MapDecision]:
    """The decisions with high stakes that the map gives to a role which no person plays."""
    decisions = survey.spec.map.decisions if survey.spec.map is not None else ()
    roles = survey.spec.roles
    return [one for one in decisions if one.stakes == "high" and one.by in roles and not _is_human(survey, one.by)]


def _gets_there_unseen(survey: Survey, decision: MapDecision, actor: Role) -> bool:
    start = TRIGGER if decision.by == actor.name else decision.by
    return actor.name in survey.flow.reach((start,), _past_nobody(survey, reviewers=False))


def _past_nobody(survey: Survey, reviewers: bool) -> Callable[[Arc], bool]:
    """Arcs on which nobody looks: not through a touchpoint, not out of a person's hands (or a reviewer's)."""

    def unseen(arc: Arc) -> bool:
        role = survey.spec.roles.get(arc.source)
        reviewed = reviewers and role is not None and role.kind == "reviewer"
        return (
            arc.edge.handoff.touchpoint is None
            and arc.gate is None
            and not reviewed
            and not _is_human(survey, arc.source)
        )

    return unseen


def _is_human(survey: Survey, name: str) -> bool:
    role = survey.spec.roles.get(name)
    return role is not None and isinstance(role.player, HumanPlayer)


def _is_actor(survey: Survey, name: str) -> bool:
    return name in survey.spec.roles and survey.spec.roles[name].kind == "actor"
