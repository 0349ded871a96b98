"""`choreo stop`: a run saves and stops wherever it is played; what is cancelled is over for good."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from building import plan_of
from faults.stage import Stage

from choreo.commands.playing import Options
from choreo.commands.resume import resume
from choreo.commands.resume_many import resume_many
from choreo.commands.review import Flags, review
from choreo.commands.run import run
from choreo.commands.stop import stop
from choreo.errors import HeldError
from choreo.players.base import Record, Visit
from choreo.store import Store
from choreo.trace import Decided, HopFinished, RunFinished

SPEC = """
choreo: 1
name: asks
version: 1.0.0
trigger: {accepts: any@^1}
result: {emits: any@1.0.0}
contracts:
  any@1.0.0: {type: object, required: [n], properties: {n: {type: integer}}}
roles:
  a: {kind: reader, does: one, set: input, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: end, touchpoint: gate}
touchpoints:
  gate: {ask: Good?, within: 2h}
"""


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A run that waits for a person, and holds no process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asks.yaml").write_text(SPEC)
    options = Options(db=str(tmp_path / "trace.db"), quiet=True, by="tester")
    assert run("asks.yaml", source=None, sets=["n=1"], labels=(), models=(), options=options) == 4
    return options


def record(options: Options) -> tuple[str, str | None, float | None, bool]:
    store = Store.read(Path(options.db or ""))
    found = store.find("last")
    verified = store.verify(found)
    store.close()
    return found.status, found.code, found.due, verified


def test_a_stopped_run_is_left_alone_until_it_is_named_and_then_goes_on(waiting: Options) -> None:
    assert stop("last", cancel=False, options=waiting) == 0
    assert record(waiting) == ("stopped", "stopped", None, True)
    assert resume_many(None, limits=(), due_only=False, options=waiting) == 0
    assert record(waiting)[0] == "stopped"
    assert resume("last", limits=(), options=waiting) == 4
    status, _, due, verified = record(waiting)
    assert (status, due is not None, verified) == ("waiting", True, True)
    assert review("last", flags=Flags(approve=True), options=waiting) == 0
    assert record(waiting) == ("done", None, None, True)


def test_an_answer_to_a_stopped_run_takes_it_up(waiting: Options) -> None:
    stop("last", cancel=False, options=waiting)
    assert review("last", flags=Flags(approve=True), options=waiting) == 0
    assert record(waiting)[0] == "done"


@pytest.mark.parametrize("stopped_before", [False, True])
def test_a_cancelled_run_is_over_and_a_late_answer_meets_that(waiting: Options, stopped_before: bool) -> None:
    if stopped_before:
        stop("last", cancel=False, options=waiting)
    assert stop("last", cancel=True, options=waiting) == 0
    assert record(waiting) == ("stopped", "cancelled", None, True)
    with pytest.raises(HeldError, match="withdrawn by tester"):
        review("last", flags=Flags(approve=True), options=waiting)
    assert resume("last", limits=(), options=waiting) == 1
    assert record(waiting)[:2] == ("stopped", "cancelled")
    store = Store.read(Path(waiting.db or ""))
    decisions = [event.decision for event in store.history(store.find("last")) if isinstance(event, Decided)]
    store.close()
    assert decisions == ["withdrawn"]


def test_a_run_that_is_over_stays_as_it_is(waiting: Options) -> None:
    review("last", flags=Flags(approve=True), options=waiting)
    assert stop("last", cancel=True, options=waiting) == 0
    assert record(waiting)[0] == "done"


def test_a_living_owner_is_asked_and_an_effect_in_play_is_awaited_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("choreo.runners.local.LOOK", 0.01)
    roles = {"pay": {"effect": "once"}}
    plan = plan_of({"from": "trigger", "to": ["pay", "slow"]}, {"from": ["pay", "slow"], "to": "end"}, roles=roles)
    stage = Stage(tmp_path, plan)

    async def act(visit: Visit, record: Record) -> Any:
        if visit.role.name == "slow":
            await asyncio.sleep(60)
        other = Store.open(tmp_path / "trace.db")
        other.ask_to_stop(other.find("r"), "tester")
        other.close()
        await asyncio.sleep(0.05)
        return {"paid": True}

    end = stage.play(act)
    assert end is not None
    assert (end.status, end.code, end.message) == ("stopped", "stopped", "stopped by tester")
    assert [(event.hop, event.status) for event in stage.of(HopFinished)] == [(1, "done")]
    assert stage.record.owner is None

    final = stage.resume(lambda visit, record: {"slow": True})
    assert final is not None
    assert (final.status, [event.hop for event in stage.of(HopFinished)]) == ("done", [1, 2])
    assert [event.status for event in stage.of(RunFinished)] == ["stopped", "done"]
    assert stage.store.verify(stage.record)
