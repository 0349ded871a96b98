"""Plays a spec of the gallery with its own services and touchpoints, models answering from a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from choreo.api.begin import Told, begin, started
from choreo.api.checked import check_spec
from choreo.gates.base import Question
from choreo.gates.script import ScriptGate
from choreo.players import player_for
from choreo.players.base import Played, Record, Visit
from choreo.players.client import ModelCall, ModelReply, ToolCall
from choreo.players.model import ModelPlayer as RealModel
from choreo.players.script import ScriptPlayer
from choreo.runners.children import Children
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.spec import ModelPlayer, Role
from choreo.store import Store
from choreo.trace import Attempt, Event, HandedOver, HopFinished, HopStarted
from choreo.verify import the_checker

GALLERY = Path(__file__).resolve().parents[2] / "specs" / "gallery"


class Listening(ScriptPlayer):
    """A scripted model that keeps the conversation it was told at each visit: (role, what it said) a turn."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        super().__init__(script)
        self.heard: list[tuple[str, list[tuple[str, Any]]]] = []

    async def play(self, visit: Visit, record: Record) -> Played:
        self.heard.append((visit.role.name, [(turn.role.name, turn.output.value) for turn in visit.turns]))
        return await super().play(visit, record)


class ToolUser:
    """A model that talks to its role's toolbox by a script: `calls` (tool, arguments) in turn, then its answer."""

    def __init__(self, calls: Sequence[tuple[str, Any]], answer: Any) -> None:
        self.offered: list[str] = []
        self._replies = [
            *(ModelReply("", "tool_calls", b"{}", b"{}", calls=(_wanted(*call),)) for call in calls),
            ModelReply(json.dumps(answer), "stop", b"{}", b"{}"),
        ]

    async def complete(self, call: ModelCall) -> ModelReply:
        self.offered = [offer.name for offer in call.offers]
        return self._replies.pop(0)


def _wanted(name: str, arguments: Any) -> ToolCall:
    return ToolCall(f"call-{name}", name, json.dumps(arguments))


class Ticking:
    """A clock of the test's own: it goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Ran:
    """What a run left behind: how it ended, who was asked, and every visit in order."""

    def __init__(
        self,
        events: list[Event],
        end: Any,
        asked: list[Question],
        script: Listening,
        attempts: Sequence[tuple[int, Attempt]] = (),
    ) -> None:
        self.events, self.asked, self.models, self.attempts = events, asked, script.played, attempts
        self._heard = script.heard
        self.status = end.status if end is not None else "waiting"
        self.outcome, self.code, self.message = (
            (end.outcome, end.code, end.message) if end is not None else (None, None, "")
        )
        self.result = end.payload.value if end is not None and end.payload is not None else None

    @property
    def visits(self) -> list[str]:
        """The roles that played, in the order in which they started."""
        return [event.role for event in self.events if isinstance(event, HopStarted)]

    def given(self, role: str) -> list[Any]:
        """The input of each visit of a role."""
        started = [event for event in self.events if isinstance(event, HopStarted) and event.role == role]
        return [event.input.value for event in started]

    def gave(self, role: str) -> list[Any]:
        """The output of each visit of a role."""
        hops = {event.hop for event in self.events if isinstance(event, HopStarted) and event.role == role}
        ended = [event for event in self.events if isinstance(event, HopFinished) and event.hop in hops]
        return [event.output.value for event in ended if event.output is not None]

    def heard(self, role: str) -> list[list[tuple[str, Any]]]:
        """The conversation that a model was told at each visit."""
        return [turns for name, turns in self._heard if name == role]

    @property
    def verdicts(self) -> list[tuple[str, bool]]:
        """Each handoff that was checked: (target, whether the payload met the contract)."""
        made = [event for event in self.events if isinstance(event, HandedOver) and event.verdict is not None]
        return [(event.target, event.verdict.ok) for event in made]


def play(
    name: str,
    value: Any,
    folder: Path,
    models: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    tool_users: Mapping[str, ToolUser] | None = None,
    clock: Callable[[], float] | None = None,
) -> Ran:
    """Play `specs/gallery/<name>.yaml` on `value`, its trace in `folder` (a later run finds the earlier ones there).

    `tool_users` play their role as a real model does, tools and all; only what they say is a script.
    """
    checked = check_spec(str(GALLERY / f"{name}.yaml"))
    fact = started(checked, value)
    store = Store.open(folder / "trace.db")
    script, gate = Listening(models or {}), ScriptGate(answers or {})

    def player(role: Role) -> Any:
        if tool_users and role.name in tool_users:
            return RealModel(lambda _: tool_users[role.name])
        return script if isinstance(role.player, ModelPlayer) else player_for(role.player)

    try:
        begun = begin(checked, store, fact, Told(str(GALLERY / f"{name}.yaml")))
        position, writer = begun.position, begun.writer
        if begun.first is not None:
            return Ran(list(begun.events), position.finished, gate.asked, script)
        below = Children(checked.family) if checked.family else None
        parts = Parts(checked.plan, position, writer, store, the_checker(), player, gate=gate, below=below)
        if clock is not None:
            parts.clock = clock
        end = asyncio.run(LocalRunner(parts).run())
        record = store.find(position.run)
        return Ran(store.history(record), end, gate.asked, script, store.attempts(record))
    finally:
        store.close()
