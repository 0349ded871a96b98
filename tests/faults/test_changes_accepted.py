"""A run that goes on with its spec written in another order ends as it would have, wherever it stood."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from relay import RESULT, ROLES, VISITS, Nursery, World, check_record, interrupted_hops

from choreo.store import Store
from choreo.trace import PlanChanged


@pytest.fixture(params=ROLES)
def world(request: pytest.FixtureRequest, tmp_path: Path, nursery: Nursery) -> World:
    return World(tmp_path / "world", request.param, nursery)


def reorder(world: World) -> None:
    """Handoffs and roles in the opposite order; the two that compete after `e` stay as they are to each other."""
    spec = json.loads(world.spec.read_text())
    spec["handoffs"].reverse()
    spec["roles"] = dict(reversed(spec["roles"].items()))
    world.spec.write_text(json.dumps(spec, indent=1))


def changes(world: World) -> int:
    return sum(isinstance(entry, PlanChanged) for entry in world.entries())


def test_at_its_question(world: World) -> None:
    (world.folder / "in.json").write_text('{"path": ["start"]}')
    assert world.choreo("run", str(world.spec), "-i", "in.json") == 4
    reorder(world)
    assert world.choreo("resume", "last", "--accept-changes") == 4, world.said("err")
    result = world.finish()
    assert sorted(result["path"]) == sorted(RESULT["path"])
    assert result["ok"] is True
    assert dict(world.calls()) == VISITS
    assert changes(world) == 1
    check_record(world)


@pytest.mark.parametrize("role", ROLES)
def test_after_a_death_in_any_hop(tmp_path: Path, nursery: Nursery, role: str) -> None:
    world = World(tmp_path / "world", "c", nursery)
    answers = {"gate": ["approve", "approve"]}
    assert world.child("play", die="after intent", role=role, answers=answers) == -signal.SIGKILL
    reorder(world)
    assert world.choreo("resume", "last", "--accept-changes") in (0, 4), world.said("err")
    result = world.finish() if world.record().status != "done" else world.result()
    assert result["path"] == RESULT["path"]
    assert changes(world) == 1
    assert sum(world.calls().values()) <= sum(VISITS.values()) + len(interrupted_hops(world))
    check_record(world)


LANES = """
choreo: 1
name: lanes
version: 1.0.0
contracts:
  list@1.0.0: {type: object, required: [items], properties: {items: {type: array, items: {type: integer}}}}
  one@1.0.0: {type: object, required: [n], properties: {n: {type: integer}}}
trigger: {accepts: list@^1}
result: {emits: list@1.0.0}
roles:
  split: {kind: reader, does: it, set: input, emits: list@1.0.0}
  add: {kind: reader, does: it, set: {n: input.n + 1}, accepts: one@^1, emits: one@1.0.0}
  again: {kind: reader, does: it, set: {n: input.n + BY}, accepts: one@^1, emits: one@1.0.0}
  sum: {kind: drafter, does: it, set: input, accepts: list@^1, emits: list@1.0.0}
handoffs:
  HANDOFFS
touchpoints: {gate: {ask: Good?}}
"""
HANDOFFS = [
    "- {from: trigger, to: split}",
    "- {from: split, to: add, each: split.items, at_once: 2, pass: {n: item}}",
    "- {from: add, to: again, touchpoint: gate}",
    "- {from: again, to: sum, gather: true, pass: {items: 'out.map(one, one.n)'}}",
    "- {from: sum, to: end}",
]


def write_lanes(folder: Path, by: int, handoffs: list[str]) -> None:
    text = LANES.replace("BY", str(by)).replace("HANDOFFS", "\n  ".join(handoffs))
    (folder / "lanes.yaml").write_text(text)


def test_in_the_middle_of_lanes(tmp_path: Path, nursery: Nursery) -> None:
    world = World(tmp_path / "world", "a", nursery)
    write_lanes(world.folder, 10, HANDOFFS)
    (world.folder / "in.json").write_text('{"items": [1, 2, 3, 4]}')
    assert world.choreo("run", str(world.folder / "lanes.yaml"), "-i", "in.json") == 4
    approve = ("review", "last", "--approve", "--by", "tester", "--question")
    assert world.choreo(*approve, "1") == 4
    write_lanes(world.folder, 100, HANDOFFS[::-1])
    assert world.choreo("resume", "last", "--accept-changes") == 4, world.said("err")
    for question in ("2", "3", "4"):
        world.choreo(*approve, question)
    store = Store.read(world.db)
    record = store.find("last")
    assert record.status == "done", world.said("err")
    assert json.loads(world.said("out")) == {"items": [12, 103, 104, 105]}
    assert store.verify(record)
    store.close()


def test_lanes_that_carry_another_thing_do_not_fit(tmp_path: Path, nursery: Nursery) -> None:
    world = World(tmp_path / "world", "a", nursery)
    write_lanes(world.folder, 10, HANDOFFS)
    (world.folder / "in.json").write_text('{"items": [1, 2]}')
    assert world.choreo("run", str(world.folder / "lanes.yaml"), "-i", "in.json") == 4
    other = [line.replace("pass: {n: item}", "pass: {n: item + size(out.items)}") for line in HANDOFFS]
    write_lanes(world.folder, 10, other)
    assert world.choreo("resume", "last", "--accept-changes") == 1
    assert "error[changes-do-not-fit]" in world.said("err")
    assert "the handoff split -> add, which has fired, is gone" in world.said("err")
