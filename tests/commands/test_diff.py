"""`choreo diff`: hop by hop, field by field, what changed from one run to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runners.replaying import CHAIN, Desk, desk_in

from choreo.commands.diff import diff

GATED = CHAIN.replace("{from: b, to: c}", "{from: b, to: c, touchpoint: gate}") + (
    "touchpoints:\n  gate: {ask: Good?, stakes: high}\n"
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk_in(tmp_path, monkeypatch)


def compared(desk: Desk, capsys: pytest.CaptureFixture[str], *, every: bool = False) -> Any:
    first, last = (record.id for record in (desk.store.runs()[-1], desk.record))
    capsys.readouterr()
    code = diff(first, last, every=every, exit_code=True, as_json=True, db=desk.options.db)
    told = json.loads(capsys.readouterr().out)
    assert told["differ"] is (code == 1)
    return told


def shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> list[str]:
    first, last = (record.id for record in (desk.store.runs()[-1], desk.record))
    capsys.readouterr()
    assert diff(first, last, every=False, exit_code=False, as_json=False, db=desk.options.db) == 0
    return capsys.readouterr().out.splitlines()


def test_runs_that_gave_the_same_do_not_differ_whatever_they_cost(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.write(CHAIN)
    desk.run()
    desk.replay()
    told = compared(desk, capsys)
    assert (told["differ"], told["run"], told["hops"], told["decisions"]) == (False, [], [], [])
    assert (told["before"]["cost"], told["after"]["cost"]) == (1.5, 0.0)
    every = compared(desk, capsys, every=True)["hops"]
    assert [(hop["name"], hop["state"], hop["after"]["taken"]) for hop in every] == [
        (role, "same", "reused") for role in "abc"
    ]
    assert shown(desk, capsys)[-1] == "= 3 hops the same"


def test_inputs_and_outputs_are_told_field_by_field(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(CHAIN)
    desk.model.answers = [{"n": 1, "a/b": [1, {"c": 2}]}, {"n": 2, "old": True}, {"n": 3}]
    desk.run()
    desk.model.answers = [{"n": 1, "a/b": [1, {"c": 5}]}, {"n": 2}, {"n": 3}]
    desk.run()
    told = {hop["name"]: hop["changes"] for hop in compared(desk, capsys)["hops"]}
    change = {"pointer": "/a~1b/1/c", "before": 2, "after": 5}
    assert told == {
        "a": [{"part": "output", **change}],
        "b": [{"part": "input", **change}, {"part": "output", "pointer": "/old", "before": True}],
        "c": [{"part": "input", "pointer": "/old", "before": True}],
    }


def test_the_way_it_ended_and_the_trigger_are_compared(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(CHAIN)
    desk.model.answers = [{"n": 1}] * 5 + [{"n": "x"}] * 3
    desk.run("n=1")
    desk.run("n=2")
    told = {
        (one["part"], one["pointer"]): (one.get("before"), one.get("after")) for one in compared(desk, capsys)["run"]
    }
    assert told["trigger", "/n"] == (1, 2)
    assert told["status", ""] == ("done", "failed")
    assert told["code", ""] == (None, "contract-violation")
    assert ("result", "") in told


def test_hops_and_decisions_of_one_run_only_and_who_decided(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(GATED)
    desk.model.answers = [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 1}, {"n": 2}]
    desk.run()
    desk.approve(by="bob")
    desk.run()
    told = compared(desk, capsys)
    assert [(hop["name"], hop["state"]) for hop in told["hops"]] == [("c", "only-before")]
    (gate,) = told["decisions"]
    assert [(one["part"], one.get("before"), one.get("after")) for one in gate["changes"]] == [
        ("decision", "approve", "open"),
        ("by", "bob", None),
        ("reason", "fine", None),
    ]
    lines = shown(desk, capsys)
    assert "~ decision gate" in lines
    assert '    by: "bob" -> (none)' in lines
    assert any(line.startswith("- hop c  (cost 0.5000, ") for line in lines)


def test_visits_are_paired_with_their_like_in_child_runs_too(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    loop = """
    roles:
      a: {kind: reader, does: Read, model: small, accepts: any@^1, emits: any@1.0.0}
    handoffs:
      - {from: trigger, to: a}
      - {from: a, to: a, when: out.n < 3, at_most: 3}
      - {from: a, to: end, otherwise: true}
    """
    desk.write(loop, "below.yaml")
    desk.write(
        """
        roles:
          sub: {kind: researcher, does: Play it, spec: below.yaml, accepts: any@^1, emits: any@1.0.0}
        handoffs:
          - {from: trigger, to: sub}
          - {from: sub, to: end}
        """
    )
    desk.model.answers = [{"n": 1}, {"n": 3}, {"n": 1}, {"n": 2}, {"n": 3}]
    desk.run()
    desk.run()
    told = compared(desk, capsys)["hops"]
    assert [(hop["name"], hop["state"]) for hop in told] == [
        ("sub", "same"),  # at another cost
        ("sub > a, visit 2", "changed"),
        ("sub > a, visit 3", "only-after"),
    ]


def test_another_price_is_shown_but_is_no_difference(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(CHAIN)
    desk.model.answers = [{"n": 1}] * 6
    desk.run()
    desk.model.cost = 0.25
    desk.run()
    told = compared(desk, capsys)
    assert (told["differ"], {hop["state"] for hop in told["hops"]}) == (False, {"same"})
    lines = [line for line in shown(desk, capsys) if line.startswith("$")]
    assert [line.partition(",")[0] for line in lines] == [f"$ hop {role}  (cost 0.5000" for role in "abc"]


def test_what_models_wrote_never_steers_the_terminal(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(CHAIN)
    dark, light = "line\n" * 40 + "\x1b[2J\u202edark", "line\n" * 40 + "\x9blight"
    desk.model.answers = [{"n": 1, "t": dark, "\x1b]8;;": 1}, {"n": 1}, {"n": 1}, {"n": 1, "t": light}, {"n": 1}]
    desk.run()
    desk.run()
    lines = shown(desk, capsys)
    assert "      - \\x1b[2J\\u202edark" in lines
    assert "      + \\x9blight" in lines
    assert not set("".join(lines)) & set("\x1b\x9b\u202e")


def test_of_many_changes_the_first_are_written_out(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(CHAIN)
    desk.model.answers = [{"n": 1, "l": [0] * 50}, {"n": 1}, {"n": 1}, {"n": 1, "l": [1] * 50}, {"n": 1}, {"n": 1}]
    desk.run()
    desk.run()
    lines = shown(desk, capsys)
    assert "    output: 30 more changes (all: --json)" in lines
    assert sum("output /l/" in line for line in lines) == 20
