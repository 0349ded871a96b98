"""What a player is: something that turns the input of one hop into an output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from choreo.canonical import Payload
from choreo.spec import ModelSettings, Role
from choreo.trace import Attempt


@dataclass(frozen=True)
class Visit:
    """One visit of one role, as its player sees it: nothing but what was handed to it.

    `schema` is the JSON Schema of `role.emits` with every `$ref` inside it resolved locally, or None.
    `deadline` is seconds from the start of the play. `folder` is the spec's folder. `seed` makes
    chance repeatable (retry jitter).
    """

    run: str
    hop: int
    role: Role
    input: Payload
    previous: Payload | None = None
    feedback: Payload | None = None
    schema: Mapping[str, Any] | None = None
    emits: str | None = None
    """`name@version` of the contract the output must meet."""
    deadline: float = 600.0
    folder: str = "."
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Played:
    """What a player gives back: a JSON value, with a confidence where it was measured.

    `raw` is set in place of `value` where the player already holds canonical bytes.
    `attempts` are those not yet recorded through `record`.
    """

    value: Any
    confidence: float | None = None
    confidence_source: str = "none"
    confidence_detail: Mapping[str, Any] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()


Record = Callable[[Attempt], None]
"""Stores one attempt at once (durably, before it returns). Call it after each call that cost something."""


class Player(Protocol):
    """Raises `choreo.errors.PlayFailed` where no output can be had. Cancellation stops the work."""

    async def play(self, visit: Visit, record: Record) -> Played: ...
