"""A desk at which specs are played, replayed and looked at, with a model that says what it is told to say."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from choreo import players
from choreo.commands.playing import Options
from choreo.commands.replay import replay
from choreo.commands.review import Flags, review
from choreo.commands.run import run
from choreo.players.client import ModelCall, ModelReply
from choreo.players.model import ModelPlayer as PlayedByModel
from choreo.spec import ModelPlayer
from choreo.store import RunRecord, Store
from choreo.trace import Event, HopStarted

HEAD = """
choreo: 1
name: test
version: 1.0.0
trigger: {accepts: any@^1}
result: {emits: any@1.0.0}
contracts:
  any@1.0.0: {type: object, properties: {n: {type: integer}, sure: {type: number}}}
models:
  small: {model: openai/small, params: {temperature: 0}}
"""
CHAIN = """
roles:
  a: {kind: reader, does: Read, model: small, prompt: First, emits: any@1.0.0}
  b: {kind: drafter, does: Draft, model: small, prompt: Second, accepts: any@^1, emits: any@1.0.0}
  c: {kind: reviewer, does: Review, model: small, prompt: Third, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b}
  - {from: b, to: c}
  - {from: c, to: end}
"""


class Model:
    """A model that says the next of its answers, or else counts its calls in `n`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.answers: list[Any] = []
        self.cost = 0.5

    async def complete(self, call: ModelCall) -> ModelReply:
        self.calls.append(call.model)
        value = self.answers.pop(0) if self.answers else {"n": len(self.calls)}
        return ModelReply(json.dumps(value), "stop", b"asked", b"said", tokens_in=1, tokens_out=1, cost=self.cost)


class Desk:
    """A folder with a spec, its store, and the commands that play it."""

    def __init__(self, folder: Path, model: Model) -> None:
        self.folder, self.model = folder, model
        self.options = Options(db=str(folder / "trace.db"), as_json=True, quiet=True, by="ann")

    def write(self, body: str, name: str = "spec.yaml", **modules: str) -> str:
        (self.folder / name).write_text(HEAD + textwrap.dedent(body))
        for module, text in modules.items():
            (self.folder / f"{module}.py").write_text(textwrap.dedent(text))
        return name

    def run(self, *sets: str) -> int:
        return run("spec.yaml", source=None, sets=sets or ["n=1"], labels=(), models=(), options=self.options)

    def replay(self, name: str = "last", *, effects: bool = False, **more: Any) -> int:
        given = {"since": None, "spec": None, "models": (), **more}
        return replay(name, options=replace(self.options, effects=effects), **given)

    def approve(self, **more: Any) -> int:
        return review("last", flags=Flags(approve=True, note="fine"), options=replace(self.options, **more))

    @property
    def store(self) -> Store:
        return Store.read(self.folder / "trace.db")

    @property
    def record(self) -> RunRecord:
        return self.store.find("last")

    @property
    def events(self) -> list[Event]:
        return self.store.history(self.record)

    @property
    def taken(self) -> dict[str, str]:
        """How each role's last hop took its output from an earlier one; `played` where it did not."""
        kinds = {hop: kind for hop, (kind, _, _) in self.store.taken(self.record).items()}
        started = [event for event in self.events if isinstance(event, HopStarted)]
        return {event.role: kinds.get(event.hop, "played") for event in started}


def desk_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    model = Model()
    make: Callable[[Any], Any] = lambda _: PlayedByModel(lambda name: model)  # noqa: E731
    monkeypatch.chdir(folder)
    monkeypatch.setitem(players._PLAYERS, ModelPlayer, make)
    return Desk(folder, model)
