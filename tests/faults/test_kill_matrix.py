"""Kill -9 at twelve points of each of five hops, then resume: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from relay import RESULT, ROLES, VISITS, Nursery, World, check_record, interrupted_hops

from choreo.store import driver

KILLED = -signal.SIGKILL
APPROVING = {"gate": ["approve", "approve"]}
AT_A_HOP = (
    "before intent",
    "after intent",
    "after the reply",
    "inside the transaction",
    "inside the transaction, at its end",
    "after commit, before acknowledging",
)
IN_MAKING = {"a": 1, "b": 6, "c": 14, "d": "before link", "e": "after link"}


def die_at(world: World, point: str, role: str) -> None:
    """Play until death. The child must have died at its point, or the test proves nothing."""
    assert world.child("play", die=point, role=role, answers=APPROVING) == KILLED, world.said("err")


def comes_back(world: World) -> None:
    """What must hold after a death: the record is whole, and a resumed run ends as if nothing had happened."""
    assert world.record().status in ("running", "waiting")
    check_record(world)
    seen = world.acknowledged()
    assert world.finish() == RESULT
    check_record(world)
    assert world.acknowledged()[: len(seen)] == seen
    assert world.record().status == "done"
    assert world.calls()[world.marked] == VISITS[world.marked], "the effect happened once for each approved visit"
    assert sum(world.calls().values()) <= sum(VISITS.values()) + len(interrupted_hops(world))
    assert world.steps >= 1
    assert intact(world.db)


def intact(path: Path) -> bool:
    connection = driver.connect(str(path), read_only=True)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    finally:
        connection.close()


@pytest.fixture
def worlds(tmp_path: Path, nursery: Nursery) -> Iterator[object]:
    return lambda marked: World(tmp_path / marked, marked, nursery)


@pytest.mark.parametrize("marked", ROLES)
def test_without_a_fault_each_hop_is_played_once(worlds, marked: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(marked)
    assert world.child("play", answers=APPROVING) == 0
    assert (world.result(), dict(world.calls())) == (RESULT, VISITS)
    assert sorted(world.acknowledged()) == list(range(1, 8))
    check_record(world)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("point", AT_A_HOP)
def test_a_death_at_an_effect_behind_a_touchpoint(worlds, point: str, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(role)
    die_at(world, point, role)
    comes_back(world)


@pytest.mark.parametrize("role", ROLES[1:])
@pytest.mark.parametrize("point", AT_A_HOP)
def test_a_death_at_a_hop_without_an_effect(worlds, point: str, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds("a" if role == "e" else "e")
    die_at(world, point, role)
    comes_back(world)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("point", ["while waiting for a person", "decision read", "decision committed"])
def test_a_death_around_a_person_decision(worlds, point: str, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(role)
    die_at(world, point, role)
    assert world.calls()[role] == 0, "nothing behind the touchpoint has happened"
    comes_back(world)


@pytest.mark.parametrize("role", ROLES)
def test_a_death_with_the_effect_done_and_not_recorded_asks_a_person(worlds, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(role)
    assert world.child("play", die_in=role, answers=APPROVING) == KILLED
    assert world.calls()[role] == 1
    assert world.choreo("resume", "last") == 4
    assert world.open_question().kind == "in_doubt"
    assert world.calls()[role] == 1, "an effect in doubt is not run again on its own"
    comes_back(world)


@pytest.mark.parametrize("role", ROLES)
def test_deaths_in_resume_leave_a_run_that_can_be_resumed(worlds, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(role)
    die_at(world, "after intent", role)
    for point in ("in resume, when the run was taken", "in resume, after it was booked"):
        assert world.child("go on", die=point) == KILLED
        check_record(world)
    comes_back(world)


@pytest.mark.parametrize("role", ROLES)
def test_a_death_while_the_store_is_made_leaves_no_store_or_a_whole_one(worlds, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(role)
    at = IN_MAKING[role]
    assert world.child("make store", at=at) == KILLED
    assert world.db.exists() == (at == "after link")
    assert world.child("play", answers=APPROVING) == 0
    assert (world.result(), intact(world.db)) == (RESULT, True)


@pytest.mark.parametrize("role", ROLES)
def test_a_death_in_close_leaves_a_run_that_anyone_can_take_up(worlds, role: str) -> None:  # type: ignore[no-untyped-def]
    world = worlds(role)
    assert world.child("play", die="in close") == KILLED
    assert world.record().status == "waiting"
    comes_back(world)
