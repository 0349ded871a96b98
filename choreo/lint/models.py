"""Models by their names: whether there is one, and whether each role has one of the right size."""

from __future__ import annotations

import re
from collections.abc import Iterator

from choreo.expression import ExpressionSyntax, free_names
from choreo.lint.model_names import FRONTIER, LOCAL, PROVIDERS, SMALL
from choreo.lint.schemas import declared_fields, field_of, item_of, of_contract
from choreo.lint.survey import Survey
from choreo.lint.types import Type
from choreo.lint.uses import Use, uses, uses_of
from choreo.plan import Edge
from choreo.problem import Place, Problem, near_miss
from choreo.spec import END, ModelPlayer, Role

_MANY = 3
_SHOWN = 6
_SHORT = 300
"""Characters up to which a text beside a choice still is a note, not a work of its own."""
_ENDED = ("done", "exhausted", "over_budget")


def misnamed_model(survey: Survey) -> Iterator[Problem]:
    """`unknown-provider` (error or warning): what stands before the `/` of a model's name is no provider that is known.

    An error where it looks like a misspelt one (`opnai/gpt-5-mini`); a warning otherwise: it may be newer than the
    list. A name without `/` leaves who plays it to be guessed. A server of one's own is named with the protocol it
    speaks: `model: openai/NAME` with `api_base`.

    `unknown-weights` (error or advice): `local/NAME` where NAME is not in the catalogue (`choreo models`). An error
    where it looks like a misspelt one; advice otherwise: it then plays only on machines to which somebody brought the
    file. A name with `/` in it, or one that ends in .gguf, is a path and is looked for when it plays.
    """
    for name, place in _written(survey):
        provider, slash, rest = name.partition("/")
        if not slash:
            yield _bare(name, place)
        elif provider == "local":
            if rest not in LOCAL and "/" not in rest and not rest.lower().endswith(".gguf"):
                yield _no_weights(rest, place)
        elif provider not in PROVIDERS:
            yield _no_provider(provider, rest, place)


def _written(survey: Survey) -> Iterator[tuple[str, Place]]:
    """Every full name of a model that is written in the spec."""
    for settings in survey.spec.models.values():
        if settings.model:  # what has none is told as such
            yield settings.model, settings.model_place
    for role in survey.spec.roles.values():
        player = role.player
        if isinstance(player, ModelPlayer) and "/" in player.model and player.model not in survey.spec.models:
            yield player.model, player.place


def _bare(name: str, place: Place) -> Problem:
    """A name without a `/`: who plays it is left to be guessed; where it is plainly misspelt that is an error."""
    ahead = (one for one in ("local", *PROVIDERS) if len(one) > 3 and name.startswith(one))
    cut = next((one for one in ahead if name[len(one) :][:1].isalnum()), None)
    meant = f"local/{name}" if name in LOCAL else None if cut is None else f"{cut}/{name.removeprefix(cut)}"
    message = f"`{name}` does not say who plays it"
    if meant is not None:
        return Problem(place, "unknown-provider", message, f"write `{meant}`")
    return Problem(place, "unknown-provider", message, f"write it as `PROVIDER/{name}`", "warning")


def _no_weights(name: str, place: Place) -> Problem:
    near = near_miss(name, LOCAL)
    message = f"there are no weights `{name}` in the catalogue"
    if near is not None:
        return Problem(place, "unknown-weights", message, f"did you mean `local/{near}`?")
    known = ", ".join(f"`local/{one}`" for one in LOCAL)
    help = f"write one of {known}, or bring the file to every machine that plays it"
    return Problem(place, "unknown-weights", message, help, "advice")


def _no_provider(provider: str, rest: str, place: Place) -> Problem:
    near = near_miss(provider, (*PROVIDERS, "local"))
    message = f"no provider `{provider}` is known"
    if near is not None:
        return Problem(place, "unknown-provider", message, f"did you mean `{near}/{rest}`?")
    help = f"for a server of your own write `model: openai/{rest}` and `api_base`"
    return Problem(place, "unknown-provider", message, help, "warning")


# -- the right size ------------------------------------------------------------------------------


def many_models(survey: Survey) -> Iterator[Problem]:
    """`many-models` (advice): more than three roles are played by models.

    Each adds a wait, a cost and a place to go wrong, and they multiply: four that are right 95 times in 100 are right
    together 81 times. Merge two that always follow one another, and let code do what can be computed.
    """
    played = [role for role in survey.spec.roles.values() if _model(survey, role) is not None]
    if len(played) > _MANY:
        size, names = len(played), ", ".join(f"`{role.name}`" for role in played[:_SHOWN])
        names += f", and {size - _SHOWN} more" if size > _SHOWN else ""
        message = (
            f"{size} roles are played by models ({names}): each adds a wait and a price, and in a row their mistakes "
            f"multiply (right 95 times in 100 each is right {round(100 * 0.95**size)} times together)"
        )
        help = "merge two that always follow one another, or play with `set:` or `service:` what can be computed"
        yield Problem(played[_MANY].place, "many-models", message, help, "advice")


def frontier_router(survey: Survey) -> Iterator[Problem]:
    """`frontier-router` (advice): one of the largest models plays a role that only chooses the way.

    Its contract holds nothing but choices (`enum`, booleans, numbers, short texts), and nothing but `when` and `pick`
    reads them. A small model with an `enum` to choose from does the same for a fraction of price and time.
    """
    routers = [role for role in survey.spec.roles.values() if _is_frontier(_model(survey, role))]
    if not routers:
        return
    read, handed = _reads(survey)
    for role in routers:
        contract = survey.emits[role.name]
        if role.name not in read or role.name in handed or contract is None or not _only_chooses(of_contract(contract)):
            continue
        message = f"`{role.name}` only chooses the way, and is played by a large model ({_model(survey, role)})"
        small = next((one.name for one in survey.spec.models.values() if not _is_frontier(one.model)), None)
        help = f"write `model: {small}`" if small else "give it a small model, such as `model: openai/gpt-5-mini`"
        yield Problem(role.player.place, "frontier-router", message, help, "advice")


def same_model(survey: Survey) -> Iterator[Problem]:
    """`same-model` (advice): a reviewer is played by the very model that wrote the draft.

    A model rarely sees a mistake that it has made itself. Give the reviewer another model, or let `set:` or `service:`
    check what can be computed.
    """
    models = {role.name: _model(survey, role) for role in survey.spec.roles.values()}
    reviewers = [role for role in survey.spec.roles.values() if role.kind == "reviewer" and models[role.name]]
    given = _given(survey) if reviewers else {}
    for role in reviewers:
        for name in given.get(role.name, ()):
            other = survey.spec.roles.get(name)
            if other is not None and other.kind == "drafter" and models[name] == models[role.name]:
                message = f"`{role.name}` reviews what `{name}` wrote, and both are played by {models[name]}"
                help = f"give `{role.name}` another model, or check with `set:` or `service:` what can be computed"
                also = ((other.player.place, "the drafter"),)
                yield Problem(role.player.place, "same-model", message, help, "advice", also)


def _model(survey: Survey, role: Role) -> str | None:
    """The full name of the model that plays a role; None where none does."""
    if not isinstance(role.player, ModelPlayer):
        return None
    settings = survey.spec.models.get(role.player.model)
    return role.player.model if settings is None else settings.model


def _is_frontier(model: str | None) -> bool:
    name = (model or "").lower().rpartition("/")[2]
    return not re.search(SMALL, name) and any(re.search(pattern, name) for pattern in FRONTIER)


def _only_chooses(kind: Type, deep: bool = True) -> bool:
    """Whether a value holds nothing but choices, numbers and short texts."""
    for alt in kind.alts or ():
        if alt.kind == "object":
            fields = [field_of(alt, name) for name in declared_fields(alt)]
            if not deep or not all(one is not None and _only_chooses(one.type, False) for one in fields):
                return False
        elif alt.kind == "list":
            if not _only_chooses(item_of(alt), False):
                return False
        elif alt.kind == "string" and alt.values is None:
            most = [part.schema["maxLength"] for part in alt.parts if isinstance(part.schema.get("maxLength"), int)]
            if not most or min(most) > _SHORT:
                return False
    return bool(kind.alts)


def _given(survey: Survey) -> dict[str, dict[str, None]]:
    """Role to the names whose output comes to it: of those that hand over, and of those that a `pass` reads."""
    found: dict[str, dict[str, None]] = {}
    for edge in survey.edges:
        if not edge.handoff.revise:
            read = (name for use in uses_of(edge, survey) if use.purpose == "value" for name in _names(survey, use))
            names = dict.fromkeys((*edge.sources, *read))
            for target in edge.handoff.targets:
                found.setdefault(target, {}).update(names)
    return found


def _reads(survey: Survey) -> tuple[set[str], set[str]]:
    """(names that a `when` or a `pick` of a handoff reads, names that anything else reads or carries on)."""
    read: set[str] = set()
    handed = {name for edge in survey.edges if _carries(survey, edge) for name in edge.sources}
    for use in uses(survey):
        chooses = use.purpose in ("condition", "names")
        (read if chooses else handed).update(_names(survey, use))
    return read, handed


def _names(survey: Survey, use: Use) -> Iterator[str]:
    """The names that an expression uses, `out` as those of the handoff's sources."""
    tree = survey.tree(use.expr)
    for ident in () if isinstance(tree, ExpressionSyntax) else free_names(tree):
        if ident.name == "out" and use.scope.edge is not None:
            yield from use.scope.edge.sources
        else:
            yield ident.name


def _carries(survey: Survey, edge: Edge) -> bool:
    """Whether an edge carries the output of its sources on as it is."""
    result = survey.spec.result
    ends = result is not None and result.passes is not None and set(edge.handoff.targets) == {END}
    return edge.handoff.passes is None and edge.handoff.on in _ENDED and not ends
