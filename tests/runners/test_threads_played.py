"""A conversation of a model and a person: what each of them is told, and what is on record of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playing import run_spec

from choreo.gates.script import ScriptGate
from choreo.players.client import ModelCall, ModelReply
from choreo.players.model import ModelPlayer

SPEC = """
roles:
  ask:
    kind: reasoner
    does: Find out what is wanted
    model: openai/talker
    thread: talk
    prompt: "Round {{ input.n }}"
    accepts: any@^1
    emits: any@1.0.0
  person: {kind: researcher, does: Answer, human: {}, thread: talk, accepts: any@^1, emits: any@1.0.0}
  sum_up: {kind: drafter, does: Sum it up, model: openai/talker, thread: talk, accepts: any@^1, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: ask}
  - {from: ask, to: person, when: out.n < 3}
  - {from: ask, to: sum_up, otherwise: true}
  - {from: person, to: ask, at_most: 5%s}
  - {from: sum_up, to: end}
"""


class Talker:
    """A model that counts up. `heard` is what it was sent, one list of (voice, text) a call."""

    def __init__(self) -> None:
        self.heard: list[list[tuple[str, str]]] = []

    async def complete(self, call: ModelCall) -> ModelReply:
        self.heard.append([(message.role, message.content) for message in call.messages])
        text = json.dumps({"n": len(self.heard) + 1})
        return ModelReply(text, "stop", json.dumps(self.heard[-1]).encode(), text.encode(), 1, 1, 0.0)


def talked(folder: Path, passed: str = "") -> tuple[Any, Talker, ScriptGate]:
    talker, gate = Talker(), ScriptGate({"person": [("fill", {"n": 11})]})
    ran = run_spec(folder, SPEC % passed, {"n": 0}, gate=gate, player=lambda role: ModelPlayer(lambda name: talker))
    assert ran.result == {"n": 4}
    return ran, talker, gate


def gist(heard: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the system message; of a block its name and what is in it."""
    found = []
    for voice, text in heard[1:]:
        lines = [line.split(" id=")[0].strip("<") for line in text.splitlines() if line and not line.startswith("</")]
        found.append((voice, " ".join(lines)))
    return found


def test_the_roles_of_a_thread_hear_each_other_in_order(tmp_path: Path) -> None:
    _, talker, gate = talked(tmp_path)
    first, second, third = (gist(heard) for heard in talker.heard)
    assert first == [("user", "Round 0")]
    assert second == [("user", "Round 0"), ("assistant", '{"n":2}'), ("user", "Round 11")]
    assert third == [*second, ("assistant", '{"n":3}'), ("user", 'input {"n":3}')]
    shown = {label: part.value for label, part in gate.asked[0].shows}
    assert shown == {"the conversation so far": [{"role": "ask", "was handed": {"n": 0}, "said": {"n": 2}}]}


def test_an_earlier_request_stands_in_the_conversation_exactly_as_it_was_sent(tmp_path: Path) -> None:
    _, talker, _ = talked(tmp_path)
    for earlier, later in zip(talker.heard, talker.heard[1:], strict=False):
        assert later[1 : len(earlier)] == earlier[1:]


def test_what_a_person_said_is_heard_where_the_next_turn_is_handed_something_else(tmp_path: Path) -> None:
    _, talker, _ = talked(tmp_path, ", pass: {n: out.n + 1}")
    assert gist(talker.heard[1])[1:] == [("assistant", '{"n":2}'), ("user", 'person {"n":11} Round 12')]


def test_every_message_of_the_conversation_is_in_the_attempt(tmp_path: Path) -> None:
    ran, talker, _ = talked(tmp_path)
    recorded = [json.loads(attempt.request) for _, attempt in ran.attempts]
    assert recorded == [[list(message) for message in heard] for heard in talker.heard]
