"""The remote client over HTTP, against a misbehaving server in another process: what left, and what came back."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from model_server import GOOD, ModelServer, model_server

from choreo.players.client import CallFailed, Message, ModelCall, ModelReply
from choreo.players.completion import retry_after
from choreo.players.remote import RemoteClient

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"action": {"enum": ["pay", "decline"], "x-note": "n"}, "amount": {"type": "number"}},
    "required": ["action", "amount"],
    "additionalProperties": False,
}
KEY = "sk-test-0123456789abcdef"
reached: list[Any] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        reached.append(arguments[1])


sys.addaudithook(_watch)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


def call(base: str, **changes: Any) -> ModelCall:
    settings: dict[str, Any] = {"api_base": base, "api_key": KEY, "deadline": 30.0, **changes}
    messages = settings.pop("messages", (Message("system", "be brief"), Message("user", "hello")))
    return ModelCall(settings.pop("model", "openai/m"), messages, **settings)


def complete(asked: ModelCall, client: RemoteClient | None = None) -> ModelReply:
    return asyncio.run((client or RemoteClient()).complete(asked))


def failure(asked: ModelCall, client: RemoteClient | None = None) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        complete(asked, client)
    return caught.value


def test_the_bytes_that_left_are_the_bytes_on_record(server: ModelServer) -> None:
    reply = complete(call(server.url("ok"), schema=SCHEMA, schema_name="decision@1.0.0", params={"temperature": 0}))
    (arrived,) = server.requests("ok")
    assert arrived.body == reply.request
    assert arrived.path == "/ok/v1/chat/completions"
    assert arrived.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(reply.response)["choices"][0]["message"]["content"] == GOOD
    assert (reply.text, reply.finish, reply.tokens_in, reply.tokens_out) == (GOOD, "stop", 11, 7)
    sent = arrived.json
    assert sent["temperature"] == 0
    assert sent["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    assert "stream" not in sent or sent["stream"] is False
    assert sent["response_format"]["json_schema"] == {
        "name": "decision_1_0_0",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"action": {"enum": ["pay", "decline"]}, "amount": {"type": "number"}},
            "required": ["action", "amount"],
            "additionalProperties": False,
        },
    }


def test_strict_is_asked_for_only_where_the_schema_qualifies(server: ModelServer) -> None:
    loose = {**SCHEMA, "required": ["action"]}
    sent = json.loads(complete(call(server.url("ok"), schema=loose)).request)
    assert sent["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    ("mode", "code", "retriable", "status"),
    [
        ("status:500", "server-error", True, 500),
        ("status:502", "server-error", True, 502),
        ("retry-after:", "rate-limited", True, 429),
        ("status:401", "auth", False, 401),
        ("status:403", "auth", False, 403),
        ("status:400", "bad-request", False, 400),
        ("status:404", "bad-request", False, 404),
        ("status:422", "bad-request", False, 422),
        ("html", "not-json", True, 200),
        ("not-json", "not-json", True, 200),
        ("empty-choices", "empty-answer", True, 200),
        ("null", "empty-answer", True, 200),
        ("blank", "empty-answer", True, 200),
        ("refusal", "refused", False, 200),
        ("cut", "connection", True, 200),
        ("reset", "connection", True, None),
        ("redirect", "redirected", False, 307),
    ],
)
def test_every_fault_has_its_own_code_and_costs_one_http_call(
    server: ModelServer, mode: str, code: str, retriable: bool, status: int | None
) -> None:
    before = len(server.requests(mode))
    failed = failure(call(server.url(mode)))
    assert (failed.code, failed.retriable, failed.status) == (code, retriable, status)
    assert len(server.requests(mode)) == before + 1
    assert failed.request == server.requests(mode)[-1].body


def test_what_a_login_page_answers_is_kept_and_named(server: ModelServer) -> None:
    failed = failure(call(server.url("html")))
    assert b"Station WiFi" in failed.response
    assert "a web page" in failed.message


@pytest.mark.parametrize("reason", ["length", "content_filter", "tool_calls", ""])
def test_a_finish_other_than_stop_is_told_as_it_came(server: ModelServer, reason: str) -> None:
    assert complete(call(server.url(f"finish:{reason}"))).finish == (reason or "missing")


def test_nobody_listening_is_a_connection_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    failed = failure(call(f"http://127.0.0.1:{port}/v1"))
    assert (failed.code, failed.retriable) == ("connection", True)


def test_an_unknown_name_is_a_connection_failure_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failed = failure(call("http://model.invalid/v1"))
    assert failed.code == "connection"
    assert "the name in http://model.invalid/v1/chat/completions is not known" in failed.message


def test_a_server_without_tls_is_a_tls_failure(server: ModelServer) -> None:
    failed = failure(call(server.url("ok").replace("http:", "https:")))
    assert (failed.code, failed.retriable) == ("tls", False)


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_the_deadline_holds_by_the_wall_clock_even_where_every_read_is_quick(server: ModelServer, mode: str) -> None:
    failed = failure(call(server.url(mode), deadline=0.3))
    assert (failed.code, failed.retriable) == ("timeout", True)
    assert "0.3 s" in failed.message
    assert failed.request == server.requests(mode)[-1].body


def test_an_answer_that_is_too_large_is_not_read_to_its_end(server: ModelServer) -> None:
    failed = failure(call(server.url("huge:100000000"), max_bytes=200_000))
    assert (failed.code, failed.retriable) == ("answer-too-large", False)
    assert len(failed.response) == 65536
    until = time.monotonic() + 20
    while not server.requests("huge-sent") and time.monotonic() < until:
        time.sleep(0.01)
    assert int(server.requests("huge-sent")[0].body) < 50_000_000


def test_a_small_answer_that_unpacks_to_a_huge_one_is_too_large(server: ModelServer) -> None:
    assert failure(call(server.url("gzip-bomb:20000000"), max_bytes=100_000)).code == "answer-too-large"


def test_a_compressed_answer_is_read_and_kept_unpacked(server: ModelServer) -> None:
    reply = complete(call(server.url("gzip")))
    assert reply.text == GOOD
    assert json.loads(reply.response)["id"] == "c-1"


def test_a_key_that_the_server_echoes_is_nowhere_in_the_failure(server: ModelServer) -> None:
    failed = failure(call(server.url("echo-key")))
    assert failed.code == "auth"
    assert KEY not in failed.message + repr(failed.args)
    assert KEY.encode() not in failed.response + failed.request
    assert b"[redacted]" in failed.response
    assert failed.__cause__ is None


def test_a_key_from_the_environment_does_not_follow_to_an_address_of_ones_own(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-cloud-account")
    complete(call(server.url("ok"), api_key=None))
    assert "sk-of-the-cloud-account" not in str(server.requests("ok")[-1].headers)


def test_an_ambient_base_address_does_not_redirect_a_call(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, server.url("ambient"))

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with monkeypatch.context() as no_names:
        no_names.setattr(socket, "getaddrinfo", unknown)
        assert "api.openai.com" in failure(call("", api_base=None)).message
    assert server.requests("ambient") == []


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ("json_schema", ["json_schema", "json_object"]),
        ("json_schema,json_object", ["json_schema", "json_object", None]),
    ],
)
def test_a_refused_form_steps_down_one_call_at_a_time_and_is_remembered(
    server: ModelServer, refused: str, expected: list[str | None]
) -> None:
    client, mode = RemoteClient(), f"refuse-format:{refused}"
    asked = call(server.url(mode), schema=SCHEMA)
    for _ in expected[1:]:
        assert failure(asked, client).code == "format-refused"
    assert complete(asked, client).text == GOOD
    assert complete(asked, client).text == GOOD
    kinds = [request.json.get("response_format", {}).get("type") for request in server.requests(mode)]
    assert kinds == [*expected, expected[-1]]


def test_an_answer_that_is_no_object_is_asked_for_by_instructions(server: ModelServer) -> None:
    reply = complete(call(server.url("ok"), schema={"type": "array"}))
    assert "response_format" not in json.loads(reply.request)
    assert reply.facts["structured_by"] == "instructions"


def test_cost_is_known_only_with_a_price_and_a_count(server: ModelServer) -> None:
    priced = {"price": (2.0, 10.0)}
    assert complete(call(server.url("ok"), **priced)).cost == pytest.approx((11 * 2 + 7 * 10) / 1e6)
    assert complete(call(server.url("ok"))).cost is None
    unknown = complete(call(server.url("no-usage"), **priced))
    assert (unknown.tokens_in, unknown.tokens_out, unknown.cost) == (None, None, None)


def test_the_price_list_counts_for_a_provider_and_not_for_another_address() -> None:
    from model_server import completion

    from choreo.players.completion import from_wire
    from choreo.players.library import cost, load_litellm

    litellm = load_litellm()
    answer = litellm.ModelResponse(**completion(GOOD, "gpt-4o-mini"))
    found = from_wire(completion(GOOD))
    assert found is not None
    entry = litellm.model_cost["gpt-4o-mini"]
    expected = 11 * entry["input_cost_per_token"] + 7 * entry["output_cost_per_token"]
    own = ModelCall("openai/gpt-4o-mini", ())
    assert cost(own, found, answer) == pytest.approx(expected)
    assert cost(ModelCall("openai/gpt-4o-mini", (), api_base="http://x/v1"), found, answer) is None
    assert cost(ModelCall("openai/no-such-model", ()), found, answer) is None


def test_log_probabilities_come_back_where_the_server_gives_them(server: ModelServer) -> None:
    reply = complete(call(server.url("logprobs"), top_logprobs=2))
    assert "".join(token.text for token in reply.tokens) == reply.text
    assert reply.tokens[1].top == (("pay", -0.1), ("dec", -2.4))
    assert json.loads(reply.request)["top_logprobs"] == 2


def test_a_server_without_log_probabilities_is_asked_once_and_then_left_alone(server: ModelServer) -> None:
    client, asked = RemoteClient(), call(server.url("no-logprobs"), top_logprobs=20)
    assert failure(asked, client).code == "format-refused"
    assert complete(asked, client).tokens == ()
    assert "logprobs" not in server.requests("no-logprobs")[-1].json


@pytest.mark.parametrize("mode", ["surrogate", "raw-surrogate", "nul", "deep"])
def test_hostile_text_comes_back_as_it_is_for_the_contract_to_refuse(server: ModelServer, mode: str) -> None:
    reply = complete(call(server.url(mode), schema=SCHEMA))
    assert reply.finish == "stop"
    assert reply.text
    assert json.loads(reply.response)["choices"][0]["message"]["content"] == reply.text


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("ollama/q", "/ok/v1/chat/completions"),
        ("hosted_vllm/q", "/ok/v1/chat/completions"),
        ("mistral/q", "/ok/v1/chat/completions"),
    ],
)
def test_other_kinds_of_server_go_over_the_same_wire(server: ModelServer, model: str, path: str) -> None:
    reply = complete(call(server.url("ok"), model=model, schema=SCHEMA))
    assert (server.requests("ok")[-1].path, reply.text) == (path, GOOD)
    assert server.requests("ok")[-1].body == reply.request


@pytest.mark.parametrize("shape", ["text", "cut"])
def test_an_answer_of_another_shape_is_read_through_litellm(server: ModelServer, shape: str) -> None:
    body = {
        "id": "m-1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": GOOD}],
        "stop_reason": "end_turn" if shape == "text" else "max_tokens",
        "usage": {"input_tokens": 5, "output_tokens": 6},
    }
    base = server.script(f"claude-{shape}", [{"body": json.dumps(body)}])
    reply = complete(call(base, model="anthropic/claude-sonnet-4-5", schema=SCHEMA))
    assert (reply.text, reply.finish) == (GOOD, "stop" if shape == "text" else "length")
    assert (reply.tokens_in, reply.tokens_out) == (5, 6)
    assert server.requests(f"claude-{shape}")[0].body == reply.request


def test_a_model_without_a_provider_is_named_before_anything_is_sent() -> None:
    failed = failure(call("", model="no-such-provider-model", api_base=None))
    assert failed.code == "model-unknown"


def test_params_cannot_change_what_choreo_answers_for(server: ModelServer) -> None:
    failed = failure(call(server.url("ok"), params={"stream": True, "mock_response": "x"}))
    assert failed.code == "bad-params"
    assert "mock_response, stream" in failed.message


def test_a_param_the_model_does_not_take_is_told(server: ModelServer) -> None:
    reply = complete(call(server.url("ok"), model="openai/gpt-5-mini", params={"temperature": 0}))
    assert reply.facts["params_not_taken"] == ["temperature"]


def test_cancelling_stops_the_call(server: ModelServer) -> None:
    async def cancelled() -> None:
        play = asyncio.ensure_future(RemoteClient().complete(call(server.url("hang:long"), deadline=60)))
        for _ in range(1500):
            if server.requests("hang:long"):
                break
            await asyncio.sleep(0.02)
        play.cancel()
        with pytest.raises(asyncio.CancelledError):
            await play

    asyncio.run(cancelled())
    assert len(server.requests("hang:long")) == 1


def test_many_calls_at_once_keep_their_bytes_apart(server: ModelServer) -> None:
    async def all_of_them() -> list[ModelReply]:
        client = RemoteClient()
        asked = [call(server.url("ok"), messages=(Message("user", f"number {n}"),)) for n in range(20)]
        return await asyncio.gather(*map(client.complete, asked))

    for number, reply in enumerate(asyncio.run(all_of_them())):
        assert json.loads(reply.request)["messages"][0]["content"] == f"number {number}"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1", 1.0),
        ("0.5", 0.5),
        (str(10**9), 1e9),
        (None, None),
        ("soon", None),
        ("-1", None),
        ("9" * 400, None),
        (email.utils.formatdate(1_000_000_060, usegmt=True), 60.0),
        (email.utils.formatdate(999_999_000, usegmt=True), 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nothing_else(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=1_000_000_000.0) == seconds


def test_no_socket_of_this_module_went_anywhere_but_loopback() -> None:
    assert reached
    hosts = {address[0] for address in reached if isinstance(address, tuple)}
    assert all(host == "::1" or host.startswith("127.") for host in hosts)
