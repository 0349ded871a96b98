"""The Python API as a caller meets it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import warnings

import pytest

import choreo
from choreo.commands.trace import runs
from choreo.errors import SpecErrors, UsageError
from choreo.gates.base import Answer
from choreo.store import driver

SPEC = """
choreo: 1
name: doubled
version: 1.0.0
trigger: {accepts: number@^1}
result: {emits: number@1.0.0}
contracts:
  number@1.0.0: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
roles:
  twice: {kind: reasoner, set: {n: input.n * 2}, emits: number@1.0.0}
touchpoints:
  look: {ask: "Is {{ payload.n }} right?", when: "payload.n > 10"}
handoffs:
  - {from: trigger, to: twice}
  - {from: twice, to: end, touchpoint: look}
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


class Yes:
    """A gate that approves."""

    async def ask(self, question, check):
        return Answer("approve", question.payload.digest, by="ann")


def test_a_run_is_played_and_read_back(spec, tmp_path):
    loaded = choreo.load(spec)
    played = choreo.run(loaded, {"n": 3}, db=tmp_path / "t.db", labels={"who": "test"})
    assert (played.status, played.result, played.exit_code) == ("done", {"n": 6}, 0)
    [hop] = played.hops
    assert (hop.role, hop.input, hop.output, hop.status, hop.cost) == ("twice", {"n": 3}, {"n": 6}, "done", 0.0)
    assert choreo.find("last", db=tmp_path / "t.db") == played
    assert played.labels == {"who": "test"}


def test_a_touchpoint_waits_until_a_gate_answers(spec, tmp_path):
    waits = choreo.run(spec, {"n": 30}, db=tmp_path / "t.db")
    assert (waits.status, waits.exit_code, waits.result) == ("waiting", 4, None)
    [question] = waits.questions
    assert (question.touchpoint, question.payload) == ("look", {"n": 60})
    done = choreo.resume(waits.id, db=tmp_path / "t.db", gate=Yes())
    assert (done.status, done.result, done.questions) == ("done", {"n": 60}, ())
    assert choreo.resume(waits.id, db=tmp_path / "t.db") == done, "what is over stays as it is"


def test_a_trigger_that_breaks_its_contract_is_a_refused_run(spec, tmp_path):
    refused = choreo.run(spec, {"n": "x"}, db=tmp_path / "t.db")
    assert (refused.status, refused.code, refused.hops) == ("refused", "contract-violation", ())


def test_errors_are_those_of_the_command_line(spec, tmp_path):
    spec.write_text(SPEC.replace("to: twice", "to: twyce"))
    with pytest.raises(SpecErrors, match="unknown-role"):
        choreo.load(spec)
    with pytest.raises(UsageError):
        choreo.find("last", db=tmp_path / "none.db")
    with pytest.raises(AttributeError, match="nothing_here"):
        choreo.nothing_here  # noqa: B018


def test_what_is_named_first_of_many_problems_is_an_error_not_advice_above_it(spec):
    text = SPEC.replace("{type: integer}", "{type: string, maxLength: 9}").replace("payload.n > 10", "payload.m == ''")
    text = text.replace("input.n * 2", "input.n + input.n")
    spec.write_text(text)
    with pytest.raises(SpecErrors) as told:
        choreo.load(spec)
    assert [problem.code for problem in told.value.problems] == ["cannot-be-decided", "undeclared-field"]
    assert told.value.message.startswith("2 found, the first: ")
    assert "[undeclared-field]" in told.value.message


def test_importing_choreo_loads_nothing_else():
    call = "import sys, choreo; print([m for m in sys.modules if m.startswith('choreo.')])"
    told = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "labels", [["a"], "a", 5, {"": "x"}, {1: "x"}, {"a": 1}, {"a": None}, {"a": "\ud800"}, {"\0": "a"}]
)
def test_labels_that_cannot_be_kept_are_refused_before_anything_is_begun(spec, tmp_path, labels):
    with pytest.raises(UsageError, match="`labels`") as told:
        choreo.run(spec, {"n": 3}, db=tmp_path / "t.db", labels=labels)
    assert told.value.code == "bad-labels"
    assert not (tmp_path / "t.db").exists()


@pytest.mark.parametrize("kept", ['["a"]', '"a"', "5", "null"])
def test_runs_that_were_kept_with_what_is_no_labels_are_listed(spec, tmp_path, kept, capsys):
    played = choreo.run(spec, {"n": 3}, db=tmp_path / "t.db")
    connection = driver.connect(str(tmp_path / "t.db"))
    connection.execute("UPDATE run SET labels=?", (kept,))
    connection.close()
    for as_json in (False, True):
        assert runs(limit=5, status=None, labels=(), as_json=as_json, db=str(tmp_path / "t.db")) == 0
    text, _, listed = capsys.readouterr().out.partition("\n")
    assert (text.startswith(played.id), json.loads(listed)[0]["labels"]) == (True, {})
    assert choreo.find("last", db=tmp_path / "t.db") == played


def test_inside_a_running_event_loop_it_says_how_to_call_it(spec, tmp_path):
    async def called_here(call):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UsageError, match="inside a running event loop") as told:
                call()
        return told.value.help

    async def called_in_a_thread():
        return await asyncio.to_thread(choreo.run, spec, {"n": 3}, db=tmp_path / "t.db")

    help = asyncio.run(called_here(lambda: choreo.run(spec, {"n": 3}, db=tmp_path / "t.db")))
    assert help == "call it in a thread: await asyncio.to_thread(choreo.run, ...)"
    assert not (tmp_path / "t.db").exists()
    assert asyncio.run(called_in_a_thread()).result == {"n": 6}
    assert "choreo.resume" in asyncio.run(called_here(lambda: choreo.resume("last", db=tmp_path / "t.db")))
