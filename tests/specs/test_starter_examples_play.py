"""The example of `choreo init` with a model, played by the real runner with a scripted model."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from choreo.api.begin import new_run_id, started
from choreo.api.checked import check_spec
from choreo.engine.position import start
from choreo.engine.react import react
from choreo.gates.script import ScriptGate
from choreo.plan import plan_digest
from choreo.players import player_for
from choreo.players.base import Played, Record, Visit
from choreo.players.script import ScriptPlayer
from choreo.runners.local import LocalRunner
from choreo.runners.parts import Parts
from choreo.spec import ModelPlayer
from choreo.starter.examples import FOLDER
from choreo.store import NewRun, Store
from choreo.trace import RunFinished
from choreo.verify import the_checker

SPEC = FOLDER / "model" / "model.yaml"


class Measured(ScriptPlayer):
    """A scripted model with a confidence."""

    def __init__(self, confidence: float | None) -> None:
        super().__init__({"sort": [{"summary": "Nothing has come.", "tray": "complaint"}]})
        self.confidence = confidence

    async def play(self, visit: Visit, record: Record) -> Played:
        source = "none" if self.confidence is None else "logprob"
        return replace(await super().play(visit, record), confidence=self.confidence, confidence_source=source)


def play(folder: Path, confidence: float | None, gate: ScriptGate) -> RunFinished | None:
    checked = check_spec(str(SPEC))
    fact = started(checked, json.loads((SPEC.parent / "sample.json").read_text()))
    position = start(checked.plan, new_run_id(time.time()))
    events = react(checked.plan, position, fact, the_checker())
    store = Store.open(folder / "trace.db")
    sources = checked.loaded.sources
    digest, made = plan_digest(sources), ("model", "1.0.0")
    writer = store.create_run(
        NewRun(position.run, made, digest, sources, at=fact.at, main="model.yaml"), events, status="running"
    )
    model = Measured(confidence)

    def player(role: Any) -> Any:
        return model if isinstance(role.player, ModelPlayer) else player_for(role.player)

    end = asyncio.run(LocalRunner(Parts(checked.plan, position, writer, store, the_checker(), player, gate=gate)).run())
    store.close()
    return end


@pytest.mark.parametrize(("confidence", "asked"), [(0.99, False), (0.5, True), (None, True)])
def test_the_model_example_asks_a_person_just_where_it_is_unsure(
    confidence: float | None, asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gate = ScriptGate({"check_tray": "approve"})
    end = play(tmp_path, confidence, gate)
    assert end is not None
    assert (end.status, end.outcome) == ("done", "filed")
    assert end.payload is not None
    assert end.payload.value["tray"] == "complaint"
    assert (tmp_path / end.payload.value["file"]).is_file()
    assert bool(gate.asked) is asked
