"""What a gate is: the place where a person is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from choreo.canonical import Payload
from choreo.spec import Choice, Stakes

Kind = Literal["approve", "fill", "in_doubt"]


class Asking(NamedTuple):
    """One of the questions of a human role, where they are data: its text, and answers that would do."""

    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """Everything a person is shown, and nothing the sender did not have.

    `approve`: may this exact `payload` go to `receiver`? `fill`: a human role, fill in the contract
    from `payload` (its input). `in_doubt`: an effect whose outcome is unknown after a crash; `payload`
    is the input of the effect.
    """

    run: str
    number: int
    kind: Kind
    name: str
    """Touchpoint name, or role name for `fill` and `in_doubt`."""
    ask: str
    why: tuple[str, ...]
    """Why the person is asked, one sentence an item: the rule, the stakes, what each answer leads to."""
    facts: tuple[tuple[str, str], ...]
    """(label, value): sender, model, cost so far, confidence, contract verdict, attempts."""
    payload: Payload
    receiver: str = ""
    contract: str | None = None
    schema: Mapping[str, Any] | None = None
    """What an edit (or a filled form) must meet."""
    shows: tuple[tuple[str, Payload], ...] = ()
    sender: str = ""
    sender_input: Payload | None = None
    """The sender's stored input, byte for byte."""
    questions: Mapping[str, str] = field(default_factory=dict)
    asks: tuple[Asking, ...] | None = None
    """The questions where they are data: the answer is then `{answers: [{question, answer}]}`."""
    who: str | None = None
    stakes: Stakes = "low"
    may: tuple[Choice, ...] = ("approve", "edit", "reject")


@dataclass(frozen=True)
class Answer:
    """A person's answer. `digest` is the hash of the payload that was on the screen when they answered.

    `done`, `redo` and `stop` answer `in_doubt`; `fill` carries the filled-in form in `payload`.
    """

    decision: Literal["approve", "edit", "reject", "fill", "done", "redo", "stop"]
    digest: str
    by: str
    payload: Payload | None = None
    reason: str = ""
    seconds: float = 0.0
    """How long the person had the question open."""


Parked = Literal["later", "quit"]

Violations = Callable[[Any], tuple[str, ...]]
"""Checks an edited value against the receiver's contract: one sentence per violation, with its JSON pointer."""


class Gate(Protocol):
    """Asks one question. `later` leaves it open and asks the next one; `quit` leaves the run pending."""

    async def ask(self, question: Question, check: Violations) -> Answer | Parked: ...
