"""Where a model's answer could not be kept, the next command goes on with this very run."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from runners.replaying import CHAIN, desk_in

from choreo.commands.batch import batch
from choreo.commands.playing import Options
from choreo.commands.resume import resume
from choreo.errors import NoRoom, StoreError
from choreo.players.base import Played, Record, Visit
from choreo.store import Store
from choreo.store.files import ANSWER, Files
from choreo.trace import Attempt


def test_the_help_of_a_full_store_names_the_command_and_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_in(tmp_path, monkeypatch)
    desk.write(CHAIN)
    with monkeypatch.context() as full:
        full.setattr(Files, "_writable", lambda self: 0)
        with pytest.raises(StoreError) as told:
            desk.run()
    run = desk.record.id
    help = f"free some space, then: choreo resume {run} --db {tmp_path / 'trace.db'}"
    assert (told.value.code, told.value.help) == ("store-full", help)
    assert resume(run, limits=(), options=desk.options) == 0


SPEC = """
choreo: 1
name: asks
version: 1.0.0
trigger: {accepts: case@^1}
result: {emits: case@1.0.0}
contracts:
  case@1.0.0: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
models: {small: {model: "openai/none"}}
roles:
  ask: {kind: reader, model: small, prompt: "Give n.", emits: case@1.0.0}
handoffs:
  - {from: trigger, to: ask}
  - {from: ask, to: end}
"""


class Model:
    """Stands for a model that takes its time; each of its calls costs 0.1."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.calls, self.cut = seconds, 0, 0

    async def play(self, visit: Visit, record: Record) -> Played:
        self.calls += 1
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        attempt = Attempt("model", b"{}", visit.input.data, 1.0, self.seconds, cost=0.1)
        return Played(visit.input.value, attempts=(attempt,))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(6)))
    return tmp_path


def play(model: Model, monkeypatch: pytest.MonkeyPatch, room: int) -> int:
    monkeypatch.setattr("choreo.commands.batch_played.player_for", lambda *_: model)
    monkeypatch.setattr(Files, "_writable", lambda self: room * ANSWER)
    given: dict[str, Any] = {"limits": (), "out": None, "labels": (), "models": ()}
    return batch("spec.yaml", "in.jsonl", parallel=6, options=Options(db="t.db", quiet=True), **given)


def paid() -> list[float]:
    """Of each call on record. A hop that was begun and not called has an attempt of unknown cost."""
    store = Store.read(Path("t.db"))
    found = [attempt.cost for run in store.runs() for _, attempt in store.attempts(run) if attempt.cost]
    store.close()
    return found


def test_calls_in_flight_are_awaited_and_kept_where_there_is_no_room_for_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are paid, and what they bring back has its room: to be made anew they would be paid twice."""
    model = Model(0.05)
    with pytest.raises(NoRoom, match="no call was made") as told:
        play(model, monkeypatch, room=4)
    assert told.value.help == "free some space, then: the same command"
    assert (model.calls, paid()) == (4, [0.1] * 4)
    assert play(model, monkeypatch, room=100) == 0
    assert (model.calls, paid()) == (6, [0.1] * 6)


@pytest.mark.parametrize("below", [False, True])
def test_a_signal_cuts_the_calls_that_are_awaited(folder: Path, monkeypatch: pytest.MonkeyPatch, below: bool) -> None:
    if below:
        above = SPEC.replace('model: small, prompt: "Give n.",', "spec: below.yaml,").replace(
            "name: asks", "name: above"
        )
        (folder / "below.yaml").write_text(SPEC)
        (folder / "spec.yaml").write_text(above.replace('models: {small: {model: "openai/none"}}\n', ""))
    model, no_room = Model(600), NoRoom.__init__

    def signalled(error: NoRoom, *words: str) -> None:
        no_room(error, *words)
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(NoRoom, "__init__", signalled)
    with pytest.raises(NoRoom):
        play(model, monkeypatch, room=5)
    assert (model.calls, model.cut) == (5, 5)


def test_calls_of_the_same_run_are_awaited_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(0.05)
    ask = next(line for line in SPEC.splitlines(keepends=True) if line.startswith("  ask:"))
    roles = ask.replace("ask:", "one:") + ask.replace("ask:", "two:")
    handoffs = "  - {from: trigger, to: [one, two]}\n  - {from: {any: [one, two]}, to: end, when: 'false'}\n"
    head = SPEC[: SPEC.index("handoffs:")].replace(ask, roles)
    (folder / "spec.yaml").write_text(f"{head}handoffs:\n{handoffs}  - {{from: [one, two], to: end, pass: trigger}}\n")
    (folder / "in.jsonl").write_text('{"n": 1}\n')
    with pytest.raises(NoRoom):
        play(model, monkeypatch, room=1)
    assert (model.calls, paid()) == (1, [0.1])
    assert play(model, monkeypatch, room=100) == 0
    assert (model.calls, paid()) == (2, [0.1] * 2)
