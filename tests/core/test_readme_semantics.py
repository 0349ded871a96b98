"""Joins, loops and fan-out: each numbered sentence of the README's language reference, played by the pure engine.

A test's docstring is the sentence it owns, word for word, with its number; the last test holds the two sets equal.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import test_readme_lanes
from building import HUMAN, Played, Script, plan_of, play

from choreo.engine.advance import Play, advance
from choreo.trace import HandedOver, HopFinished, HopStarted, TimerFired

README = Path(__file__).parents[2] / "README.md"
SEEDS = range(5)

# Joins


def joined(*more: Any, **settings: Any) -> Any:
    """Two checks side by side, `b` in two hops, joined by `c`."""
    return plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "b", "to": "b2"},
        {"from": ["a", "b2"], "to": "c"},
        {"from": "c", "to": "end"},
        *more,
        **settings,
    )


def echo(hop: Any) -> Any:
    return hop.input.value


def starts(run: Played, role: str) -> list[HopStarted]:
    return [event for event in run.of(HopStarted) if event.role == role]


@pytest.mark.parametrize("seed", SEEDS)
def test_j1(seed: int) -> None:
    """J1. `from: [a, b]` is a join: it fires once, when a source has delivered and no source can still run."""
    run = play(joined(), seed=seed, a={"n": 1}, b={}, b2={"n": 2}, c=echo)
    assert run.visits("c") == [{"a": {"n": 1}, "b2": {"n": 2}}]


def test_j2() -> None:
    """J2. A source can still run while anything in play, queued, delayed or waiting for a person leads to it by
    handoffs, other than through the join's target.
    """
    delayed = plan_of(
        {"from": "trigger", "to": ["a", "b"]}, {"from": "b", "to": "b2", "after": 10.0},
        {"from": ["a", "b2"], "to": "c"}, {"from": "c", "to": "end"},
    )  # fmt: skip
    run = play(delayed, a={"n": 1}, b={}, b2={"n": 2}, c=echo)
    assert run.visits("c") == []
    run.fact(TimerFired(5000.0, min(run.position.delayed)))
    run.go_on()
    assert run.visits("c") == [{"a": {"n": 1}, "b2": {"n": 2}}]
    waiting = play(joined(roles={"b": HUMAN}), a={"n": 1}, b2={"n": 2}, c=echo)
    assert (waiting.visits("c"), len(waiting.position.questions)) == ([], 1)
    looping = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": ["a", "b"], "to": "c"},
        {"from": "c", "to": "a", "when": "visits.c < 2", "at_most": 1},
        {"from": "c", "to": "end", "otherwise": True},
    )
    assert len(play(looping, a={"n": 1}, b={"n": 2}, c=echo).visits("c")) == 2


def test_j3() -> None:
    """J3. `out` is an object with one key for each source; a source that was not chosen, or failed and was handled, is
    null in it.
    """
    chosen = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "trigger", "to": "b", "when": "trigger.both"},
        {"from": ["a", "b"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    assert play(chosen, {"both": False}, a={"n": 1}, c=echo).result == {"a": {"n": 1}, "b": None}
    handled = joined({"from": "b", "on": "failed", "to": "note"})
    assert play(handled, a={"n": 1}, b="fail:broken", note={}, c=echo).result == {"a": {"n": 1}, "b2": None}


def test_j4() -> None:
    """J4. Where no source has delivered, the join does not fire."""
    plan = plan_of(
        {"from": "trigger", "to": "start"},
        {"from": "start", "to": "a", "when": "trigger.n == 1"},
        {"from": "start", "to": "b", "when": "trigger.n == 2"},
        {"from": "start", "to": "end", "otherwise": True},
        {"from": ["a", "b"], "to": "c"},
    )
    run = play(plan, {"n": 3}, start={})
    assert (run.status, run.visits("c")) == ("done", [])


def test_j5() -> None:
    """J5. A source that delivers twice before the join fires counts with its newest output; the older one is recorded
    as `superseded`.
    """
    plan = plan_of(
        {"from": "trigger", "to": ["a", "slow"]},
        {"from": "slow", "to": "slower"},
        {"from": "a", "to": "a", "when": "visits.a < 2", "at_most": 3},
        {"from": ["a", "slower"], "to": "c"},
        {"from": "c", "to": "end"},
    )
    run = play(plan, a=[{"n": 1}, {"n": 2}], slow={}, slower={}, c=echo)
    assert run.result == {"a": {"n": 2}, "slower": {}}
    assert "superseded" in run.states()


def test_j6() -> None:
    """J6. A join that has fired is empty again: in a loop it waits anew, and what does not come again is null."""
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": ["a", "b"], "to": "c"},
        {"from": "c", "to": "a", "when": "visits.c < 2", "at_most": 1},
        {"from": "c", "to": "end", "otherwise": True},
    )
    run = play(plan, a=[{"n": 1}, {"n": 2}], b={"n": 9}, c=echo)
    assert run.visits("c") == [{"a": {"n": 1}, "b": {"n": 9}}, {"a": {"n": 2}, "b": None}]


@pytest.mark.parametrize("seed", SEEDS)
def test_j7(seed: int) -> None:
    """J7. A `when` of a join is evaluated when it fires, once, with all of `out`."""
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": ["a", "b"], "to": "more", "when": "out.a.n + out.b.n > 2"},
        {"from": ["a", "b"], "to": "less", "otherwise": True},
        {"from": {"any": ["more", "less"]}, "to": "end"},
    )
    run = play(plan, seed=seed, a={"n": 1}, b={"n": 2}, more={"more": True}, less={})
    assert (run.result, run.visits("less")) == ({"more": True}, [])


@pytest.mark.parametrize("seed", SEEDS)
def test_j8(seed: int) -> None:
    """J8. `from: {any: [a, b]}` is no join: each source hands over on its own, in its own order of handoffs, and they
    share one `at_most`.
    """
    handoffs = ({"from": "trigger", "to": ["a", "b"]}, {"from": "c", "to": "end", "when": "visits.c == 2"})
    run = play(plan_of(*handoffs, {"from": {"any": ["a", "b"]}, "to": "c"}), seed=seed, a={"n": 1}, b={"n": 2}, c=echo)
    assert sorted(value["n"] for value in run.visits("c")) == [1, 2]
    shared = plan_of(
        handoffs[0],
        {"from": {"any": ["a", "b"]}, "to": "c", "at_most": 1},
        {"from": {"any": ["a", "b"]}, "on": "exhausted", "to": "d"},
        {"from": "c", "to": "end"},
    )
    run = play(shared, seed=seed, a={}, b={}, c={}, d={})
    assert (len(run.visits("c")), len(run.visits("d"))) == (1, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_j9(seed: int) -> None:
    """J9. Two arrivals at one role are two visits, played one after the other."""
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": {"any": ["a", "b"]}, "to": "c"},
        {"from": "c", "to": "end", "when": "visits.c == 2"},
    )
    run = play(plan, seed=seed, a={"n": 1}, b={"n": 2}, c=echo)
    first, second = starts(run, "c")
    ended = next(event for event in run.of(HopFinished) if event.hop == first.hop)
    assert run.events.index(first) < run.events.index(ended) < run.events.index(second)


# Loops

LOOP = (
    {"from": "trigger", "to": "draft"},
    {"from": "draft", "to": "review"},
    {"from": "review", "to": "draft", "when": "!out.ok", "revise": True, "at_most": 2},
    {"from": "review", "to": "end", "otherwise": True, "pass": "draft"},
)
NEVER_OK = {"draft": {"text": "x"}, "review": {"ok": False}}


def test_l1() -> None:
    """L1. Every loop has a handoff with `at_most: n`; it fires at most n times in a run (in lanes: in each)."""
    assert len(play(plan_of(*LOOP), **NEVER_OK).visits("draft")) == 1 + 2
    lanes = plan_of(
        {"from": "trigger", "to": "work", "each": "trigger.list"},
        {"from": "work", "to": "work", "at_most": 1},
        {"from": "work", "on": "exhausted", "to": "last"},
        {"from": "last", "to": "end", "gather": True},
    )
    assert len(play(lanes, {"list": [1, 2, 3]}, work={}, last={}).visits("work")) == 3 * 2


def test_l2() -> None:
    """L2. Chosen, but used up, it does not fire, no other handoff takes its place, and its source gives the event
    `exhausted`.
    """
    plan = plan_of(*LOOP, {"from": "review", "on": "exhausted", "to": "end", "outcome": "gave_up", "pass": "draft"})
    run = play(plan, **NEVER_OK)
    assert (run.status, run.end.outcome, run.result) == ("done", "gave_up", {"text": "x"})
    sibling = plan_of(*LOOP[:3], {"from": "review", "to": "sibling", "when": "true"}, {"from": "sibling", "to": "end"})
    assert play(sibling, **NEVER_OK).visits("sibling") == []


def test_l3() -> None:
    """L3. `exhausted` without a handoff `on: exhausted` fails the run, with exit code 8."""
    from choreo.api.parts import exit_code

    run = play(plan_of(*LOOP), **NEVER_OK)
    assert (run.status, run.end.code, exit_code(run.end)) == ("failed", "exhausted", 8)


def test_l4() -> None:
    """L4. Every visit is a hop of its own; a role's name stands for its newest visit on the way here, and
    `visits.ROLE` counts them.
    """
    plan = plan_of(
        *LOOP[:3], {"from": "review", "to": "end", "otherwise": True, "pass": {"v": "draft.v", "n": "visits.draft"}}
    )
    run = play(plan, draft=[{"v": "one"}, {"v": "two"}], review=[{"ok": False}, {"ok": True}])
    assert [event.hop for event in starts(run, "draft")] == [1, 3]
    assert run.result == {"v": "two", "n": 2}


def test_l5() -> None:
    """L5. `revise: true` plays the target again on the input it had, byte for byte, with its own output as `previous`
    and this handoff's payload as `feedback`.
    """
    run = play(
        plan_of(*LOOP), {"task": 7}, draft=[{"v": 1}, {"v": 2}], review=[{"ok": False, "say": "no"}, {"ok": True}]
    )
    first, second = starts(run, "draft")
    assert (second.input.data, second.previous.value) == (first.input.data, {"v": 1})
    assert second.feedback.value == {"ok": False, "say": "no"}


def test_l6() -> None:
    """L6. Without `revise` the target gets a new input, as any receiver does."""
    plain = {key: value for key, value in LOOP[2].items() if key != "revise"}
    run = play(plan_of(*LOOP[:2], plain, LOOP[3]), {"task": 7}, draft={}, review=[{"ok": False}, {"ok": True}])
    assert run.visits("draft") == [{"task": 7}, {"ok": False}]
    assert [event.feedback for event in starts(run, "draft")] == [None, None]


def test_l7() -> None:
    """L7. A rejection at a touchpoint can be handed back the same way: `on: rejected`, with the person's reason in
    `out.reason`.
    """
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "to": "b", "touchpoint": "gate"},
        {"from": "gate", "on": "rejected", "to": "a", "revise": True, "at_most": 1, "pass": {"why": "out.reason"}},
        {"from": "b", "to": "end"},
        touchpoints={"gate": {}},
    )
    run = play(plan, a=[{"n": 1}, {"n": 2}], b=echo, answers={"gate": [("reject", "again"), "approve"]})
    assert (starts(run, "a")[1].feedback.value, run.result) == ({"why": "again"}, {"n": 2})


# Fan-out


def test_f1() -> None:
    """F1. Of the handoffs of one source, all without a condition fire; of those with `when`, in file order, the first
    that is true; those with `also: true` on their own; `otherwise` where no `when` was true.
    """

    def roles(n: int) -> set[str]:
        plan = plan_of(
            {"from": "trigger", "to": "a"},
            {"from": "a", "to": "always"},
            {"from": "a", "to": "first", "when": "out.n > 1"},
            {"from": "a", "to": "second", "when": "out.n > 0"},
            {"from": "a", "to": "as_well", "when": "out.n > 0", "also": True},
            {"from": "a", "to": "rest", "otherwise": True},
        )
        return {event.role for event in play(plan, a={"n": n}).of(HopStarted)} - {"a"}

    assert roles(2) == {"always", "first", "as_well"}
    assert roles(1) == {"always", "second", "as_well"}
    assert roles(0) == {"always", "rest"}


def test_f2() -> None:
    """F2. `to: [a, b]` hands the same payload to each; they play side by side, `limits.parallel` at a time."""
    for parallel, most in ((8, 3), (2, 2)):
        plan = plan_of({"from": "trigger", "to": ["a", "b", "c"]}, limits={"parallel": parallel})
        run = Played(plan, Script({}), {"x": 1}, stop_after=0)
        assert sum(isinstance(action, Play) for action in advance(plan, run.position)) == most
        run.go_on()
        assert [run.visits(role) for role in "abc"] == [[{"x": 1}]] * 3


def test_f3() -> None:
    """F3. `pick: EXPR` gives the names out of `to` that receive; a name that is not in `to` picks nothing."""
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b", "c"], "pick": "trigger.who"}, {"from": ["a", "b", "c"], "to": "end"}
    )
    run = play(plan, {"who": ["c", "a", "nobody"]}, a={"n": 1}, c={"n": 3})
    assert run.result == {"a": {"n": 1}, "b": None, "c": {"n": 3}}


@pytest.mark.parametrize("seed", SEEDS)
def test_f4(seed: int) -> None:
    """F4. A branch does not see what another one beside it did, whoever was faster: a name means what lies on the way
    here.
    """
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "a", "to": "c", "pass": {"other": "b", "own": "a.n"}},
        {"from": "c", "to": "end"},
    )
    assert play(plan, seed=seed, a={"n": 1}, b={"n": 2}, c=echo).result == {"other": None, "own": 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_f5(seed: int) -> None:
    """F5. When a branch has reached `end`, the others play to rest before the run is done; a second arrival at `end`
    fails it, and both results are kept.
    """
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "a", "to": "end"},
        {"from": "b", "to": "end", "when": "out.n > 1"},
    )
    run = play(plan, seed=seed, a={}, b={"n": 1})
    assert (run.status, len(run.of(HopFinished))) == ("done", 2)
    twice = play(plan, seed=seed, a={"first": 1}, b={"n": 2})
    assert (twice.status, twice.end.code) == ("failed", "two-results")
    arrived = [event.payload.value for event in twice.of(HandedOver) if event.target == "end"]
    assert sorted(map(str, arrived)) == sorted(map(str, [{"first": 1}, {"n": 2}]))


def sentences(text: str) -> dict[str, str]:
    """Number to sentence: the list items that begin with one, their lines joined."""
    found = re.findall(r"^- ([JLF]\d+)\. (.+(?:\n  .+)*)$", text, re.MULTILINE)
    return {number: " ".join(sentence.split()) for number, sentence in found}


def owned() -> dict[str, Any]:
    """Each sentence's number to the test that has its name."""
    modules = (sys.modules[__name__], test_readme_lanes)
    tests = [found for module in modules for found in inspect.getmembers(module, inspect.isfunction)]
    return {name[5:].upper(): test for name, test in tests if re.fullmatch(r"test_[jlf]\d+", name)}


def test_every_numbered_sentence_of_the_readme_has_a_test_and_every_test_its_sentence() -> None:
    quoted = dict(" ".join((inspect.getdoc(test) or "").split()).split(". ", 1) for test in owned().values())
    assert sentences(README.read_text(encoding="utf-8")) == quoted
    assert set(owned()) == set(quoted)
