"""Kill -9 around a delay and around the key of an effect: a delay is kept, and nothing acts twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from relay import RESULT, VISITS, Nursery, World, check_record, interrupted_hops

from choreo.store import Store
from choreo.trace import Delayed, EffectKey, TimerFired

KILLED = -signal.SIGKILL
APPROVING = {"gate": ["approve", "approve"]}
IN_A_TRANSACTION = (
    "before intent",
    "inside the transaction",
    "inside the transaction, at its end",
    "after commit, before acknowledging",
)
KEYED = "b"


@dataclass
class TimedWorld(World):
    """The relay, with a short delay before `e`, an effect `b` that has a key, and one run a trigger."""

    def __post_init__(self) -> None:
        super().__post_init__()
        spec = json.loads(self.spec.read_text())
        for handoff in spec["handoffs"]:
            if handoff["to"] == "e":
                handoff["after"] = "30ms"
        spec["roles"][KEYED]["key"] = "input.path[0]"
        self.spec.write_text(json.dumps(spec))

    def of(self, kind: type) -> list[object]:
        return [entry for entry in self.entries() if isinstance(entry, kind)]


@pytest.fixture
def world(tmp_path: Path, nursery: Nursery) -> TimedWorld:
    return TimedWorld(tmp_path / "world", KEYED, nursery)


def whole(world: TimedWorld) -> None:
    assert world.finish() == RESULT
    check_record(world)
    assert world.calls()[KEYED] == 1
    assert sum(world.calls().values()) <= sum(VISITS.values()) + len(interrupted_hops(world))
    delays, fired = world.of(Delayed), world.of(TimerFired)
    assert [one.handoff for one in delays] == [one.handoff for one in fired]  # type: ignore[attr-defined]
    assert all(late.at >= one.due for one, late in zip(delays, fired, strict=True))  # type: ignore[attr-defined]
    keys = [key for key in world.of(EffectKey) if not key.over]  # type: ignore[attr-defined]
    assert (len(delays), len(keys)) == (2, 1)
    assert world.verified()


@pytest.mark.parametrize("mark", ["Delayed", "TimerFired", "EffectKey"])
@pytest.mark.parametrize("point", IN_A_TRANSACTION)
def test_a_death_around_a_delay_or_a_key(world: TimedWorld, point: str, mark: str) -> None:
    assert world.child("play", die=point, role=mark, answers=APPROVING) == KILLED, world.said("err")
    whole(world)


def test_a_death_in_a_keyed_effect_leaves_it_in_doubt_for_this_run_and_for_the_next(world: TimedWorld) -> None:
    assert world.child("play", die_in=KEYED, answers=APPROVING) == KILLED
    assert world.calls()[KEYED] == 1
    assert world.child("play", answers=APPROVING) == 4, "the second run asks: it has no receipt to take"
    assert world.calls()[KEYED] == 1, "the second run did not act"
    store = Store.read(world.db)
    second, first = store.runs()
    asked = [event.why for event in store.history(second) if type(event).__name__ == "Asked"]
    store.close()
    assert f'was begun for "start" by hop 3 of run {first.id}' in asked[-1]


def test_a_keyed_effect_that_was_cut_short_is_asked_about_and_not_done_again(world: TimedWorld) -> None:
    assert world.child("play", die_in=KEYED, answers=APPROVING) == KILLED
    assert world.choreo("resume", "last") == 4
    assert world.open_question().kind == "in_doubt"
    assert world.calls()[KEYED] == 1
    whole(world)


def test_a_second_run_takes_the_receipt_of_the_first_and_links_to_it(world: TimedWorld) -> None:
    assert world.child("play", answers=APPROVING) == 0
    assert world.child("play", answers=APPROVING) == 0
    store = Store.read(world.db)
    second, first = store.runs()
    keys = [event for event in store.history(second) if isinstance(event, EffectKey)]
    result = store.history(second)[-1].payload  # type: ignore[union-attr]
    store.close()
    assert [(key.key, key.run, key.earlier, key.over) for key in keys] == [('"start"', first.id, 3, False)]
    assert result is not None
    assert result.value == RESULT
    assert world.calls()[KEYED] == 1


@pytest.fixture
def once(tmp_path: Path, nursery: Nursery) -> Callable[[], World]:
    def made() -> World:
        world = World(tmp_path / "once", "c", nursery)
        spec = json.loads(world.spec.read_text())
        spec["trigger"]["once_per"] = "trigger.path[0]"
        for handoff in spec["handoffs"]:
            handoff.pop("touchpoint", None)
        del spec["touchpoints"]
        world.spec.write_text(json.dumps(spec))
        (world.folder / "in.json").write_text('{"path": ["start"]}')
        return world

    return made


def test_a_trigger_whose_first_run_died_is_still_a_duplicate_and_the_first_run_goes_on(
    once: Callable[[], World],
) -> None:
    world = once()
    assert (
        world.child("choreo", args=["run", str(world.spec), "-i", "in.json", "--db", str(world.db)], die_in="d")
        == KILLED
    )
    assert world.choreo("run", str(world.spec), "-i", "in.json") == 4
    assert "duplicate - nothing was played" in world.said("err")
    assert "go on: choreo resume" in world.said("err")
    assert world.choreo("resume", "--all") == 0
    assert world.choreo("run", str(world.spec), "-i", "in.json") == 0
    assert json.loads(world.said("out")) == RESULT
    assert dict(world.calls()) == {**VISITS, "d": VISITS["d"] + 1}
