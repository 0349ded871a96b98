"""What a handoff may wait for: the events of its source, and what a join can be made of."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.lint.survey import Survey
from choreo.problem import Place, Problem
from choreo.spec import TRIGGER, CommandService, Handoff, HttpService, PythonService, Role, SpecPlayer

_OF_GATES = ("rejected", "expired")


def wrong_event(survey: Survey) -> Iterator[Problem]:
    """`wrong-event`: a handoff waits for an event that its source never gives.

    A role gives `done`, `failed`, `timeout`, `exhausted` or `over_budget`; a touchpoint gives `rejected`
    or `expired`, and `exhausted` where its own handoff is used up (what is approved goes to the receiver by itself);
    `trigger` only starts.
    """
    for handoff in survey.handoffs:
        for name, place in zip(handoff.sources, handoff.source_places, strict=False):
            if handoff.sources_as == "join":
                continue
            if name in survey.spec.touchpoints and handoff.on not in (*_OF_GATES, "exhausted"):
                message = f"the touchpoint `{name}` never gives `{handoff.on}`"
                help = "write `on: rejected` or `on: expired`; what is approved goes on to the receiver by itself"
                yield Problem(place, "wrong-event", message, help)
            elif name in survey.spec.roles and handoff.on in _OF_GATES:
                message = f"the role `{name}` never gives `{handoff.on}`: only a touchpoint does"
                help = "write `from` with the touchpoint, or `on: failed` for a person who declines a human role"
                yield Problem(place, "wrong-event", message, help)
            elif name == TRIGGER and handoff.on != "done":
                yield Problem(
                    place, "wrong-event", f"`trigger` never gives `{handoff.on}`: it only starts the run", "remove `on`"
                )


def bad_join(survey: Survey) -> Iterator[Problem]:
    """`bad-join`: a join waits for what cannot be joined.

    `from: [a, b]` waits for roles that are done. A touchpoint or `trigger` cannot be waited for, and no other event
    than `done` can be joined: write `from: {any: [a, b]}`, one handoff per source.
    """
    for handoff in survey.handoffs:
        if handoff.sources_as != "join":
            continue
        for name, place in zip(handoff.sources, handoff.source_places, strict=False):
            if name == TRIGGER or name in survey.spec.touchpoints:
                help = f"name the role behind it, or write `from: {{any: [{', '.join(handoff.sources)}]}}`"
                yield Problem(place, "bad-join", f"a join waits for roles, and `{name}` is none", help)
        if handoff.on != "done":
            yield _not_done(handoff)


def _not_done(handoff: Handoff) -> Problem:
    names = ", ".join(handoff.sources)
    message = f"a join waits for roles that are done, not for `{handoff.on}`"
    help = f"write `from: {{any: [{names}]}}`: one handoff for each of them"
    return Problem(handoff.place, "bad-join", message, help)


def revise_nothing(survey: Survey) -> Iterator[Problem]:
    """`revise-nothing`: `revise` sends back to a role that cannot have played before.

    A revision gives a role its earlier input again, with its own output and this payload as feedback; so
    the role must stand somewhere before the handoff.

    `no-feedback`: `revise` sends back to a service or a sub-spec that does not say that it takes feedback. It would
    get the same input again and give the same output: write `takes_feedback: true`, read `previous` and `feedback`.
    """
    for handoff in (handoff for handoff in survey.handoffs if handoff.revise):
        for target, place in zip(handoff.targets, handoff.target_places, strict=False):
            if target not in survey.targets:
                continue
            if target not in survey.spec.roles:
                yield Problem(place, "revise-nothing", f"`{target}` is no role that could revise", "remove `revise`")
                continue
            if not _played_before(survey, handoff, target):
                names = " and ".join(f"`{name}`" for name in handoff.sources)
                message = f"`{target}` never plays before {names}, so there is nothing to revise"
                help = "remove `revise`, or send back to a role that stands before"
                yield Problem(place, "revise-nothing", message, help)
            yield from _no_feedback(survey.spec.roles[target], place)


def _played_before(survey: Survey, handoff: Handoff, target: str) -> bool:
    origins = survey.flow.origins
    starts = {start for source in handoff.sources for start in origins.get(source, (source,))}
    return survey.flow.leads_to(target, frozenset(starts))


def _no_feedback(role: Role, place: Place) -> Iterator[Problem]:
    taking = PythonService | CommandService | HttpService | SpecPlayer
    if isinstance(role.player, taking) and not role.player.takes_feedback:
        what = "spec" if isinstance(role.player, SpecPlayer) else "service"
        message = f"`{role.name}` is asked to revise, and its {what} does not take feedback"
        help = f"write `takes_feedback: true` in its {what}, and read `previous` and `feedback` there"
        yield Problem(place, "no-feedback", message, help, also=((role.player.place, f"the {what} of `{role.name}`"),))
