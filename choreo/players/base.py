"""What a player is: something that turns the input of one hop into an output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeGuard

from msgspec import Struct, field

from choreo.canonical import Payload
from choreo.contract import Contract
from choreo.spec import ModelSettings, Role
from choreo.trace import Attempt


class Turn(Struct, frozen=True):
    """An earlier visit of the visit's thread: who played, what they were handed, and what they said."""

    hop: int
    role: Role
    input: Payload
    output: Payload
    previous: Payload | None = None
    feedback: Payload | None = None


class Visit(Struct, frozen=True):
    """One visit of one role, as its player sees it: nothing but what was handed to it.

    `schema` is the JSON Schema of `role.emits` with every `$ref` inside it resolved locally, or None.
    `deadline` is seconds from the start of the play. `folder` is the spec's folder. `seed` makes
    chance repeatable (retry jitter).
    """

    run: str
    hop: int
    role: Role
    input: Payload
    trigger: Payload | None = None
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Optional fields of the trigger: they read as null where they were not given."""
    previous: Payload | None = None
    feedback: Payload | None = None
    schema: Mapping[str, Any] | None = None
    emits: str | None = None
    """`name@version` of the contract the output must meet."""
    deadline: float = 600.0
    folder: str = "."
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    seed: int = 0
    turns: tuple[Turn, ...] = ()
    """The conversation so far, where the role has a `thread`."""
    tools: Mapping[str, Contract | None] = field(default_factory=dict)
    """What the role's model may call: the contract of each tool's arguments, None for any object."""
    call: str = ""
    """Which call of this hop it is, where a model calls a tool: the same name for the same tool and arguments."""


class RoleNames(dict[str, Any]):
    """The names that expressions inside a role may use (a prompt sees less: no `trigger`)."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(
            input=visit.input,
            previous=visit.previous,
            feedback=visit.feedback,
            trigger=visit.trigger,
            run={"id": visit.run},
        )
        self.absent = visit.absent


class Played(Struct, frozen=True):
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


class Instant(Protocol):
    """A player that has its output at once, without waiting for anything. Raises PlayFailed."""

    def play_now(self, visit: Visit) -> Played: ...


class Quick(Protocol):
    """A player that may have its output within a moment."""

    def play_if_quick(self, visit: Visit) -> Played | Player | Soon:
        """The output; where it is not there, the player to be awaited, who goes on with what was begun here; or what
        will tell of one of the two."""


class Soon(Protocol):
    """An output that may be there within a moment, while others of its kind are made, too."""

    def then(self, tell: Callable[[Callable[[], Played | Player]], None]) -> None:
        """Begin it, and have the event loop call `tell` with what gives the output, or the player to be awaited."""


class Player(Protocol):
    """Raises `choreo.errors.PlayFailed` where no output can be had. Cancellation stops the work."""

    async def play(self, visit: Visit, record: Record) -> Played: ...


def is_instant(player: Player | Instant) -> TypeGuard[Instant]:
    """Whether a player is one that never waits."""
    return hasattr(player, "play_now")


def comes_soon(played: Played | Player | Soon) -> TypeGuard[Soon]:
    """Whether the output has to be waited for, but no player has."""
    return hasattr(played, "then")


def is_quick(player: Player | Instant | Quick) -> TypeGuard[Quick]:
    """Whether a player may be asked for its output on the spot."""
    return hasattr(player, "play_if_quick")
