"""Fan-out over a list: the numbered sentences of the README about `each` and `gather`, played by the pure engine.

As in test_readme_semantics.py, which holds sentences and tests together, a test's docstring is the sentence it owns.
"""

from __future__ import annotations

from typing import Any

import pytest
from building import Played, Script, plan_of, play

from choreo.engine.advance import Cancel, Play, advance
from choreo.trace import Asked, HopFinished, HopStarted

SEEDS = range(5)


def echo(hop: Any) -> Any:
    return hop.input.value


def starts(run: Played, role: str) -> list[HopStarted]:
    return [event for event in run.of(HopStarted) if event.role == role]


EACH = (
    {"from": "trigger", "to": "work", "each": "trigger.list"},
    {"from": "work", "to": "total", "gather": True, "pass": {"list": "out", "failures": "failures"}},
    {"from": "total", "to": "end"},
)


def lanes(*more: Any, limits: Any = None, **each: Any) -> Any:
    return plan_of({**EACH[0], **each}, *EACH[1:], *more, limits=limits)


def numbered(hop: Any) -> Any:
    return {"n": hop.input.value}


def two_fails(hop: Any) -> Any:
    return "fail:broken" if hop.input.value == 2 else numbered(hop)


def test_f6() -> None:
    """F6. `each: EXPR` is evaluated once and makes a lane for every element of its list; what is not a list is a
    failure of the source.
    """
    run = play(lanes(), {"list": [3, 4]}, work=numbered, total=echo)
    assert [event.scope for event in starts(run, "work")] == ["work[0]", "work[1]"]
    bad = plan_of({"from": "trigger", "to": "a"}, {**EACH[0], "from": "a"}, *EACH[1:])
    run = play(bad, {"list": "no"}, a={})
    assert (run.status, run.end.code, run.visits("work")) == ("failed", "not-a-list", [])


def test_f7() -> None:
    """F7. Without a `pass` a lane gets its element; in the handoff with `each` and in the lane, `item` and `index` are
    the element and its place.
    """
    assert play(lanes(), {"list": ["x", "y"]}, work=numbered, total=echo).visits("work") == ["x", "y"]
    plan = plan_of(
        {**EACH[0], "pass": {"it": "item", "at": "index"}},
        {"from": "work", "to": "check", "pass": {"it": "item", "at": "index", "own": "work"}},
        {**EACH[1], "from": "check"},
        EACH[2],
    )
    run = play(plan, {"list": ["x", "y"]}, work={}, check={}, total={})
    assert run.visits("work") == [{"it": "x", "at": 0}, {"it": "y", "at": 1}]
    checked = sorted(run.visits("check"), key=lambda given: given["at"])
    assert checked == [{"it": "x", "at": 0, "own": {}}, {"it": "y", "at": 1, "own": {}}]


@pytest.mark.parametrize(("at_once", "parallel", "most"), [(2, 8, 2), (None, 3, 3)])
def test_f8(at_once: Any, parallel: int, most: int) -> None:
    """F8. At most `at_once` lanes and `limits.parallel` hops are in play; lanes start in the order of the list."""
    plan = lanes(at_once=at_once, limits={"parallel": parallel})
    run = Played(plan, Script({"work": numbered, "total": {}}), {"list": list(range(9))}, stop_after=0)
    seen = set()
    while run.status is None:
        seen.add(sum(isinstance(action, Play) for action in advance(plan, run.position)))
        run.go_on(stop_after=1)
    assert max(seen) == most
    assert run.visits("work") == list(range(9))


@pytest.mark.parametrize("seed", SEEDS)
def test_f9(seed: int) -> None:
    """F9. A lane sees its own visits and those before it, never those of another lane; `at_most`, joins and
    touchpoints in it are its own.
    """
    plan = plan_of(
        {"from": "trigger", "to": "before"},
        {"from": "before", "to": ["a", "b"], "each": "trigger.list"},
        {"from": ["a", "b"], "to": "both", "touchpoint": "gate"},
        {"from": "both", "to": "end", "gather": True, "pass": {"list": "out", "before": "before", "a": "a"}},
        touchpoints={"gate": {"when": "item == 2"}},
    )
    run = play(
        plan, {"list": [1, 2]}, seed, answers={"gate": ["approve"]},
        before={"b": 0}, a=numbered, b=lambda hop: {"lane": hop.scope}, both=echo,
    )  # fmt: skip
    both = [{"a": {"n": n}, "b": {"lane": f"a[{n - 1}]"}} for n in (1, 2)]
    assert run.result == {"list": both, "before": {"b": 0}, "a": None}
    assert len(run.of(Asked)) == 2


@pytest.mark.parametrize("seed", SEEDS)
def test_f10(seed: int) -> None:
    """F10. `gather: true` fires once, when all lanes are at rest; `out` is the list of what they gave, in the order of
    the elements; an empty list gathers at once. Where a lane comes to it more than once (`from: {any: [...]}`), the
    last counts.
    """
    run = play(lanes(), {"list": list(range(6))}, seed, work=numbered, total=echo)
    assert run.visits("total") == [{"list": [{"n": n} for n in range(6)], "failures": []}]
    empty = play(lanes(), {"list": []}, seed, total=echo)
    assert (empty.visits("work"), empty.result) == ([], {"list": [], "failures": []})
    twice = plan_of(
        EACH[0],
        {"from": "work", "to": "check"},
        {"from": {"any": ["work", "check"]}, "to": "total", "gather": True},
        EACH[2],
    )
    run = play(twice, {"list": [1, 2]}, seed, work=numbered, check={"last": True}, total=echo)
    assert run.visits("total") == [[{"last": True}] * 2]


def test_f11() -> None:
    """F11. A lane ends at a `gather` handoff, or at a role that hands over to nobody; there its place in the list is
    null.
    """
    plan = plan_of(
        EACH[0],
        {"from": "work", "to": "check", "when": "out.n > 1"},
        {"from": "work", "to": "note", "otherwise": True},
        {**EACH[1], "from": "check"},
        EACH[2],
    )
    run = play(plan, {"list": [1, 2]}, work=numbered, check=echo, note={}, total=echo)
    assert run.result["list"] == [None, {"n": 2}]


@pytest.mark.parametrize("seed", SEEDS)
def test_f12(seed: int) -> None:
    """F12. A failed lane: `on_failure: stop` (the default) cancels the others and is a failure of the source; `drop`
    leaves it out, `keep` puts null in its place, and `failures` tells of both.
    """
    failures = [{"index": 1, "item": 2, "reason": "broken: work: as scripted"}]
    for how, given in (("drop", [{"n": 1}, {"n": 3}]), ("keep", [{"n": 1}, None, {"n": 3}])):
        run = play(lanes(on_failure=how), {"list": [1, 2, 3]}, seed, work=two_fails, total=echo)
        assert run.result == {"list": given, "failures": failures}
    stop = plan_of(
        {"from": "trigger", "to": "a"}, {**EACH[0], "from": "a"}, *EACH[1:],
        {"from": "a", "on": "failed", "to": "end", "outcome": "partly", "pass": "out.code"},
    )  # fmt: skip
    run = play(stop, {"list": [1, 2, 3]}, seed, a={}, work=two_fails)
    assert (run.end.outcome, run.result, run.visits("total")) == ("partly", "broken", [])
    begun = Played(stop, Script({"a": {}}), {"list": [2, 1]}, stop_after=1)
    first, second = starts(begun, "work")
    begun.fact(HopFinished(5000.0, first.hop, "failed", code="broken", cost=0.0))
    assert [action.hop.number for action in advance(stop, begun.position) if isinstance(action, Cancel)] == [second.hop]


def test_f13() -> None:
    """F13. Lanes may open lanes of their own; the inner ones are gathered first."""
    plan = plan_of(
        {"from": "trigger", "to": "outer", "each": "trigger.list"},
        {"from": "outer", "to": "inner", "each": "out.n"},
        {"from": "inner", "to": "sum", "gather": True},
        {**EACH[1], "from": "sum"},
        EACH[2],
    )
    run = play(plan, {"list": [[1, 2], []]}, outer=numbered, inner=numbered, sum=echo, total=echo)
    assert run.result["list"] == [[{"n": 1}, {"n": 2}], []]
