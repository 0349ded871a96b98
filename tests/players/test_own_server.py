"""Servers of one's own: what leaves without litellm is what litellm would have sent, and nothing else leaves so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from model_server import GOOD, ModelServer, Request, model_server

from choreo.players import library, own_server, price_list
from choreo.players.client import CallFailed, Message, ModelCall, Offer
from choreo.players.remote import RemoteClient

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"action": {"enum": ["pay", "decline"]}, "amount": {"type": "number"}},
    "required": ["action", "amount"],
    "additionalProperties": False,
}
PARAMS = {
    "temperature": 0,
    "top_p": 0.5,
    "seed": 7,
    "stop": ["END"],
    "presence_penalty": 0.1,
    "frequency_penalty": -0.1,
}
LIKE_LITELLM = (
    {},
    {"schema": SCHEMA, "schema_name": "decision@1.0.0"},
    {"schema": {**SCHEMA, "required": []}, "params": PARAMS, "max_tokens": 50, "top_logprobs": 3},
    {"schema": {"type": "array"}, "params": {"stop": "END"}},
)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


def call(base: str | None, model: str = "openai/m", **more: Any) -> ModelCall:
    messages = more.pop("messages", (Message("system", "be brief: é"), Message("user", "hello")))
    return ModelCall(model, messages, api_base=base, **more)


def arrived(server: ModelServer, client: RemoteClient, asked: ModelCall) -> Request:
    asyncio.run(client.complete(asked))
    return server.requests()[-1]


def essence(request: Request) -> Any:
    """Method, path, key and body; `stream: false` says nothing."""
    body = {name: value for name, value in request.json.items() if (name, value) != ("stream", False)}
    told = {name: request.headers[name] for name in ("authorization", "content-type", "accept-encoding")}
    return request.method, request.path, told, body


@pytest.mark.parametrize("more", LIKE_LITELLM)
@pytest.mark.parametrize("provider", own_server.PROVIDERS)
def test_what_leaves_is_what_litellm_would_have_sent(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, provider: str, more: dict[str, Any]
) -> None:
    for base in (server.url("ok"), server.url("ok") + "/"):
        for key in (None, "sk-own-0123456789"):
            asked = call(base, f"{provider}/some-model:7b", api_key=key, **more)
            assert own_server.is_plain(asked)
            ours = arrived(server, RemoteClient(), asked)
            with monkeypatch.context() as litellm_only:
                litellm_only.setattr(own_server, "is_plain", lambda _: False)
                theirs = arrived(server, RemoteClient(), asked)
            assert ours.headers["user-agent"] == "choreo" != theirs.headers["user-agent"]
            assert essence(ours) == essence(theirs)


def test_a_server_that_refuses_a_form_is_asked_for_the_next_one_as_before(server: ModelServer) -> None:
    mode, client = "refuse-format:json_schema", RemoteClient()
    asked = call(server.url(mode), schema=SCHEMA)
    with pytest.raises(CallFailed, match="json_schema"):
        asyncio.run(client.complete(asked))
    assert asyncio.run(client.complete(asked)).text == GOOD
    kinds = [request.json["response_format"]["type"] for request in server.requests(mode)]
    assert kinds == ["json_schema", "json_object"]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("openai/gpt-4o-mini", {}),  # in litellm's list
        ("openai/our-gpt-5", {}),  # no name of the list, but of a family that litellm knows
        ("openai/o3-local", {}),
        ("openai/team/o1", {}),
        ("anthropic/m", {}),
        ("mistral/m", {}),
        ("m", {}),
        ("openai/", {}),
        ("openai/m", {"params": {"top_k": 3}}),
        ("openai/m", {"params": {"temperature": None}}),
        ("openai/m", {"params": {"reasoning_effort": "low"}}),
        ("openai/m", {"offers": (Offer("look", "looks", {"type": "object"}),)}),
    ],
)
def test_what_litellm_may_change_goes_through_litellm(model: str, more: dict[str, Any]) -> None:
    assert own_server.is_plain(call("http://127.0.0.1:9/v1"))
    assert not own_server.is_plain(call("http://127.0.0.1:9/v1", model, **more))


@pytest.mark.parametrize("base", [None, "http://h/v1?version=1", "http://h/v1/chat/completions", "http://h//v1"])
def test_an_address_that_is_none_of_ones_own_or_no_plain_one_goes_through_litellm(base: str | None) -> None:
    assert not own_server.is_plain(call(base))


def test_without_its_list_of_models_everything_goes_through_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_list, "listed", lambda: None)
    assert not own_server.is_plain(call("http://127.0.0.1:9/v1"))
    assert library.has_price("gpt-4o-mini")


def test_the_list_says_what_litellm_says() -> None:
    litellm = library.load_litellm()
    names = price_list.listed()
    assert names is not None
    assert set(names) >= set(litellm.model_cost)
    for name in ("gpt-4o-mini", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "openai/no-such-model"):
        entry = litellm.model_cost.get(name) or litellm.model_cost.get(name.partition("/")[2]) or {}
        assert price_list.has_price(name) is ("input_cost_per_token" in entry)
        assert price_list.is_listed(name) is bool(entry)


def test_a_call_to_a_server_of_ones_own_imports_no_litellm(server: ModelServer) -> None:
    program = f"""
import asyncio, sys
from choreo.players.client import Message, ModelCall
from choreo.players.remote import RemoteClient
call = ModelCall("ollama/m", (Message("user", "hi"),), api_base={server.url("ok")!r})
reply = asyncio.run(RemoteClient().complete(call))
print(reply.text, [name for name in ("litellm", "openai", "httpx", "pydantic") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"{GOOD} []"


def test_an_answer_with_a_call_that_nobody_offered_is_told_by_its_finish(server: ModelServer) -> None:
    wanted = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [wanted]}
    base = server.script("unasked", [{"message": message, "finish": "tool_calls"}])
    reply = asyncio.run(RemoteClient().complete(call(base)))
    assert (reply.finish, reply.text) == ("tool_calls", "")


def test_a_message_that_is_no_text_of_characters_is_a_bad_request(server: ModelServer) -> None:
    with pytest.raises(CallFailed) as caught:
        asyncio.run(RemoteClient().complete(call(server.url("lone"), messages=(Message("user", "a\ud800"),))))
    assert caught.value.code == "bad-request"
    assert server.requests("lone") == []
