"""Models of providers that a spec names: looked up in a list of those that are known, read as data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from choreo.problem import Place, Problem, near_miss
from choreo.spec import ModelPlayer, Spec


def misspelt_models(spec: Spec) -> Iterator[Problem]:
    """`unknown-model` for names of hosted models in which only letters are wrong."""
    hosted = [(name, place) for name, place in _models(spec) if "/" in name and not name.startswith("local/")]
    if not hosted:
        return
    from choreo.players import price_list

    listed = price_list.listed() or {}
    for name, place in hosted:
        provider, _, rest = name.partition("/")
        meant = None if price_list.is_listed(name) is not False else _meant(rest, _of_provider(provider, listed))
        if meant is not None:
            message = f"`{rest}` is no model of `{provider}` that is known"
            yield Problem(place, "unknown-model", message, f"did you mean `{provider}/{meant}`?")


def _models(spec: Spec) -> Iterator[tuple[str, Place]]:
    """Models at their providers' own addresses: what a server of one's own has, nobody else knows."""
    for settings in spec.models.values():
        if settings.api_base is None:
            yield settings.model, settings.model_place
    for role in spec.roles.values():
        if isinstance(role.player, ModelPlayer) and role.player.model not in spec.models:
            yield role.player.model, role.player.place


def _of_provider(provider: str, listed: Mapping[str, object]) -> list[str]:
    """The names behind a provider's `/`. Some makers' models are listed without it."""
    ahead = f"{provider}/"
    return [name.removeprefix(ahead) for name in listed if name.startswith(ahead) or "/" not in name]


def _meant(name: str, known: list[str]) -> str | None:
    """The one that is meant, where one letter at most differs: a new number may be a new model."""
    alike: dict[str, list[str]] = {}
    for one in known:
        if re.sub(r"\D", "", one) == re.sub(r"\D", "", name):
            alike.setdefault(_letters(one), []).append(one)
    near = near_miss(_letters(name), list(alike), 1)
    return None if near is None else min(alike[near], key=lambda one: (abs(len(one) - len(name)), one))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
