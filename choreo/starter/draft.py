"""A project as it is drafted: what a person said about their work, before it becomes files."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FieldKind = Literal["text", "number", "whole", "yes/no", "list", "choice"]
PlayedBy = Literal["set", "service", "model", "human"]
PLAYERS: tuple[PlayedBy, ...] = ("set", "service", "model", "human")


class Field(Struct, frozen=True):
    """One field of a contract as it was typed: `amount number`, `action pay|decline`."""

    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name if self.kind == "text" else f"{self.name} {'|'.join(self.choices) or self.kind}"


class RoleDraft(Struct, frozen=True):
    """A role. `contract` is the name of what it hands over, `fields` what is in that; `sure_of` is measured."""

    name: str
    kind: str
    does: str
    player: PlayedBy
    contract: str
    fields: tuple[Field, ...]
    who: str | None = None
    sure_of: str | None = None


class GateDraft(Struct, frozen=True):
    """A touchpoint before a role. `when` is CEL over `payload`, None for always."""

    name: str
    before: str
    who: str
    ask: str
    when: str | None
    within: str
    stakes: str


class Decision(Struct, frozen=True):
    what: str
    stakes: str
    by: str = ""


class Breakdown(Struct, frozen=True):
    what: str
    covered_by: str = ""


class Draft(Struct, frozen=True):
    """A whole project: a chain of roles, each handing what it emits to the next, the last one to the end."""

    name: str
    job: str
    starts: str
    input: str
    fields: tuple[Field, ...]
    people: tuple[tuple[str, str], ...]
    roles: tuple[RoleDraft, ...]
    breakdowns: tuple[Breakdown, ...] = ()
    decisions: tuple[Decision, ...] = ()
    gates: tuple[GateDraft, ...] = ()
    minutes: float | None = None
    model: str = ""
    label: str = ""
    hops: int = 20
    time: str = "10m"


class Usual(Struct, frozen=True):
    """What a role of a kind usually is: its name, what it does, who plays it, and what it adds to what it received."""

    about: str
    name: str
    does: str
    player: PlayedBy
    contract: str
    adds: tuple[Field, ...]


USUAL: dict[str, Usual] = {
    "reader": Usual(
        "turns text into data",
        "read",
        "Turn what comes in into a clear case",
        "set",
        "case",
        (Field("summary", "text"),),
    ),
    "researcher": Usual(
        "finds facts", "find", "Find the facts that the case needs", "service", "facts", (Field("facts", "list"),)
    ),
    "reasoner": Usual(
        "decides", "decide", "Decide what happens next", "set", "decision", (Field("action", "choice", ("go", "stop")),)
    ),
    "drafter": Usual("writes", "draft", "Write the reply", "service", "draft", (Field("reply", "text"),)),
    "reviewer": Usual("checks", "check", "Check the work", "set", "review", (Field("ok", "yes/no"),)),
    "actor": Usual("has an effect outside", "send", "Send the reply", "service", "receipt", (Field("file", "text"),)),
}
KINDS = tuple(USUAL)
