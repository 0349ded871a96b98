"""Where a person must have had a say: before an effect, and on a decision with high stakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from choreo.lint.asking import asking
from choreo.lint.flow import Arc
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.problem import Problem
from choreo.spec import TRIGGER, Expr, HumanPlayer, MapDecision, Role


def ungated_actor(survey: Survey) -> Iterator[Problem]:
    """`ungated-actor` (error or warning): an actor plays, on some way through the spec, and nobody has looked before.

    A warning where nothing stands before it: no touchpoint, no person, no reviewer. An error where the map says
    `stakes: high` for a decision of a role, and what the role decided gets to the actor without touchpoint and
    without person. Put a touchpoint on the handoff; with `when` it asks only where it must.
    """
    decisions, asks = _high_stakes(survey), asking(survey)
    for role in survey.spec.roles.values():
        if role.kind != "actor" or role.name not in survey.flow.reached:
            continue
        unseen = next((one for one in decisions if _gets_there_unseen(survey, asks, one, role)), None)
        help = f"put a touchpoint on the handoff to `{role.name}`: `touchpoint: NAME`"
        if unseen is not None:
            message = f"`{role.name}` acts on a decision with high stakes ({unseen.what}) that no person has seen"
            also = ((unseen.place, "the decision"),)
            yield Problem(role.place, "ungated-actor", message, help, also=also)
        elif role.name in survey.flow.reach((TRIGGER,), _past_nobody(survey, asks, reviewers=True)):
            message = f"`{role.name}` acts, and no touchpoint, person or reviewer stands before it"
            yield Problem(role.place, "ungated-actor", message, help, "warning")


def silence_approves(survey: Survey) -> Iterator[Problem]:
    """`silence-approves`: nobody answered, and it happens all the same. Absence never means yes.

    When a touchpoint expires, its handoff leads to the very receiver that the touchpoint guards, or on to the actor
    behind it, and no other person stands on the way. Or a person has not played a human role in time (`on: timeout`),
    and the actor to which that person hands over acts without. Lead it to another touchpoint, to a person, or to the
    end.
    """
    asks = asking(survey)
    for gate, guarded in survey.guarded.items():
        receivers = {name for edge in guarded for name in edge.handoff.targets}
        for edge, name, _ in _all_the_same(survey, asks, gate, "expired", receivers):
            yield _silent(survey, edge, gate, name)
    for person, actors in _behind_people(survey):
        for edge, name, _ in _all_the_same(survey, asks, person, "timeout", actors):
            yield _silent(survey, edge, person, name)


def _silent(survey: Survey, edge: Edge, asked: str, name: str) -> Problem:
    message = f"when nobody answers at `{asked}`, `{name}` {_does(survey, name)} all the same"
    help = f"lead `on: {edge.handoff.on}` to another touchpoint, to a person, or to `end`"
    return Problem(edge.handoff.place, "silence-approves", message, help)


def refusal_approves(survey: Survey) -> Iterator[Problem]:
    """`refusal-approves` (error or warning): a person said no, and the actor acts all the same. A no is never a yes.

    What a touchpoint gives on `rejected`, or on `exhausted` (after the last no), leads to the very actor that the
    touchpoint guards, and no other person stands on the way; or to any role that it guards, with the same payload. Or
    a person declines to play a human role (`on: failed`), and the actor to which that person hands over acts without.
    Lead it to the end, to another role that tells of the refusal, or back to where the work is done again and comes
    through the touchpoint once more.

    A warning where the way leads back through the role that handed over to the touchpoint: what it does anew may get
    to the actor on another handoff, past the touchpoint.
    """
    asks = asking(survey)
    for gate, guarded in survey.guarded.items():
        receivers = {name for edge in guarded for name in edge.handoff.targets}
        for event in ("rejected", "exhausted"):
            for edge, name, again in _all_the_same(survey, asks, gate, event, receivers):
                if _is_actor(survey, name) or any(_is_the_same(survey, edge, one, name) for one in guarded):
                    yield _refused(survey, edge, gate, name, again)
    for person, actors in _behind_people(survey):
        for edge, name, _ in _all_the_same(survey, asks, person, "failed", actors):
            yield _refused(survey, edge, person, name, again=False)


def _refused(survey: Survey, edge: Edge, asked: str, name: str, again: bool) -> Problem:
    who = "a person declines" if edge.handoff.on == "failed" else "a person says no"
    does = f"may {_does(survey, name)[:-1]}" if again else _does(survey, name)
    does = f"{does} without being asked about again" if again else f"{does} all the same"
    guards = tuple((one.handoff.place, f"`{asked}` stands before it here") for one in _before(survey, asked, name))
    help = f"lead `on: {edge.handoff.on}` to `end`, to another role, or back to where `{asked}` is asked again"
    help = f"put `touchpoint: {asked}` on every handoff that leads on to `{name}`" if again else help
    message = f"when {who} at `{asked}`, `{name}` {does}"
    return Problem(edge.handoff.place, "refusal-approves", message, help, "warning" if again else "error", guards[:4])


def _before(survey: Survey, asked: str, name: str) -> list[Edge]:
    """The handoffs on which somebody's yes leads to a receiver."""
    edges = survey.guarded.get(asked) or survey.outgoing.get(asked, ())
    return [edge for edge in edges if name in edge.handoff.targets and edge.handoff.on == "done"]


def _is_the_same(survey: Survey, refused: Edge, guarded: Edge, name: str) -> bool:
    """Whether a handoff after a no delivers to a receiver what was to be delivered after a yes."""
    own, theirs = refused.handoff.passes, guarded.handoff.passes
    if name not in guarded.handoff.targets or not isinstance(own, Expr) or refused.handoff.revise:
        return False
    if own.text.strip() == "out.payload":
        return True
    return own.text.strip() in (theirs.text.strip() if isinstance(theirs, Expr) else "", *_unchanged(guarded))


def _unchanged(edge: Edge) -> tuple[str, ...]:
    return edge.sources if edge.passes is None and len(edge.sources) == 1 else ()


def _behind_people(survey: Survey) -> Iterator[tuple[str, set[str]]]:
    """The human roles, each with the actors to which the person hands over."""
    for role in survey.spec.roles.values():
        if _is_human(survey, role.name):
            done = [edge for edge in survey.outgoing.get(role.name, ()) if edge.handoff.on == "done"]
            yield role.name, {name for edge in done for name in edge.handoff.targets if _is_actor(survey, name)}


def _all_the_same(
    survey: Survey, asks: frozenset[str], asked: str, event: str, receivers: set[str]
) -> Iterator[tuple[Edge, str, bool]]:
    """Where a handoff on an `event` that is no yes leads to one of those that wait for one. The last: only through a
    role that hands over to the touchpoint, so that what was refused is done anew.
    """
    unseen = _past_nobody(survey, asks, reviewers=False)
    anew = survey.flow.origins.get(asked, frozenset())
    if asked in survey.guarded and asked not in asks:
        return  # nobody is asked there, so nothing comes of it
    for edge in survey.outgoing.get(asked, ()) if receivers else ():
        if edge.handoff.on != event or edge.handoff.touchpoint in asks:
            continue
        targets = edge.handoff.targets
        direct = {name for name in targets if name in survey.spec.roles and not _is_human(survey, name)}
        straight = survey.flow.reach(targets, lambda arc: unseen(arc) and arc.source not in anew)
        reached = {name for name in survey.flow.reach(targets, unseen) if _is_actor(survey, name)}
        for name in sorted(receivers & (direct | reached)):
            yield edge, name, name not in straight


def _does(survey: Survey, name: str) -> str:
    return "acts" if _is_actor(survey, name) else "goes on"


def unseen_decision(survey: Survey) -> Iterator[Problem]:
    """`unseen-decision` (error or warning): the map says `stakes: high` for a decision that no person sees.

    A role takes it, and nowhere after that role does a person see anything: neither a touchpoint nor a human role
    follows. Or the map gives it to a person whom nothing in the spec ever asks (a warning): no touchpoint and no human
    role has that person as `who`.
    """
    asks = asking(survey)
    for decision in _high_stakes(survey):
        after = survey.flow.reach((decision.by,))
        arcs = [arc for name in after for arc in survey.flow.leaving.get(name, ())]
        seen = any(arc.edge.handoff.touchpoint in asks for arc in arcs) or any(
            _is_human(survey, name) for name in after
        )
        if not seen and not _is_actor(survey, decision.by):
            message = f"`{decision.by}` takes a decision with high stakes, and no person ever sees it"
            help = "put a touchpoint on a handoff behind it, or let a person take the decision"
            yield Problem(decision.by_place, "unseen-decision", message, help)
    for decision in _by_nobody_asked(survey, asks):
        message = f"`{decision.by}` takes a decision with high stakes, and nothing here ever asks `{decision.by}`"
        help = f"write `who: {decision.by}` at a touchpoint, or name the role or touchpoint that decides"
        yield Problem(decision.by_place, "unseen-decision", message, help, "warning")


def _by_nobody_asked(survey: Survey, asks: frozenset[str]) -> list[MapDecision]:
    """The decisions with high stakes that the map gives to a person who is nowhere asked."""
    spec = survey.spec
    if spec.map is None:
        return []
    asked = {gate.who for gate in spec.touchpoints.values() if gate.name in asks}
    asked |= {role.player.who for role in spec.roles.values() if isinstance(role.player, HumanPlayer)}
    others = spec.map.people.keys() - spec.roles.keys() - spec.touchpoints.keys() - asked
    return [one for one in spec.map.decisions if one.stakes == "high" and one.by in others]


def _high_stakes(survey: Survey) -> list[MapDecision]:
    """The decisions with high stakes that the map gives to a role which no person plays."""
    decisions = survey.spec.map.decisions if survey.spec.map is not None else ()
    roles = survey.spec.roles
    return [one for one in decisions if one.stakes == "high" and one.by in roles and not _is_human(survey, one.by)]


def _gets_there_unseen(survey: Survey, asks: frozenset[str], decision: MapDecision, actor: Role) -> bool:
    start = TRIGGER if decision.by == actor.name else decision.by
    return actor.name in survey.flow.reach((start,), _past_nobody(survey, asks, reviewers=False))


def _past_nobody(survey: Survey, asks: frozenset[str], reviewers: bool) -> Callable[[Arc], bool]:
    """Arcs on which nobody looks: not through a touchpoint that asks, not out of a person's hands (or a reviewer's)."""

    def unseen(arc: Arc) -> bool:
        role = survey.spec.roles.get(arc.source)
        reviewed = reviewers and role is not None and role.kind == "reviewer"
        return (
            arc.edge.handoff.touchpoint not in asks
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
