"""What is told where a run ends at a limit: how high that is, and what it keeps from being played."""

from __future__ import annotations

from pathlib import Path

from building import Played, Script, plan_of
from runners.nesting import OUTER, Nest

from choreo.commands.ended import end_told, still_to_play
from choreo.engine.limits import limit_told
from choreo.engine.position import Position

TWICE = """
    roles:
      one: {kind: reader, set: input, emits: any@1.0.0}
      two: {kind: reader, set: input, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: one}
      - {from: one, to: two}
      - {from: two, to: end}
"""


def test_a_role_whose_run_a_limit_has_stopped_is_still_to_play(tmp_path: Path) -> None:
    nest = Nest(tmp_path, OUTER + "    limits: {hops: 2}\n", inner=TWICE)
    assert nest.play().code == "limit-hops"
    nest.store.close()
    assert nest.position is not None
    assert list(still_to_play(nest.position)) == ["still to play: part"]


def test_what_is_still_to_play_is_told_by_role_and_not_at_any_length() -> None:
    names = [f"r{number}" for number in range(9)]
    plan = plan_of(
        {"from": "trigger", "to": "split"},
        {"from": "split", "to": "work", "each": "out.list"},
        {"from": "work", "to": "check"},
        {"from": "check", "to": "total", "gather": True},
        {"from": "split", "to": names},
        {"from": {"any": ["total", *names]}, "to": "end"},
        limits={"hops": 1},
    )  # fmt: skip
    run = Played(plan, Script({"split": {"list": [1, 2]}}))
    assert list(still_to_play(run.position)) == ["still to play: r0, r1, r2, r3, r4, r5, and 4 more"]


def test_visits_of_one_role_in_several_lanes_are_counted() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "split"},
        {"from": "split", "to": "work", "each": "out.list"},
        {"from": "work", "to": "check"},
        {"from": "check", "to": "total", "gather": True},
        {"from": "total", "to": "end"},
        limits={"hops": 3, "parallel": 2},
    )
    run = Played(plan, Script({"split": {"list": [1, 2, 3]}, "work": {}}))
    told = list(still_to_play(run.position))
    assert run.position.finished is not None
    assert told == ["still to play: 2 visits of check, 1 lane of work"]
    assert [line.partition(" - ")[0] for line in end_told(run.position, run.position.finished)] == [
        "limit [limit-hops]: the limit on hops (3) is reached", *told,
    ]  # fmt: skip


def test_a_limit_is_told_with_its_value() -> None:
    position = Position("r", {"cost": 0.5, "time": 120.0, "hops": 1000000.0, "parallel": None})
    told = [limit_told(position, name).removeprefix("the limit on ") for name in position.limits]
    assert told == ["cost (0.5)", "time (120 s)", "hops (1000000)", "parallel"]
