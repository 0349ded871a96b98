"""Confidence by votes, over HTTP: so many answers, the value of most of them, and every call on record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from model_server import ModelServer, model_server
from model_visits import PLACE, model_visit, settings

from choreo.errors import PlayFailed
from choreo.players.base import Played
from choreo.players.model import ModelPlayer
from choreo.players.remote import RemoteClient
from choreo.players.timing import Timing
from choreo.spec import Confidence, Retry
from choreo.trace import Attempt

QUICK = Retry(attempts=2, backoff=0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


def says(action: str, amount: float = 3) -> str:
    return json.dumps({"action": action, "amount": amount})


def play(base: str, votes: int, field: str | None, **more: Any) -> tuple[Played | PlayFailed, list[Attempt]]:
    models = more.pop("models", (settings("m", api_base=base, api_key="sk-votes-0123456789", price=(1.0, 2.0)),))
    confidence = Confidence("votes", PLACE, field=field, votes=votes)
    visit = model_visit(models=models, confidence=confidence, retry=QUICK, **more)
    recorded: list[Attempt] = []
    client = RemoteClient()
    try:
        played = asyncio.run(ModelPlayer(lambda _: client, Timing()).play(visit, recorded.append))
    except PlayFailed as failed:
        return failed, recorded
    return played, [*recorded, *played.attempts]


def test_what_most_answers_say_is_the_answer_and_their_share_the_confidence(server: ModelServer) -> None:
    base = server.script("five", [says("decline"), says("pay", 1), says("pay", 2), says("decline"), says("pay", 3)])
    outcome, attempts = play(base, 5, "action")
    assert isinstance(outcome, Played)
    assert (outcome.value["action"], outcome.confidence, outcome.confidence_source) == ("pay", 0.6, "votes")
    assert outcome.confidence_detail == {"votes": 5, "counts": {'"pay"': 3, '"decline"': 2}, "not_cast": 0}
    assert sorted(attempt.facts["vote"] for attempt in attempts) == [1, 2, 3, 4, 5]
    assert sorted(attempt.request for attempt in attempts) == sorted(one.body for one in server.requests("five"))
    assert all(attempt.cost == pytest.approx(25e-6) for attempt in attempts)


def test_without_a_field_the_whole_answer_is_voted_on(server: ModelServer) -> None:
    base = server.script("whole", [says("pay", 1), says("pay", 2), '{"amount": 1, "action": "pay"}'])
    outcome, _ = play(base, 3, None)
    assert isinstance(outcome, Played)
    assert (outcome.value, outcome.confidence) == ({"action": "pay", "amount": 1}, pytest.approx(2 / 3))


def test_an_answer_that_cannot_be_had_agrees_with_nobody(server: ModelServer) -> None:
    base = server.script("one-bad", [says("pay"), "no", says("pay"), says("pay")])
    outcome, attempts = play(base, 4, "action", repair=0)
    assert isinstance(outcome, Played)
    assert (outcome.confidence, outcome.confidence_detail["not_cast"]) == (0.75, 1)
    assert [attempt.code for attempt in attempts].count("contract-violation") == 1


def test_each_vote_is_repaired_and_tried_again_for_itself(server: ModelServer) -> None:
    base = server.script("again", [{"status": 500}, "no", says("pay")])
    outcome, attempts = play(base, 2, "action")
    assert isinstance(outcome, Played)
    assert outcome.confidence == 1.0
    assert sorted(attempt.code or "" for attempt in attempts) == ["", "", "contract-violation", "server-error"]


def test_a_vote_that_nobody_casts_is_a_failure_after_the_fallback(server: ModelServer) -> None:
    down = settings("m", api_base=server.url("status:401"), api_key="sk-votes-0123456789", fallback="n")
    good = settings("n", api_base=server.script("fallback", [says("pay")]), api_key="sk-votes-0123456789")
    outcome, attempts = play("", 2, "action", models=(down, good))
    assert isinstance(outcome, Played)
    assert (outcome.confidence, len(attempts)) == (1.0, 4)
    failed, attempts = play(server.url("wrong"), 2, "action", repair=0)
    assert isinstance(failed, PlayFailed)
    assert (failed.code, len(attempts)) == ("contract-violation", 2)
