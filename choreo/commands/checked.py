"""A spec that may be played: loaded, checked, planned. Used by every command that plays."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from choreo.errors import SpecErrors, UsageError
from choreo.load import Loaded, load_spec, load_stored
from choreo.plan import Plan, make_plan
from choreo.problem import Problem
from choreo.spec import ModelPlayer, ModelSettings, Role, Spec


class Checked(Struct, frozen=True):
    loaded: Loaded
    plan: Plan
    warnings: tuple[Problem, ...]


def problems_of(loaded: Loaded) -> tuple[Problem, ...]:
    """Everything that is to be said about a loaded spec: what loading found and what the rules found."""
    from choreo import lint

    found = list(loaded.problems)
    if loaded.spec is not None:
        found.extend(lint.check(loaded.spec, loaded.contracts))
    return tuple(sorted(set(found), key=lambda problem: problem.order))


def check_spec(path: str, models: Mapping[str, str] | None = None) -> Checked:
    """Load, check and plan the spec in a file. Raises SpecErrors (with all problems) or UsageError."""
    return _checked(load_spec(path), models)


def check_stored(sources: Mapping[str, str], path: str, models: Mapping[str, str] | None = None) -> Checked:
    """The same from the texts that a run has kept."""
    return _checked(load_stored(sources, path), models)


def _checked(loaded: Loaded, models: Mapping[str, str] | None) -> Checked:
    found = problems_of(loaded)
    if loaded.spec is None or any(problem.severity == "error" for problem in found):
        raise SpecErrors(found, loaded.texts)
    spec = with_models(loaded.spec, models or {})
    return Checked(loaded, make_plan(spec, loaded.contracts), found)


def with_models(spec: Spec, models: Mapping[str, str]) -> Spec:
    """The spec with other models: `NAME=MODEL` for an entry of `models:`, `all=MODEL` for every one.

    The place, key and price of the model that was written do not go with another model.
    """
    known = set(spec.models) | {
        role.player.model for role in spec.roles.values() if isinstance(role.player, ModelPlayer)
    }
    for name in models:
        if name != "all" and name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise UsageError(
                "unknown-model", f"the spec has no model `{name}`", f"its models: {listed}; `all` means all"
            )
    if not models:
        return spec

    def chosen(name: str) -> str | None:
        return models.get(name, models.get("all"))

    def settings(name: str, given: ModelSettings) -> ModelSettings:
        other = chosen(name)
        return replace(given, model=other, api_base=None, api_key=None, price=None, fallback=None) if other else given

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
