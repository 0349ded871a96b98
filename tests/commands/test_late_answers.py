"""An answer that comes when `within` is over is refused, and the run goes on as expired; one given in time counts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import choreo
from choreo.commands.playing import Options
from choreo.commands.review import Flags, review
from choreo.commands.review_many import review_all
from choreo.commands.run import run
from choreo.errors import HELD, WAITING, HeldError
from choreo.gates.base import Answer
from choreo.store import Store
from choreo.trace import Decided

HEAD = """
choreo: 1
name: {name}
version: 1.0.0
trigger: {{accepts: any@^1}}
result: {{emits: any@1.0.0}}
contracts:
  any@1.0.0: {{type: object, required: [n], properties: {{n: {{type: integer}}}}}}
"""
PAYS = """
roles:
  a: {kind: reader, does: one, set: input, emits: any@1.0.0}
  b: {kind: actor, does: pay, service: {python: "work:pay"}, effect: once, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: b, touchpoint: gate}
  - {from: b, to: end}
touchpoints:
  gate: {ask: Good?, within: 400ms}
"""
HUMAN = """
roles:
  b: {kind: actor, does: pay, human: {within: 400ms}, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: b}
  - {from: b, to: end}
"""
OUTER = """
roles:
  part: {kind: reasoner, does: it, spec: inner.yaml, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: part}
  - {from: part, to: end}
"""
APPROVE, REJECT, EDIT = Flags(approve=True), Flags(reject=True, note="no"), Flags(edit="new.json")


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.py").write_text("def pay(x):\n    open('paid', 'a').close()\n    return x\n")
    (tmp_path / "new.json").write_text('{"n": 2}')
    return Options(db=str(tmp_path / "trace.db"), quiet=True, by="ann")


def waits(options: Options, main: str, **specs: str) -> Store:
    """Play a spec until it waits, and let the time for its answer go by."""
    for name, body in {"main": main, **specs}.items():
        Path(f"{name}.yaml").write_text(HEAD.format(name=name) + body)
    assert run("main.yaml", source=None, sets=["n=1"], labels=(), models=(), options=options) == WAITING
    time.sleep(0.45)
    return Store.open(Path(options.db or ""))


def decisions(store: Store, name: str) -> list[tuple[str, str]]:
    found = [event for event in store.history(store.find(name)) if isinstance(event, Decided)]
    return [(one.decision, one.by) for one in found]


@pytest.mark.parametrize("flags", [APPROVE, REJECT, EDIT])
def test_a_late_answer_is_refused_and_the_run_ends_as_expired(
    options: Options, flags: Flags, capsys: pytest.CaptureFixture[str]
) -> None:
    store = waits(options, PAYS)
    with pytest.raises(HeldError, match=r"`gate` of run .* expired at \d{4}-.* UTC: an answer comes too late") as late:
        review("last", flags=flags, options=options)
    assert (late.value.code, late.value.exit_code) == ("expired", HELD)
    assert late.value.help == f"what came of it: choreo trace {store.find('last').id} --db {options.db}"
    assert decisions(store, "last") == [("expired", "choreo")]
    assert (store.find("last").status, Path("paid").exists()) == ("rejected", False)
    assert "rejected [expired]" in capsys.readouterr().err


def test_without_an_answer_it_is_said_that_the_question_expired(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    waits(options, PAYS)
    assert review("last", flags=Flags(), options=options) == WAITING
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("`gate` expired at ")
    assert "choreo resume" in last


def test_the_run_goes_on_by_what_the_spec_says_for_expired(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    on_expired = "  - {from: gate, on: expired, to: end, pass: {n: 7}, outcome: late}\ntouchpoints:"
    store = waits(options, PAYS.replace("touchpoints:", on_expired))
    with pytest.raises(HeldError, match="expired"):
        review("last", flags=APPROVE, options=options)
    assert (store.find("last").status, store.find("last").outcome) == ("done", "late")
    assert json.loads(capsys.readouterr().out) == {"n": 7}


def test_a_form_that_is_filled_in_late_is_refused(options: Options) -> None:
    store = waits(options, HUMAN)
    with pytest.raises(HeldError, match="expired"):
        review("last", flags=EDIT, options=options)
    assert decisions(store, "last") == [("expired", "choreo")]
    assert store.find("last").status != "done"


def test_a_late_answer_in_a_child_run_is_refused_and_the_run_above_goes_on(options: Options) -> None:
    store = waits(options, OUTER, inner=PAYS)
    above = store.find("last").id
    with pytest.raises(HeldError, match="expired"):
        review(f"{above}.1", flags=APPROVE, options=options)
    assert decisions(store, f"{above}.1") == [("expired", "choreo")]
    assert (store.find(f"{above}.1").status, store.find(above).status) == ("rejected", "failed")
    assert not Path("paid").exists()


def test_an_answer_given_in_time_counts_when_it_is_booked_later(options: Options) -> None:
    store = waits(options, PAYS)
    found = store.find("last")
    asked = store.open_questions(found.id)[0]
    store.record_answer(found.id, Decided(asked.at, asked.question, "approve", asked.payload.digest, by="ann"))
    assert choreo.resume("last", db=options.db).status == "done"
    assert (decisions(store, "last"), Path("paid").exists()) == ([("approve", "ann")], True)


def test_working_through_all_questions_asks_nobody_what_has_expired(
    options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = waits(options, PAYS)
    monkeypatch.setattr("choreo.commands.review_many.is_terminal", lambda stream: True)
    assert review_all(options=options) == 0
    assert decisions(store, "last") == [("expired", "choreo")]
    assert "expired at" in capsys.readouterr().err


class Slow:
    """A gate that holds up all else until the time is over."""

    async def ask(self, question: Any, check: Any) -> Answer:
        time.sleep(0.45)
        return Answer("approve", question.payload.digest, by="ann")


def test_a_gate_that_answers_late_has_let_the_question_expire(options: Options) -> None:
    Path("main.yaml").write_text(HEAD.format(name="main") + PAYS)
    played = choreo.run("main.yaml", {"n": 1}, db=options.db, gate=Slow())
    assert (played.status, played.code, Path("paid").exists()) == ("rejected", "expired", False)
