"""The form of a request is learned from litellm, relied on when two calls agree, and filled in without it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from model_server import GOOD, ModelServer, model_server

from choreo.players import library
from choreo.players.client import Message, ModelCall, ModelReply, Offer
from choreo.players.remote import RemoteClient
from choreo.players.shapes import Shape, Shapes, kind_of, taught
from choreo.players.wire import Wire

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"action": {"type": "string"}, "amount": {"type": "number"}},
    "required": ["action", "amount"],
    "additionalProperties": False,
}
KEY = "sk-shapes-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture
def asked_litellm(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that litellm was asked for."""
    seen: list[str] = []
    ask = library.ask

    async def noted(arguments: Any, deadline: float, wire: Wire) -> Any:
        seen.append(arguments["model"])
        return await ask(arguments, deadline, wire)

    monkeypatch.setattr(library, "ask", noted)
    return seen


def call(base: str, text: str, model: str = "mistral/m", **more: Any) -> ModelCall:
    more = {"schema": SCHEMA, "api_key": KEY, "params": {"temperature": 0, "seed": 1}, **more}
    return ModelCall(model, (Message("system", "be brief"), Message("user", text)), api_base=base, **more)


def played(client: RemoteClient, *calls: ModelCall) -> list[ModelReply]:
    async def one_after_another() -> list[ModelReply]:
        return [await client.complete(asked) for asked in calls]

    return asyncio.run(one_after_another())


@pytest.mark.parametrize(
    ("model", "more", "changed"),
    [
        ("mistral/m", {}, {"random_seed": 1}),  # litellm's name for it
        ("openai/gpt-5-mini", {"max_tokens": 9}, {"max_completion_tokens": 9}),
        ("hosted_vllm/m", {"params": {"top_k": 3}}, {"top_k": 3}),
        ("openrouter/some/model", {}, {"seed": 1}),
    ],
)
def test_the_third_call_leaves_as_litellm_wrote_the_first_two(
    server: ModelServer, asked_litellm: list[str], model: str, more: dict[str, Any], changed: dict[str, Any]
) -> None:
    mode = f"ok:{model}".replace("/", "-")
    base = server.script(mode, [GOOD])
    replies = played(RemoteClient(), *(call(base, f"number {n}: é", model, **more) for n in range(4)))
    assert len(asked_litellm) == 2
    requests = server.requests(mode)
    assert [request.body for request in requests] == [reply.request for reply in replies]
    assert [request.json["messages"][1]["content"] for request in requests] == [f"number {n}: é" for n in range(4)]
    first, last = ({**request.json, "messages": []} for request in (requests[0], requests[-1]))
    assert first == last
    assert changed.items() <= last.items()
    kept = [{k: v for k, v in request.headers.items() if k != "content-length"} for request in requests]
    untold = {"x-stainless-read-timeout", "accept"}
    assert [{k: v for k, v in told.items() if k not in untold} for told in kept[1:]] == [
        {k: v for k, v in kept[0].items() if k not in untold}
    ] * 3
    assert requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert [reply.facts for reply in replies] == [replies[0].facts] * 4
    assert all((reply.text, reply.finish, reply.tokens_in) == (GOOD, "stop", 11) for reply in replies)


def test_a_call_of_another_kind_is_litellms_again(server: ModelServer, asked_litellm: list[str]) -> None:
    base, client = server.script("kinds", [GOOD]), RemoteClient()
    played(client, *(call(base, f"{n}") for n in range(3)))
    assert len(asked_litellm) == 2
    offer = Offer("look", "looks", {"type": "object"})
    for more in ({"params": {}}, {"api_key": "sk-another-0123"}, {"max_tokens": 5}, {"offers": (offer,)}):
        asked_litellm.clear()
        played(client, call(base, "x", **more))
        assert len(asked_litellm) == 1
    assert server.requests("kinds")[-3].headers["authorization"] == "Bearer sk-another-0123"


def test_a_call_that_fails_teaches_nothing(server: ModelServer, asked_litellm: list[str]) -> None:
    base = server.script("ill", [{"status": 500}, {"status": 500}, {"status": 500}, GOOD])
    client = RemoteClient()
    for _ in range(3):
        with pytest.raises(library.CallFailed):
            played(client, call(base, "x"))
    played(client, call(base, "x"))
    assert len(asked_litellm) == 4


def test_an_answer_of_another_shape_stays_litellms(server: ModelServer, asked_litellm: list[str]) -> None:
    body = {
        "id": "m-1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": GOOD}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 6},
    }
    base = server.script("claude", [{"body": json.dumps(body)}])
    played(RemoteClient(), *(call(base, f"{n}", "anthropic/claude-sonnet-4-5", params={}) for n in range(3)))
    assert len(asked_litellm) == 3


# -- what is learned from what left ------------------------------------------------------------------


def sent(headers: dict[str, str], body: Any, url: str = "http://h/v1/chat/completions") -> Wire:
    wire = Wire(1000, None, "no-key")
    wire.target, wire.asked, wire.request = url, list(headers.items()), json.dumps(body).encode()
    return wire


ASKED = ModelCall("openai/m", (Message("user", "hello"),))
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "n": 1}
OWN = {"Authorization": f"Bearer {KEY}"}


def test_a_form_is_the_request_with_its_messages_left_open() -> None:
    shape = taught(ASKED, sent({**OWN, "x-stainless-read-timeout": "60"}, BODY), KEY)
    assert shape == Shape.of("http://h/v1/chat/completions", OWN.items(), BODY)
    filled = shape.filled((Message("user", 'say "ä"\n'),))
    assert json.loads(filled) == {**BODY, "messages": [{"role": "user", "content": 'say "ä"\n'}]}
    assert list(json.loads(filled)) == list(BODY)


@pytest.mark.parametrize(
    "wire",
    [
        sent(OWN, {**BODY, "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}),
        sent(OWN, {**BODY, "messages": [*BODY["messages"], {"role": "user", "content": "more"}]}),  # type: ignore[misc]
        sent(OWN, {**BODY, "stream": True}),
        sent(OWN, {**BODY, "tools": []}),
        sent(OWN, [BODY]),
        sent(OWN, BODY, "http://h/v2/chat"),
        sent(OWN, BODY, "http://h/v1/chat/completions?key=1"),
        sent({"Authorization": "Bearer made-for-this-call"}, BODY),
        sent({**OWN, "x-api-key": "made-for-this-call"}, BODY),
    ],
)
def test_a_request_that_others_must_not_be_written_into_teaches_nothing(wire: Wire) -> None:
    assert taught(ASKED, wire, KEY) is None


def test_two_forms_that_differ_are_not_relied_on() -> None:
    shapes, forms = Shapes(), [Shape.of("u", [("x-request-id", str(n))], BODY) for n in (1, 2, 3)]
    for form in forms:
        shapes.learn("kind", form)
        assert shapes.of("kind") is None
    shapes.learn("kind", None)
    shapes.learn("kind", forms[0])
    assert shapes.of("kind") is None
    shapes.learn("kind", forms[0])
    assert shapes.of("kind") == forms[0]


def test_a_form_with_a_key_of_the_environment_holds_as_long_as_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPES_TEST_KEY", KEY)
    shape, shapes = taught(ASKED, sent(OWN, BODY), None), Shapes()
    assert shape is not None
    assert KEY not in repr(shape)
    shapes.keep("kind", shape)
    assert shapes.of("kind") == shape
    monkeypatch.setenv("SHAPES_TEST_KEY", KEY + "-new")
    assert shapes.of("kind") is None
    monkeypatch.delenv("SHAPES_TEST_KEY")
    assert shapes.of("kind") is None


def test_calls_with_anything_but_texts_in_them_have_no_kind() -> None:
    assert kind_of(ASKED, None) is not None
    for messages in ((Message("user", ""),), (Message("tool", "x", answers="1"),)):
        assert kind_of(ModelCall("openai/m", messages), None) is None
    assert kind_of(ModelCall("openai/m", ASKED.messages, params={"x": object()}), None) is None


def test_a_price_of_the_list_is_the_same_for_a_body_and_for_litellms_answer() -> None:
    from model_server import completion

    from choreo.players.completion import from_wire

    body = completion(GOOD, "gpt-4o-mini")
    body["usage"] = {**body["usage"], "prompt_tokens_details": {"cached_tokens": 5}}
    found, own = from_wire(body), ModelCall("openai/gpt-4o-mini", ())
    assert found is not None
    whole = library.load_litellm().ModelResponse(**body)
    assert library.cost(own, found, body) == library.cost(own, found, whole) != None  # noqa: E711
