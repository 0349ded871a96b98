"""What a gate of the Python API gives is checked as the command line checks it, and no gate is asked for ever."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import choreo
from choreo.errors import HeldError, UsageError
from choreo.gates.base import Answer

SPEC = """
choreo: 1
name: {name}
version: 1.0.0
trigger: {{accepts: any@^1}}
result: {{emits: any@1.0.0}}
contracts:
  any@1.0.0: {{type: object, properties: {{n: {{type: integer}}}}}}
"""
ASKS = """
roles:
  a: {kind: reader, does: it, set: input, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: end, touchpoint: look}
touchpoints:
  look: {ask: Good?}
"""
ABOVE = """
roles:
  part: {kind: reasoner, does: it, spec: asks.yaml, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: part}
  - {from: part, to: end}
"""


class Gives:
    """A gate that gives what it is told to; the digest is the one that was shown, where none is named."""

    def __init__(self, *given: Any, **parts: Any) -> None:
        self._given, self._parts, self.asked = list(given), parts, 0

    async def ask(self, question: Any, check: Any) -> Any:
        self.asked += 1
        if self._given:
            return self._given.pop(0)
        return Answer(**{"decision": "approve", "digest": question.payload.digest, "by": "ann", **self._parts})


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    for name, body in (("asks", ASKS), ("above", ABOVE)):
        (tmp_path / f"{name}.yaml").write_text(SPEC.format(name=name) + body)
    return tmp_path


@pytest.mark.parametrize("main", ["asks", "above"])
def test_a_gate_that_always_answers_to_other_bytes_is_asked_three_times_and_the_run_stays(
    specs: Path, main: str
) -> None:
    stale = Gives(digest="sha256:other")
    with pytest.raises(HeldError, match=r"answered `look` 3 times for 'sha256:other', and sha256:[0-9a-f]+ waits"):
        choreo.run(specs / f"{main}.yaml", {"n": 1}, db=specs / "t.db", gate=stale)
    assert stale.asked == 3
    assert choreo.resume("last", db=specs / "t.db", gate=Gives()).status == "done"


def test_a_stale_answer_is_refused_and_the_question_is_asked_again(specs: Path) -> None:
    gate = Gives(Answer("approve", "sha256:other", "ann"))
    assert choreo.run(specs / "asks.yaml", {"n": 1}, db=specs / "t.db", gate=gate).status == "done"
    assert gate.asked == 2


@pytest.mark.parametrize("given", [True, None, "approve", ("approve",), {"decision": "approve"}])
def test_what_is_no_answer_is_told_and_not_taken_for_later(specs: Path, given: Any) -> None:
    with pytest.raises(UsageError, match="the gate answered `look` with ") as told:
        choreo.run(specs / "asks.yaml", {"n": 1}, db=specs / "t.db", gate=Gives(given))
    assert told.value.code == "gate-answer"
    assert choreo.find("last", db=specs / "t.db").questions[0].touchpoint == "look"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"by": ""}, "gate-answer"),
        ({"by": " "}, "gate-answer"),
        ({"by": None}, "gate-answer"),
        ({"by": "\ud800"}, "gate-answer"),
        ({"digest": None}, "gate-answer"),
        ({"decision": "edit", "payload": {"n": 2}}, "gate-answer"),
        ({"seconds": math.nan}, "gate-answer"),
        ({"decision": "reject"}, "reason-needed"),
        ({"decision": "reject", "reason": "  "}, "reason-needed"),
        ({"decision": "yes"}, "not-allowed"),
    ],
)
def test_an_answer_that_cannot_be_kept_is_refused(specs: Path, parts: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as told:
        choreo.run(specs / "asks.yaml", {"n": 1}, db=specs / "t.db", gate=Gives(**parts))
    assert told.value.code == code
    waits = choreo.find("last", db=specs / "t.db")
    assert (waits.status in ("running", "waiting"), len(waits.questions)) == (True, 1)


@pytest.mark.parametrize("word", ["later", "quit"])
def test_a_question_may_be_put_off(specs: Path, word: str) -> None:
    assert choreo.run(specs / "asks.yaml", {"n": 1}, db=specs / "t.db", gate=Gives(word)).status == "waiting"
