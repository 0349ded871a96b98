"""Random specs with lanes in random orders: what is rebuilt from the events alone goes on as if it had never stopped,
and what comes of it does not depend on the order in which lanes end."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from building import HUMAN, Played, Script, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_any_history import Restarted

from choreo.plan import Plan
from choreo.trace import Asked, Decided, HandedOver, HopStarted


@dataclass(frozen=True)
class Shape:
    """What a spec with lanes is made of."""

    on_failure: str | None
    at_once: int | None
    parallel: int
    size: int
    fork: bool
    loop: bool
    gate: bool
    human: bool
    within: str | None
    """`on_failure` of lanes inside the lanes; None where there are none."""
    handled: bool
    beside: bool
    broken: int
    """Visits fail by the hash of what they get: one in so many; 0 is none."""


shapes = st.builds(
    Shape,
    on_failure=st.sampled_from([None, "stop", "drop", "keep"]),
    at_once=st.sampled_from([None, 1, 2]),
    parallel=st.sampled_from([1, 2, 8]),
    size=st.integers(0, 5),
    fork=st.booleans(),
    loop=st.booleans(),
    gate=st.booleans(),
    human=st.booleans(),
    within=st.sampled_from([None, "stop", "drop"]),
    handled=st.booleans(),
    beside=st.booleans(),
    broken=st.sampled_from([0, 2, 5]),
)


def spec_of(shape: Shape, hops: int | None = None, ahead: Sequence[dict[str, Any]] = ()) -> Plan:
    each = {"each": "out.list", "at_once": shape.at_once, "on_failure": shape.on_failure}
    edges: list[dict[str, Any]] = [{"from": "trigger", "to": "split"}, {"from": "split", "to": "work", **each}]
    last = "work"
    if shape.loop:
        edges.append({"from": "work", "to": "work", "when": "out.n == 0", "at_most": 1})
        edges.append({"from": "work", "to": "next", "otherwise": True})
        last = "next"
    if shape.fork:
        edges += [{"from": last, "to": ["left", "right"]}, {"from": ["left", "right"], "to": "both"}]
        last = "both"
    if shape.within is not None:
        edges.append({"from": last, "to": "part", "each": "[index, 2, 3]", "on_failure": shape.within})
        edges.append({"from": "part", "to": "sum", "gather": True, "pass": {"list": "out", "lost": "size(failures)"}})
        last = "sum"
    if shape.gate:
        edges.append({"from": last, "to": "send", "touchpoint": "gate"})
        last = "send"
    edges.append(
        {"from": last, "to": "total", "gather": True, "pass": {"list": "out", "failures": "failures.map(f, f.index)"}}
    )
    if shape.handled:
        edges.append({"from": "split", "on": "failed", "to": "end", "outcome": "partly", "pass": "{'lost': true}"})
    if shape.beside:
        edges += [{"from": "split", "to": "quick"}, {"from": ["quick", "total"], "to": "end"}]
    else:
        edges.append({"from": "total", "to": "end"})
    return plan_of(
        *ahead,
        *edges,
        touchpoints={"gate": {"when": "payload.n > 1"}} if shape.gate else {},
        roles={"next": HUMAN} if shape.human and shape.loop else {},
        limits={"parallel": shape.parallel, "hops": hops},
    )


def script_of(shape: Shape, answers: list[Any], seed: int) -> Script:
    def output(hop: Any) -> Any:
        told = zlib.crc32(f"{hop.role} {hop.input.data!r} {hop.visit} {hop.scope}".encode())
        if shape.broken and hop.role not in ("split", "total", "quick") and told % shape.broken == 0:
            return "fail:broken"
        return {"n": told % 4, "of": hop.scope, "list": list(range(shape.size)), "ok": True}

    roles = ("split", "work", "next", "left", "right", "both", "part", "sum", "send", "total", "quick")
    fill = [("fill", {"n": 3, "list": [], "of": ""})] * 20
    return Script(dict.fromkeys(roles, output), {"gate": answers, "next": fill}, seed)


decisions = st.lists(st.sampled_from(["approve", ("reject", "no"), ("edit", {"n": 9})]), max_size=8)


@settings(max_examples=250, deadline=None)
@given(shapes, decisions, st.integers(0, 9), st.sampled_from([None, None, 4, 9]))
def test_a_run_stopped_after_every_event_in_its_lanes_ends_as_the_one_that_was_not(
    shape: Shape, answers: list[Any], seed: int, hops: int | None
) -> None:
    plan = spec_of(shape, hops)
    whole = Played(plan, script_of(shape, answers, seed), {"n": 1})
    restarted = Restarted(plan, script_of(shape, answers, seed), {"n": 1})
    assert restarted.events == whole.events
    check_run(whole, shape)


@settings(max_examples=150, deadline=None)
@given(shapes, st.lists(st.integers(0, 1000), min_size=3, max_size=3))
def test_what_comes_of_lanes_does_not_depend_on_the_order_in_which_they_end(shape: Shape, seeds: list[int]) -> None:
    plan = spec_of(shape)
    runs = [Played(plan, script_of(shape, ["approve"] * 20, seed), {"n": 1}) for seed in seeds]
    assert len({run.status for run in runs}) == 1
    assert runs[0].status is not None
    assert all(run.result == runs[0].result for run in runs if run.status == "done")
    if not {"lane_failed", "cancelled"} & {state for run in runs for state in run.states()}:
        visits = [sorted((event.role, event.scope) for event in run.of(HopStarted)) for run in runs]
        assert visits[0] == visits[1] == visits[2]


def check_run(run: Played, shape: Shape) -> None:
    """Every cause is on record, one visit at a time per role and lane, lanes in order, no more of them than may be."""
    handed = {event.number for event in run.of(HandedOver)}
    starts = run.of(HopStarted)
    assert all(start.handoff in handed for start in starts)
    shown = {event.question: event.payload.digest for event in run.of(Asked)}
    assert all(shown[event.question] == event.shown for event in run.of(Decided))
    first: list[str] = []
    for event in run.of(HandedOver):
        lane = event.scope.partition("/")[0]
        if lane and lane not in first:
            first.append(lane)
    assert first == sorted(first)
    if run.status is not None:
        assert not run.position.in_play or run.status != "done"
        assert not run.position.questions or run.status in ("failed", "rejected", "limit")
    if run.status == "done":
        assert (run.position.lanes, run.position.unstarted) == ({}, {})
