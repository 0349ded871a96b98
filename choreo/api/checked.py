"""A spec that may be played: loaded, checked, planned. Used by every command that plays."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from choreo.api.hosted_models import misspelt_models
from choreo.api.ignores import Sifted, sift
from choreo.errors import SpecErrors, UsageError
from choreo.loading import Loaded, load_spec, load_stored
from choreo.loading.modules import missing_functions, missing_programs
from choreo.plan import Plan, SubSpec, make_plan, plan_digest
from choreo.problem import Problem
from choreo.spec import ModelPlayer, ModelSettings, Role, Spec


class Checked(Struct, frozen=True):
    loaded: Loaded
    plan: Plan
    digest: str
    """Of all texts that the plan was made of."""
    warnings: tuple[Problem, ...]
    family: Mapping[str, SubSpec] = {}
    """The specs that play roles in it, itself among them, by `SpecPlayer.within`; none where no spec plays a role."""


def problems_of(loaded: Loaded, *, stored: bool = False) -> tuple[Problem, ...]:
    """Everything that is to be said about a loaded spec: what loading found and what the rules found.

    `stored`: it comes from what a run has kept, so nothing around it is looked at.
    """
    return sifted(loaded, stored=stored).problems


def sifted(loaded: Loaded, *, stored: bool = False) -> Sifted:
    """The same, and beside it what comments in the specs ignore."""
    from choreo import lint

    family = loaded.family or {loaded.path: loaded}
    specs = {path: (one.spec, one.contracts) for path, one in family.items() if one.spec is not None}
    found = [problem for one in family.values() for problem in one.problems]
    for spec, contracts in specs.values():
        found.extend(lint.check(spec, contracts, specs))
        found.extend(() if stored else (*missing_functions(spec), *missing_programs(spec), *misspelt_models(spec)))
    every = sorted(dict.fromkeys(found), key=lambda problem: problem.order)
    paths = [spec.place.path for spec, _ in specs.values()]
    return sift(every, {path: text for path, text in loaded.texts.items() if path in paths})


def check_spec(path: str, models: Mapping[str, str] | None = None) -> Checked:
    """Load, check and plan the spec in a file. Raises SpecErrors (with all problems) or UsageError."""
    loaded = load_spec(path)
    check_models(loaded, models or {})
    return _checked(loaded, models)


def check_stored(sources: Mapping[str, str], path: str, models: Mapping[str, str] | None = None) -> Checked:
    """The same from the texts that a run has kept."""
    return _checked(load_stored(sources, path), models, stored=True)


def _checked(loaded: Loaded, models: Mapping[str, str] | None, *, stored: bool = False) -> Checked:
    found = problems_of(loaded, stored=stored)
    if loaded.spec is None or any(problem.severity == "error" for problem in found):
        raise SpecErrors(found, loaded.texts)
    chosen = models or {}
    family = {
        path: SubSpec(make_plan(with_models(one.spec, chosen), one.contracts), one.sources, chosen)
        for path, one in loaded.family.items()
        if one.spec is not None
    }
    plan = make_plan(with_models(loaded.spec, chosen), loaded.contracts)
    return Checked(loaded, plan, plan_digest(loaded.sources), found, family)


def check_models(loaded: Loaded, models: Mapping[str, str]) -> None:
    """Raises UsageError for a name that no spec has: a model is chosen for every spec that knows it by that name."""
    specs = [one.spec for one in (loaded, *loaded.family.values()) if one.spec is not None]
    players = [role.player for spec in specs for role in spec.roles.values()]
    known = {name for spec in specs for name in spec.models}
    known |= {player.model for player in players if isinstance(player, ModelPlayer)}
    for name in models:
        if name != "all" and name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise UsageError(
                "unknown-model", f"the spec has no model `{name}`", f"its models: {listed}; `all` means all"
            )


def with_models(spec: Spec, models: Mapping[str, str]) -> Spec:
    """The spec with other models: `NAME=MODEL` for an entry of `models:`, `all=MODEL` for every one.

    Other names mean nothing.
    """
    if not models:
        return spec

    def chosen(name: str) -> str | None:
        return models.get(name, models.get("all"))

    def settings(name: str, given: ModelSettings) -> ModelSettings:
        other = chosen(name)
        return given if other in (None, given.model) else _played_by(given, other or "")

    def role(given: Role) -> Role:
        player = given.player
        if not isinstance(player, ModelPlayer) or player.model in spec.models:
            return given
        other = chosen(player.model)
        return replace(given, player=replace(player, model=other)) if other else given

    return replace(
        spec,
        models={name: settings(name, given) for name, given in spec.models.items()},
        roles={name: role(given) for name, given in spec.roles.items()},
    )


def _played_by(given: ModelSettings, model: str) -> ModelSettings:
    """The settings with another model: what was tuned to the one that was written does not go with it.

    That is its `timeout`, place, key, price and fallback; with a model of another provider its rate and how many calls
    it takes at once too, and of its `params` all but those that mean the same everywhere.
    """
    found = replace(given, model=model, timeout=None, api_base=None, api_key=None, price=None, fallback=None)
    if model.partition("/")[0] == given.model.partition("/")[0]:
        return found
    params = {name: value for name, value in given.params.items() if name in _ANYWHERE}
    return replace(found, params=params, rpm=None, parallel=None)


_ANYWHERE = ("temperature", "top_p", "max_tokens", "seed", "stop", "presence_penalty", "frequency_penalty")


def model_names(spec: Spec) -> tuple[str, ...]:
    """The full names of every model that a role of the spec may call, fallbacks included."""
    found: list[str] = []
    for role in spec.roles.values():
        if isinstance(role.player, ModelPlayer):
            name: str | None = role.player.model
            while name is not None and name not in found:
                settings = spec.models.get(name)
                found.append(settings.model if settings else name)
                name = settings.fallback if settings else None
    return tuple(dict.fromkeys(found))
