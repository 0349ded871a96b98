"""Names that must exist: the roles and touchpoints of handoffs, people, models, and what the map refers to."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.lint.survey import Survey
from choreo.problem import Place, Problem, closest, suggestion
from choreo.spec import END, TRIGGER, HumanPlayer, ModelPlayer


def unknown_role(survey: Survey) -> Iterator[Problem]:
    """`unknown-role`: a handoff names something that does not exist.

    `from` takes a role, a touchpoint or `trigger`; `to` takes a role or `end`. Names are those of
    `roles:` and `touchpoints:`, letter by letter.

    `wrong-end`: a handoff starts at `end`, leads to `trigger`, or leads to a touchpoint. A touchpoint
    stands on a handoff between two roles: write `to: ROLE, touchpoint: NAME`.
    """
    for handoff in survey.spec.handoffs:
        for name, place in zip(handoff.sources, handoff.source_places, strict=False):
            if name == END:
                yield Problem(place, "wrong-end", "nothing comes from `end`", "name a role or `trigger`")
            elif name not in survey.sources:
                yield _unknown(name, place, tuple(survey.sources), "role or touchpoint")
        for name, place in zip(handoff.targets, handoff.target_places, strict=False):
            if name == TRIGGER:
                yield Problem(place, "wrong-end", "nothing leads to `trigger`: it starts the run", "name a role")
            elif name in survey.spec.touchpoints:
                help = f"write `to` with the role that receives, and beside it `touchpoint: {name}`"
                yield Problem(place, "wrong-end", f"`{name}` is a touchpoint, not a receiver", help)
            elif name not in survey.targets:
                yield _unknown(name, place, tuple(survey.targets), "role")


def unknown_touchpoint(survey: Survey) -> Iterator[Problem]:
    """`unknown-touchpoint`: a handoff leads through a touchpoint that `touchpoints:` does not have."""
    known = tuple(survey.spec.touchpoints)
    for handoff in survey.spec.handoffs:
        name = handoff.touchpoint
        if name is not None and name not in survey.spec.touchpoints:
            yield _missing(handoff.touchpoint_place or handoff.place, "unknown-touchpoint", name, known, "touchpoint")


def unknown_person(survey: Survey) -> Iterator[Problem]:
    """`unknown-person`: `who` of a touchpoint or of a human role is not one of the map's people.

    Where a spec has a `map`, `who` is a key of `map.people`; without a map it is any name.
    """
    if survey.spec.map is None:
        return
    people = tuple(survey.spec.map.people)
    for gate in survey.spec.touchpoints.values():
        if gate.who is not None and gate.who not in people:
            yield _missing(gate.who_place or gate.place, "unknown-person", gate.who, people, "person")
    for role in survey.spec.roles.values():
        player = role.player
        if isinstance(player, HumanPlayer) and player.who is not None and player.who not in people:
            yield _missing(player.who_place or player.place, "unknown-person", player.who, people, "person")


def unknown_model(survey: Survey) -> Iterator[Problem]:
    """`unknown-model`: a role or a `fallback` names a model that is not there.

    A name with a `/` in it is a model itself (`local/qwen2.5-coder-1.5b`, `openai/gpt-5-mini`); any other
    must be a key of `models:`. A `fallback` is always a key of `models:`. A hosted model that is not in the list of
    known ones is one where a slip of the pen makes the difference (`openai/gpt-5-mni`); other names may be newer.

    `fallback-loop`: the fallbacks of a model lead back to it, so after it nothing new is tried.
    """
    models = survey.spec.models
    for role in survey.spec.roles.values():
        player = role.player
        if isinstance(player, ModelPlayer) and "/" not in player.model and player.model not in models:
            yield _no_model(player.model, player.place, tuple(models))
    for settings in models.values():
        place = settings.fallback_place or settings.place
        if settings.fallback is not None and settings.fallback not in models:
            yield _missing(place, "unknown-model", settings.fallback, tuple(models), "model")
        elif settings.name in _fallbacks(survey, settings.name):
            message = f"the fallbacks of `{settings.name}` lead back to it"
            yield Problem(place, "fallback-loop", message, "let the last of them have no fallback")


def _no_model(name: str, place: Place, known: tuple[str, ...]) -> Problem:
    if known:
        return _missing(place, "unknown-model", name, known, "model")
    help = f"the spec has none: add `models: {{{name}: {{model: local/qwen2.5-coder-1.5b}}}}`, or write that name here"
    return Problem(place, "unknown-model", f"there is no model `{name}`", help)


def _fallbacks(survey: Survey, name: str) -> list[str]:
    """The models that are tried after `name`, in order, each once."""
    found: list[str] = []
    following = survey.spec.models[name].fallback
    while following is not None and following in survey.spec.models and following not in found:
        found.append(following)
        following = survey.spec.models[following].fallback
    return found


def unknown_in_map(survey: Survey) -> Iterator[Problem]:
    """`unknown-owner`: a decision of the map is taken `by` nobody that exists: a role, a touchpoint or a person.

    `unknown-cover`: a breakdown of the map is `covered_by` nothing that exists: a role, a touchpoint, or a
    contract by its name.
    """
    spec = survey.spec
    if spec.map is None:
        return
    owners = (*spec.roles, *spec.touchpoints, *spec.map.people)
    for decision in spec.map.decisions:
        if decision.by and decision.by not in owners:
            yield _missing(decision.by_place, "unknown-owner", decision.by, owners, "role, touchpoint or person")
    here = [name for name, versions in survey.contracts.items() if versions]
    contracts = (*here, *(name.partition("@")[0] for name in spec.contracts))
    covers = (*spec.roles, *spec.touchpoints, *dict.fromkeys(contracts))
    for breakdown in spec.map.breakdowns:
        for name, place in zip(breakdown.covered_by, breakdown.covered_by_places, strict=False):
            if name.partition("@")[0] not in covers:
                yield _missing(place, "unknown-cover", name, covers, "role, touchpoint or contract")


def _unknown(name: str, place: Place, known: tuple[str, ...], noun: str) -> Problem:
    return _missing(place, "unknown-role", name, known, noun)


def _missing(place: Place, code: str, name: str, known: tuple[str, ...], noun: str) -> Problem:
    help = suggestion(name, known, noun)
    if closest(name, known) is not None and len(known) > 1:
        help += f" {suggestion('', known, noun)}"
    return Problem(place, code, f"there is no {noun} `{name}`", help)
