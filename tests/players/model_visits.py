"""Visits of roles that are played by a model, for the tests of the model player."""

from __future__ import annotations

from typing import Any

from choreo.canonical import Payload
from choreo.players.base import Visit
from choreo.problem import Place
from choreo.spec import Expr, ModelPlayer, ModelSettings, Role, Template

PLACE = Place("spec.yaml", 3, 7)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"action": {"enum": ["pay", "decline"]}, "amount": {"type": "number"}},
    "required": ["action", "amount"],
    "additionalProperties": False,
}


def template(*parts: str) -> Template:
    """A prompt: parts written `{{...}}` are expressions."""
    return Template(tuple(Expr(part[2:-2], PLACE) if part[:2] == "{{" else part for part in parts), PLACE)


def settings(name: str = "m", **changes: Any) -> ModelSettings:
    return ModelSettings(
        name=name, place=PLACE, model=changes.pop("model", f"openai/{name}"), model_place=PLACE, **changes
    )


def model_visit(
    *,
    kind: Any = "reasoner",
    given: Any = None,
    schema: Any = SCHEMA,
    emits: str | None = "decision@1.0.0",
    run: str = "run-1",
    models: tuple[ModelSettings, ...] = (),
    deadline: float = 60.0,
    previous: Payload | None = None,
    feedback: Payload | None = None,
    retry: Any = None,
    confidence: Any = None,
    **player: Any,
) -> Visit:
    """A visit of the role `decide`; what is not named here goes into its `ModelPlayer`."""
    name = player.pop("model", models[0].name if models else "openai/m")
    asked = ModelPlayer(model=name, place=PLACE, **player)
    role = Role("decide", PLACE, kind, asked, does="Decide what to do", retry=retry, confidence=confidence)
    return Visit(
        run=run,
        hop=1,
        role=role,
        input=Payload.of({"id": 7} if given is None else given),
        previous=previous,
        feedback=feedback,
        schema=schema,
        emits=emits,
        deadline=deadline,
        models={one.name: one for one in models},
        seed=1,
    )
