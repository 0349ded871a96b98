"""Random specs whose plan changes after every event: where only the places in the file are others, nothing else is."""

from __future__ import annotations

from typing import Any

from building import HUMAN, Played, Script, anything, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_any_history import ROLES, answers, handoffs, outputs
from test_any_lanes import Shape, decisions, script_of, shapes, spec_of

from choreo.engine.advance import rebuild
from choreo.engine.change import fit, in_last_terms
from choreo.plan import Plan
from choreo.trace import PlanChanged

AHEAD: list[dict[str, Any]] = [
    {"from": "z1", "to": "z2"},
    {"from": "z1", "to": "z3"},
    {"from": ["z2", "z3"], "to": "z4"},
    {"from": {"any": ["z4", "z2"]}, "to": "z1", "at_most": 1},
]
"""Handoffs between roles that nothing leads to: with them before the others, all of these have other numbers."""


class Changing(Played):
    """A run that goes on with the other of two plans after every fact."""

    other: Plan

    def __init__(self, plan: Plan, other: Plan, script: Script) -> None:
        self.other = other
        super().__init__(plan, script, {"n": 1})

    def fact(self, event: Any) -> None:
        super().fact(event)
        if self.position.finished is None:
            self.change()

    def change(self) -> None:
        found = fit(self.plan, self.other, self.position, in_last_terms(self.events), anything)
        assert found.misfits == ()
        places = tuple(found.edges.items()), tuple(found.joins.items())
        self.events.append(PlanChanged(self.clock, "new", "old", "1", "test", (), *places))
        self.plan, self.other = self.other, self.plan
        self.position = rebuild(self.plan, "r1", self.events)


def must_be_the_same(whole: Played, changing: Changing, plan: Plan) -> None:
    if changing.plan is not plan:
        changing.change()
    read = [event for event in in_last_terms(changing.events) if not isinstance(event, PlanChanged)]
    assert read == whole.events
    assert changing.position.spent.seconds == whole.position.spent.seconds


@settings(max_examples=200, deadline=None)
@given(handoffs(), outputs, answers, st.integers(0, 9), st.booleans(), st.sampled_from([None, 3, 6]))
def test_a_run_whose_handoffs_move_after_every_event_ends_as_the_one_that_had_no_change(
    edges: list[dict[str, Any]], given: dict[str, Any], said: list[Any], seed: int, human: bool, hops: int | None
) -> None:
    gates: dict[str, dict[str, Any]] = {"gate": {"when": "payload.n > 1"} if seed % 2 else {}}
    more: dict[str, Any] = {"touchpoints": gates, "limits": {"hops": hops, "parallel": 1 + seed % 3}}
    more["roles"] = {"c": HUMAN} if human else {}
    plan, moved = plan_of(*edges, **more), plan_of(*AHEAD, *edges, **more)
    named = {name for edge in plan.edges for name in (*edge.sources, *edge.handoff.targets)}
    defaults = {role: [{"n": 1, "ok": True}] for role in ROLES if role in named}
    script = Script(
        {**defaults, **given}, {"gate": said, "c": [("fill", {"n": 2, "ok": False})] * 4}, seed, timers=True
    )
    must_be_the_same(Played(plan, script, {"n": 1}), Changing(plan, moved, script), plan)


@settings(max_examples=150, deadline=None)
@given(shapes, decisions, st.integers(0, 9), st.sampled_from([None, None, 4, 9]))
def test_a_run_with_lanes_whose_handoffs_move_ends_as_the_one_that_had_no_change(
    shape: Shape, said: list[Any], seed: int, hops: int | None
) -> None:
    plan, moved = spec_of(shape, hops), spec_of(shape, hops, AHEAD)
    script = script_of(shape, said, seed)
    must_be_the_same(Played(plan, script, {"n": 1}), Changing(plan, moved, script), plan)
