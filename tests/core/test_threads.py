"""`thread`: the turns of a conversation are those in the causal past of a visit, in its lane, in order."""

from __future__ import annotations

from typing import Any

from building import HERE, Played, Script, plan_of, play

from choreo.engine.fold import forget
from choreo.engine.thread import turns
from choreo.spec import HumanPlayer, ModelPlayer


def model(thread: str | None = "talk") -> dict[str, Any]:
    return {"player": ModelPlayer("m", HERE, thread=thread)}


PERSON = {"player": HumanPlayer(HERE, thread="talk")}
TALK = (
    {"from": "trigger", "to": "ask"},
    {"from": "ask", "to": "person", "when": "!out.done"},
    {"from": "ask", "to": "end", "otherwise": True},
    {"from": "person", "to": "ask", "at_most": 400},
)


def said(run: Played, number: int) -> list[tuple[str, Any]]:
    return [(turn.role, turn.output.value) for turn in turns(run.plan, run.position, run.position.hops[number])]


def talk(rounds: int, *, roles: dict[str, Any] | None = None) -> Played:
    plan = plan_of(*TALK, roles=roles or {"ask": model(), "person": PERSON})
    return play(
        plan,
        ask=[{"done": False, "n": n} for n in range(rounds)] + [{"done": True}],
        answers={"person": [("fill", {"yes": n}) for n in range(rounds)]},
    )


def test_each_turn_sees_all_that_were_said_before_it() -> None:
    run = talk(2)
    first, second = {"done": False, "n": 0}, {"done": False, "n": 1}
    assert said(run, 1) == []
    assert said(run, 2) == [("ask", first)]
    assert said(run, 5) == [("ask", first), ("person", {"yes": 0}), ("ask", second), ("person", {"yes": 1})]


def test_another_name_is_another_conversation() -> None:
    run = talk(2, roles={"ask": model("one"), "person": {"player": HumanPlayer(HERE, thread="two")}})
    assert [role for role, _ in said(run, 5)] == ["ask", "ask"]
    assert [role for role, _ in said(run, 4)] == ["person"]


def test_a_role_without_a_thread_takes_no_part() -> None:
    assert said(talk(1, roles={"ask": model(None), "person": PERSON}), 3) == []


def test_what_a_parallel_branch_said_is_not_heard_and_after_the_join_it_is() -> None:
    plan = plan_of(
        {"from": "trigger", "to": ["a", "b"]},
        {"from": "a", "to": "a2"},
        {"from": ["a2", "b"], "to": "c"},
        {"from": "c", "to": "end"},
        roles={name: model() for name in ("a", "a2", "b", "c")},
    )
    for seed in range(6):
        run = play(plan, seed=seed, a={"n": 1}, a2={"n": 2}, b={"n": 3}, c={})
        by_role = {hop.role: hop.number for hop in run.position.hops.values()}
        assert [role for role, _ in said(run, by_role["a2"])] == ["a"]
        assert sorted(role for role, _ in said(run, by_role["c"])) == ["a", "a2", "b"]


def test_a_visit_that_failed_said_nothing() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "a"},
        {"from": "a", "on": "failed", "to": "b"},
        {"from": "b", "to": "end"},
        roles={"a": model(), "b": model()},
    )
    assert said(play(plan, a="fail:broken", b={}), 2) == []


def test_a_long_conversation_is_kept_while_what_nobody_can_name_is_let_go() -> None:
    run = talk(300)
    assert len(said(run, 601)) == 600
    open_run = Played(run.plan, Script({"ask": [{"done": False}]}, {"person": [("fill", {"yes": 1})] * 200}))
    number = open_run.position.last_hop
    before = said(open_run, number)
    forget(run.plan, open_run.position, every=1)
    assert said(open_run, number) == before
    assert len(before) == 401
    assert open_run.again().position.hops.keys() >= open_run.position.hops.keys()


def test_each_lane_has_a_conversation_of_its_own() -> None:
    plan = plan_of(
        {"from": "trigger", "to": "first"},
        {"from": "first", "to": "a", "each": "out.items"},
        {"from": "a", "to": "b"},
        {"from": "b", "to": "last", "gather": True},
        {"from": "last", "to": "end", "pass": {"n": "1"}},
        roles={name: model() for name in ("first", "a", "b", "last")},
    )
    run = play(plan, seed=3, first={"items": [1, 2]}, a=lambda hop: {"of": hop.input.value}, b={"n": 1}, last={})
    heard = {(hop.role, hop.scope): said(run, hop.number) for hop in run.position.hops.values()}
    in_lanes = {scope: turns for (role, scope), turns in heard.items() if role == "b"}
    assert sorted(turns[0][1]["of"] for turns in in_lanes.values()) == [1, 2]
    assert [len(turns) for turns in in_lanes.values()] == [1, 1]
    assert [turns for (role, _), turns in heard.items() if role == "a"] == [[], []]
    assert [role for role, _ in heard["last", ""]] == ["first"]
