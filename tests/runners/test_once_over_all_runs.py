"""`trigger.once_per` and an effect's `key`: what may happen once over all runs, whoever is quicker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.relay import environment

import choreo
from choreo.commands.playing import Options
from choreo.commands.review import Flags, review
from choreo.commands.run import run
from choreo.gates.script import ScriptGate
from choreo.store import Store
from choreo.store.records import RunRecord
from choreo.trace import Asked, Decided, EffectKey, HopFinished

SPEC = """
choreo: 1
name: pays
version: 1.0.0
trigger: {accepts: order@^1%s}
result: {emits: order@1.0.0}
contracts:
  order@1.0.0:
    type: object
    required: [n]
    properties: {order: {type: string}, n: {type: integer}, by: {type: string}}
roles:
  pay: {kind: actor, does: Pay, service: {python: "desk:pay"}, accepts: order@^1, emits: order@1.0.0, effect: once%s}
handoffs:
  - {from: trigger, to: pay}
  - {from: pay, to: end}
"""
PAY = """
import time

def pay(given):
    with open("paid", "a") as file:
        file.write(given.get("order", "?") + "\\n")
    time.sleep(0.05 if given["n"] else 0)
    if given["n"] == 13:
        raise ValueError("no money left")
    return "paid" if given["n"] == 7 else {**given, "by": "pay"}
"""


class Desk:
    """Plays the spec in this process, in a folder of its own."""

    def __init__(self, folder: Path, once_per: str = "", key: str = "") -> None:
        self.folder = folder
        text = SPEC % (f", once_per: {once_per}" if once_per else "", f", key: {key}" if key else "")
        (folder / "pays.yaml").write_text(text)
        (folder / "desk.py").write_text(PAY)
        self.options = Options(db=str(folder / "trace.db"), as_json=True, quiet=True)

    def run(self, **payload: Any) -> int:
        sets = [f"{name}={value}" for name, value in payload.items()]
        return run("pays.yaml", source=None, sets=sets, labels=(), models=(), options=self.options)

    @property
    def paid(self) -> list[str]:
        path = self.folder / "paid"
        return path.read_text().split() if path.exists() else []

    def events(self, kind: type) -> list[list[Any]]:
        """By run, oldest first."""
        store = Store.read(Path(self.options.db or ""))
        found = [[event for event in store.history(one) if isinstance(event, kind)] for one in store.runs()]
        store.close()
        return found[::-1]

    def statuses(self) -> list[str]:
        return [one.status for one in self.runs()]

    def ids(self) -> list[str]:
        return [one.id for one in self.runs()]

    def runs(self) -> list[RunRecord]:
        """Oldest first."""
        store = Store.read(Path(self.options.db or ""))
        found = store.runs()
        store.close()
        return found[::-1]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return lambda **more: Desk(tmp_path, **more)


def told(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_of_two_triggers_with_one_key_one_is_played_and_both_give_its_result(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    here = desk(once_per="trigger.order")
    assert [here.run(order="a", n=1), here.run(order="a", n=2), here.run(order="b", n=1)] == [0, 0, 0]
    first, second, third = told(capsys)
    assert (second["status"], second["duplicate_of"], second["result"]) == ("duplicate", first["run"], first["result"])
    assert (here.paid, here.statuses()) == (["a", "b"], ["done", "duplicate", "done"])
    assert third["status"] == "done"


def test_a_duplicate_of_a_run_that_failed_plays_nothing_and_gives_its_code(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    here = desk(once_per="trigger.order")
    assert [here.run(order="a", n=13), here.run(order="a", n=1)] == [1, 1]
    assert (here.paid, told(capsys)[1]["first"]) == (["a"], "failed")


def test_a_key_that_is_null_fails_the_run_because_it_tells_this_from_nothing_else(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    here = desk(once_per="trigger.order")
    assert [here.run(n=1), here.run(n=1)] == [1, 1]
    assert [one["code"] for one in told(capsys)] == ["once-per-error"] * 2
    assert here.paid == []


def test_a_refused_payload_claims_no_key(desk: Any) -> None:
    here = desk(once_per="trigger.order")
    (here.folder / "bad.json").write_text('{"order": "a", "n": "one"}')
    assert run("pays.yaml", source="bad.json", sets=(), labels=(), models=(), options=here.options) == 1
    assert here.run(order="a", n=1) == 0
    assert here.statuses() == ["refused", "done"]


def test_an_effect_with_a_key_happens_once_and_later_runs_take_its_receipt(desk: Any) -> None:
    here = desk(key="input.order")
    assert [here.run(order="a", n=1), here.run(order="a", n=2)] == [0, 0]
    assert here.paid == ["a"]
    (first,), (second,) = here.events(EffectKey)
    assert (first.run, second.earlier, second.over) == ("", first.hop, False)
    (receipt,), (taken,) = here.events(HopFinished)
    assert (taken.status, taken.output) == ("done", receipt.output)


def test_an_effect_that_failed_may_be_done_by_a_later_run(desk: Any) -> None:
    here = desk(key="input.order")
    assert [here.run(order="a", n=13), here.run(order="a", n=1), here.run(order="a", n=2)] == [1, 0, 0]
    assert here.paid == ["a", "a"]
    assert [keys[0].over for keys in here.events(EffectKey)] == [False, True, False]


def test_a_key_that_cannot_be_told_fails_the_hop_before_the_effect(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    here = desk(key="input.order + 'x'")
    assert here.run(n=1) == 1
    assert (told(capsys)[0]["code"], here.paid) == ("key-error", [])


def test_a_long_key_is_kept_as_its_digest(desk: Any) -> None:
    here = desk(key="input.order")
    assert [here.run(order="a" * 300, n=0), here.run(order="a" * 300, n=0)] == [0, 0]
    assert [keys[0].key[:7] for keys in here.events(EffectKey)] == ["sha256:"] * 2
    assert len(here.paid) == 1


RACE = """
import os, sys
from choreo.commands.playing import Options
from choreo.commands.run import run
import choreo.lint.rules, choreo.players.python_service, choreo.store
from choreo.verify import the_checker

the_checker()
gate, go = os.pipe()
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(gate, 1)
        sys.stdout = open(f"out{number}", "w")
        options = Options(db="trace.db", as_json=True, quiet=True)
        code = run("pays.yaml", source=None, sets=["order=a", f"n={number + 1}"], labels=(), models=(), options=options)
        sys.stdout.flush()
        os._exit(code)
    children.append(child)
os.close(go)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
sys.exit(codes != [0, 0, 0, 0])
"""


@pytest.mark.parametrize("word", ["once_per", "key"])
def test_of_four_processes_at_the_same_moment_one_acts_and_all_give_its_receipt(desk: Any, word: str) -> None:
    here = desk(**{word: "trigger.order"})
    done = subprocess.run(
        [sys.executable, "-c", RACE], cwd=here.folder, env=environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    outs = [json.loads((here.folder / f"out{number}").read_text() or "{}") for number in range(4)]
    assert here.paid == ["a"], done.stderr
    if word == "key":
        assert done.returncode == 0, done.stderr
        assert len({json.dumps(out["result"], sort_keys=True) for out in outs}) == 1
    else:
        assert sorted(here.statuses()) == ["done", "duplicate", "duplicate", "duplicate"]


def test_an_effect_whose_result_cannot_be_used_is_in_doubt_and_keeps_its_key(desk: Any) -> None:
    here = desk(key="input.order")
    assert [here.run(order="a", n=7), here.run(order="a", n=1)] == [4, 4]
    assert here.paid == ["a"]
    (first,), (second,) = here.events(Asked)
    assert first.why.startswith("the effect was done, and its result cannot be used: ")
    assert "it is not on record whether it happened" in second.why


def test_a_receipt_that_a_person_gives_to_one_run_is_taken_by_all_that_ask_for_it(desk: Any) -> None:
    here = desk(key="input.order")
    assert [here.run(order="a", n=7), here.run(order="a", n=1)] == [4, 4]
    (here.folder / "receipt.json").write_text('{"n": 70, "order": "a", "by": "hand"}')
    assert review("last", flags=Flags(edit=str(here.folder / "receipt.json"), note="seen"), options=here.options) == 0
    assert choreo.resume(here.ids()[0], db=here.options.db).status == "done"
    assert here.run(order="a", n=2) == 0
    assert (here.statuses(), here.paid) == (["done"] * 3, ["a"])
    assert {ends[-1].output.value["by"] for ends in here.events(HopFinished)} == {"hand"}
    told = here.events(Decided)[0][-1]
    assert (told.decision, told.by, told.reason[:4]) == ("done", "choreo", "hop ")


def test_an_effect_that_is_done_again_in_one_run_is_not_done_once_more_in_the_other(desk: Any) -> None:
    here = desk(key="input.order")
    assert [here.run(order="a", n=7), here.run(order="a", n=1)] == [4, 4]
    gate = ScriptGate({"pay": ["redo"]})
    assert choreo.resume("last", db=here.options.db, gate=gate).status == "done"
    assert here.paid == ["a", "a"]
    assert choreo.resume(here.ids()[0], db=here.options.db).status == "done"
    assert (here.statuses(), here.paid) == (["done", "done"], ["a", "a"])
