"""Models of providers that a spec names: looked up in a list of those that are known, read as data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from choreo.problem import Place, Problem
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
    """The one that is meant, where only the letters of a word differ: a new number may be a new model."""
    words, numbers = _letters(name), re.sub(r"\D", "", name)
    same = [one for one in known if re.sub(r"\D", "", one) == numbers]
    alike = [one for one in same if _letters(one) == words] or [
        one for one in same if _is_one_slip(words, _letters(one))
    ]
    return min(alike, key=lambda one: (abs(len(one) - len(name)), one), default=None)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _is_one_slip(one: str, other: str) -> bool:
    """Whether one letter is missing, added or another, or two that stand side by side have changed places."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    swapped = a[:2] == b[:2][::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped
