"""The worked examples of models against the contracts of their roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo.canonical import NotData, Payload
from choreo.contract import Contract, check
from choreo.lint.bounds import written_out
from choreo.lint.covered import covers
from choreo.lint.fits import misfits
from choreo.lint.proofs import below
from choreo.lint.schemas import of_contract
from choreo.lint.survey import Survey
from choreo.lint.types import Type, built, literal
from choreo.lint.wording import origin
from choreo.problem import Place, Problem
from choreo.spec import ModelPlayer

_SHOWN = 5
"""Violations told of one side of an example."""


def refused_example(survey: Survey) -> Iterator[Problem]:
    """`refused-example`: a worked example of a model is not what the role's contracts say.

    Its `input` must be what the role accepts, its `output` what it emits: a model does as it is shown, and an answer
    like a wrong example is refused, sent back and paid for twice. Mend the example where the pointer leads.
    """
    for role in survey.spec.roles.values():
        if not isinstance(role.player, ModelPlayer):
            continue
        accepts, emits = survey.accepts.get(role.name), survey.emits.get(role.name)
        for number, (given, wanted) in enumerate(role.player.examples):
            yield from _held(role.player, number, "input", given, accepts)
            yield from _held(role.player, number, "output", wanted, emits)


def _held(player: ModelPlayer, number: int, side: str, value: Any, contract: Contract | None) -> Iterator[Problem]:
    """What of one side of an example its contract refuses, each at its place."""
    if contract is None:
        return
    kind = of_contract(contract)
    given = _type_of(value)
    if next(misfits(given, kind, ""), None) is None and covers(kind, given):
        return  # a validator takes longer to load than the rest of the work takes
    try:
        verdict = check(contract, Payload.of(value))
    except NotData:
        return
    for pointer, reason in verdict.violations[:_SHOWN]:
        where = f" at {pointer}" if pointer else ""
        message = f"{contract.ref} refuses the `{side}` of this example{where}: {reason}"
        also = origin(below(kind, pointer), "(what is accepted)") or ((contract.place, contract.ref),)
        place = _place(player, number, side, pointer)
        yield Problem(place, "refused-example", message, f"mend the example, or the contract of the {side}", also=also)


def _type_of(value: Any) -> Type:
    if isinstance(value, dict):
        return built({name: _type_of(part) for name, part in value.items()})
    return written_out([_type_of(part) for part in value]) if isinstance(value, list) else literal(value)


def _place(player: ModelPlayer, number: int, side: str, pointer: str) -> Place:
    if number >= len(player.example_places):
        return player.place
    return player.example_places[number](f"/{side}{pointer}", False)
