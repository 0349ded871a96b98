"""Random small specs in random orders: a run rebuilt from its events alone goes on as if it had never stopped."""

from __future__ import annotations

from typing import Any

from building import HUMAN, Played, Script, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo.engine.advance import Ask, Finish, Play, advance
from choreo.plan import Plan
from choreo.trace import Asked, Decided, HandedOver, HopFinished, HopStarted

ROLES = ("a", "b", "c", "d", "e")
CONDITIONS = ("out.n > 1", "out.ok", "visits.a < 2", "trigger.n == 1", "a == null || a.n > 0")


@st.composite
def handoffs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A handoff list that is well formed: every cycle is bounded, one event never fires two joins of one name."""
    made: list[dict[str, Any]] = [{"from": "trigger", "to": draw(st.sampled_from(["a", ["a", "b"], ["a", "b", "c"]]))}]
    for place, source in enumerate(ROLES):
        for _ in range(draw(st.integers(0, 2))):
            target = draw(st.sampled_from([*ROLES, "end"]))
            entry: dict[str, Any] = {"from": source, "to": target}
            if draw(st.booleans()):
                entry["when"] = draw(st.sampled_from(CONDITIONS))
                entry["also"] = draw(st.booleans())
            if target != "end" and ROLES.index(target) <= place:
                entry["at_most"] = draw(st.integers(1, 2))
                entry["revise"] = target == "a" and draw(st.booleans())
            if draw(st.integers(0, 3)) == 0:
                entry["after"] = 5.0
            if target == "e" and draw(st.booleans()):
                entry["touchpoint"] = "gate"
            made.append(entry)
        if draw(st.booleans()):
            made.append({"from": source, "to": "end", "on": draw(st.sampled_from(["failed", "exhausted", "timeout"]))})
    if draw(st.booleans()):
        made.append(
            {
                "from": draw(st.sampled_from([["a", "b"], ["b", "c"], ["a", "d"]])),
                "to": draw(st.sampled_from(["e", "end"])),
            }
        )
    if draw(st.booleans()):
        made.append({"from": "gate", "on": "rejected", "to": "d", "at_most": 2})
        made.append({"from": "trigger", "to": "e", "touchpoint": "gate"})
    return made


outputs = st.dictionaries(
    st.sampled_from(ROLES),
    st.lists(
        st.one_of(
            st.just("fail:broken"),
            st.just("fail:timeout"),
            st.builds(lambda n, ok: {"n": n, "ok": ok}, st.integers(0, 3), st.booleans()),
        ),
        min_size=1,
        max_size=3,
    ),
)
answers = st.lists(st.sampled_from(["approve", ("reject", "no"), ("edit", {"n": 9, "ok": True})]), max_size=6)


class Restarted(Played):
    """A run whose process ends after every transaction: each step starts from the events alone."""

    def fact(self, event: Any) -> None:
        super().fact(event)
        before = described(self.plan, self)
        self.position = self.again().position
        assert described(self.plan, self) == before


def described(plan: Plan, run: Played) -> list[Any]:
    found: list[Any] = []
    for action in advance(plan, run.position):
        if isinstance(action, Play):
            hop = action.hop
            found.append(("play", hop.number, hop.role, hop.visit, hop.input, hop.previous, hop.feedback, hop.past))
        elif isinstance(action, Ask):
            found.append(("ask", action.question.asked))
        elif isinstance(action, Finish):
            found.append(("finish", action.event))
    return found


@settings(max_examples=300, deadline=None)
@given(handoffs(), outputs, answers, st.integers(0, 9), st.booleans(), st.sampled_from([None, 3, 6]))
def test_a_run_stopped_after_every_event_ends_as_the_one_that_was_not(
    edges: list[dict[str, Any]], given: dict[str, Any], decisions: list[Any], seed: int, human: bool, hops: int | None
) -> None:
    gates: dict[str, dict[str, Any]] = {"gate": {"when": "payload.n > 1"} if seed % 2 else {}}
    plan = plan_of(
        *edges, touchpoints=gates, roles={"c": HUMAN} if human else {}, limits={"hops": hops, "parallel": 1 + seed % 3}
    )
    named = {name for edge in plan.edges for name in (*edge.sources, *edge.handoff.targets)}
    defaults = {role: [{"n": 1, "ok": True}] for role in ROLES if role in named}
    answers = {"gate": decisions, "c": [("fill", {"n": 2, "ok": False})] * 4}
    script = Script({**defaults, **given}, answers, seed, timers=True)
    whole, restarted = Played(plan, script, {"n": 1}), Restarted(plan, script, {"n": 1})
    assert restarted.events == whole.events
    check_invariants(whole)


def check_invariants(run: Played) -> None:
    """No hop without a cause, no decision without what was shown, no hop twice, one visit at a time per role."""
    handed = {event.number for event in run.of(HandedOver)}
    starts = run.of(HopStarted)
    assert all(start.handoff in handed for start in starts)
    assert len({start.hop for start in starts}) == len(starts)
    asked = {event.question: event.payload.digest for event in run.of(Asked)}
    assert all(asked[event.question] == event.shown for event in run.of(Decided))
    playing: dict[str, int] = {}
    for event in run.events:
        if isinstance(event, HopStarted):
            assert event.role not in playing.values()
            playing[event.hop] = event.role  # type: ignore[index, assignment]
        elif isinstance(event, HopFinished):
            playing.pop(event.hop, None)  # type: ignore[call-overload]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 50), outputs)
def test_the_order_in_which_parallel_hops_end_does_not_change_the_result(seed: int, given: dict[str, Any]) -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b", "c"]},
        {"from": "a", "to": "d"},
        {"from": "b", "on": "failed", "to": "b_note"},
        {"from": "c", "on": "failed", "to": "c_note"},
        {"from": ["d", "b", "c"], "to": "e"},
        {"from": "e", "to": "end", "pass": {"d": "d", "b": "b", "joined": "out"}},
    )
    plain = {role: [{"n": 1, "ok": True}] for role in (*ROLES, "b_note", "c_note")}
    fixed = {**plain, **{role: values[:1] for role, values in given.items() if role in ("b", "c")}}
    fixed = {role: ["fail:broken"] if values == ["fail:timeout"] else values for role, values in fixed.items()}
    first, other = Played(plan, Script(fixed, {}, 0)), Played(plan, Script(fixed, {}, seed))
    assert (first.status, first.result) == (other.status, other.result) == ("done", first.result)
