"""Players and what they say of themselves: python targets, effects, measured confidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from choreo.lint.survey import Survey
from choreo.problem import Problem
from choreo.spec import CommandService, ModelPlayer, PythonService

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def bad_service(survey: Survey) -> Iterator[Problem]:
    """`bad-target`: a python service is `module:function`, with the module as it is imported from the spec's folder:
    `services.orders:lookup` is the function `lookup` in services/orders.py.

    `empty-command`: a command needs at least the program to start.
    """
    for role in survey.spec.roles.values():
        player = role.player
        if isinstance(player, PythonService) and _TARGET.fullmatch(player.target) is None:
            message = f"`{player.target}` is not a python function"
            yield Problem(player.place, "bad-target", message, f"write `module:function`{_meant(player.target)}")
        elif isinstance(player, CommandService) and not player.argv:
            yield Problem(player.place, "empty-command", "the command is empty", "name the program to start")


def _meant(target: str) -> str:
    module = target.partition(":")[0].removesuffix(".py").replace("/", ".").strip(".")
    function = target.partition(":")[2].removesuffix("()")
    if not function and "." in module and not target.endswith(".py"):
        module, _, function = module.rpartition(".")
    guess = f"{module}:{function or 'function'}"
    return f", such as `{guess}`" if _TARGET.fullmatch(guess) else ""


def misplaced_effect(survey: Survey) -> Iterator[Problem]:
    """`effect-not-actor`: only actors do something to the world outside.

    `effect: once` and `effect: idempotent` belong to roles of `kind: actor`: so that everybody sees in the spec, and
    in front of every touchpoint, where something happens that cannot be taken back.
    """
    for role in survey.spec.roles.values():
        if role.effect != "none" and role.kind != "actor":
            message = f"`{role.name}` is a {role.kind} and has an effect (`effect: {role.effect}`)"
            help = "make it `kind: actor`, or move what it does to the world outside into an actor of its own"
            yield Problem(role.place, "effect-not-actor", message, help)


def unmeasurable_confidence(survey: Survey) -> Iterator[Problem]:
    """`bad-confidence`: the confidence of a role cannot be measured as its spec says.

    `logprobs(FIELD)` reads token probabilities: the role is played by a model, and FIELD is a field of its output whose
    contract lists its values (`enum`, texts). `votes` asks a model several times.
    """
    for role in survey.spec.roles.values():
        measure = role.confidence
        if measure is None or measure.source == "expression":
            continue
        if not isinstance(role.player, ModelPlayer):
            message = f"`{role.name}` is not played by a model, so there is nothing to measure"
            yield Problem(measure.place, "bad-confidence", message, "remove `confidence`, or write an expression")
            continue
        contract = survey.emits.get(role.name)
        if measure.source == "logprobs" and contract is not None and not _options(contract.schema, measure.field or ""):
            message = f"`{measure.field}` is not a field with an `enum` in {contract.ref}"
            listed = ", ".join(
                name for name in _mapping(contract.schema.get("properties")) if _options(contract.schema, name)
            )
            help = f"fields that list their values: {listed}" if listed else "list its values in the contract: `enum`"
            yield Problem(measure.place, "bad-confidence", message, help, also=((contract.place, "the contract"),))


def _options(schema: Mapping[str, Any], field: str) -> bool:
    """Whether a field's values are listed, as texts: where it is declared, or in the one definition it refers to."""
    part = _mapping(_mapping(schema.get("properties")).get(field))
    reference = part.get("$ref")
    if isinstance(reference, str):
        part = _mapping(_mapping(schema.get("$defs")).get(reference.removeprefix("#/$defs/")))
    values = part.get("enum")
    return isinstance(values, list) and bool(values) and all(isinstance(value, str) for value in values)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
