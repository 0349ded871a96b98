"""Every remote or server model, through litellm: one HTTP call per `complete`, its exact bytes, a deadline, a size cap.

litellm is imported here and nowhere else, on the first call, with its price list local, without its `.env` reading,
telemetry, retries, logging and streaming. What an answer means is read from the bytes (`choreo.players.completion`).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import re
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from choreo.canonical import digest_of, encode
from choreo.players import completion, redact
from choreo.players.client import CallFailed, Message, ModelCall, ModelReply, Offer, StructuredBy
from choreo.players.litellm_release import check_litellm
from choreo.players.schema_text import lean, object_at_top, strict

NO_KEY = "no-key"
"""Sent where an address of one's own needs none; else litellm would send it the key of the provider's cloud."""

READY = 30.0
"""Seconds that litellm may take beside the deadline, before anything leaves."""

_BASES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
_OLLAMA = "http://localhost:11434"
_SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the import asks the network for prices
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # else the first call to Anthropic asks for a list of headers
    "LITELLM_MODE": "PRODUCTION",  # else a `.env` in the working directory may redirect keys
}
_OURS = frozenset(
    {"model", "messages", "stream", "n", "timeout", "request_timeout", "api_key", "api_base", "base_url"}
    | {"num_retries", "max_retries", "fallbacks", "context_window_fallback_dict", "drop_params", "response_format"}
    | {"mock_response", "mock_timeout", "client", "shared_session", "custom_llm_provider", "cache", "caching"}
    | {"callbacks", "success_callback", "failure_callback", "logger_fn"}
    | {"tools", "tool_choice", "functions", "function_call"}
)
_STEPS: tuple[StructuredBy, ...] = get_args(StructuredBy)


class RemoteClient:
    """Implements `choreo.players.client.ModelClient`. Remembers, as long as it lives, which form a server refuses."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str | None, str], StructuredBy] = {}
        self._without_logprobs: set[tuple[str, str | None]] = set()
        self._litellm: Any = None

    async def complete(self, call: ModelCall) -> ModelReply:
        """Make exactly one HTTP call. Raises CallFailed.

        `format-refused` means that the server does not take what was asked beside the text: the next call asks for
        less (no log probabilities; json_object in place of json_schema; then structure by instructions alone).
        """
        if (call.model, call.api_base) in self._without_logprobs:
            call = replace(call, top_logprobs=None)
        litellm = self._litellm = self._litellm or await asyncio.to_thread(load_litellm)
        from choreo.players.wire import CURRENT, Wire

        name, base, key = address(litellm, call)
        form = self._form(litellm, call, name, base)
        arguments = _arguments(call, name, base, key, form)
        wire = Wire(call.max_bytes, base, NO_KEY)
        token = CURRENT.set(wire)
        try:
            answer, error = await _ask(litellm, arguments, call.deadline, wire)
        finally:
            CURRENT.reset(token)
        try:
            return _reply(_Exchange(litellm, call, form, wire, answer, error))
        except CallFailed as failure:
            raise self._finished(failure, call, wire, form) from None

    def _form(self, litellm: Any, call: ModelCall, name: str, base: str | None) -> StructuredBy | None:
        if call.schema is None:
            return None
        if call.offers and call.may_call:
            return "instructions"
        known = [self._refused.get((call.model, call.api_base, part)) for part in ("", _digest(call.schema))]
        first = first_form(litellm, call.schema, name, own_base=base if call.api_base else None)
        return max([first, *[_after(form) for form in known if form]], key=_STEPS.index)

    def _finished(self, failure: CallFailed, call: ModelCall, wire: Any, form: StructuredBy | None) -> CallFailed:
        """The failure with its bytes, secrets removed; what was refused is remembered."""
        refused = failure.code == "bad-request" and self._learn_refusal(call, wire.response, form)
        return CallFailed(
            "format-refused" if refused else failure.code,
            redact.text(failure.message),
            retriable=failure.retriable or refused,
            retry_after=failure.retry_after,
            status=wire.status,
            request=redact.data(wire.request),
            response=redact.data(wire.response),
        )

    def _learn_refusal(self, call: ModelCall, response: bytes, form: StructuredBy | None) -> bool:
        """True where a bad request is about something that the next call can leave out."""
        what = completion.refused_part(response)
        if what == "logprobs" and call.top_logprobs is not None:
            self._without_logprobs.add((call.model, call.api_base))
            return True
        if call.schema is None or form in (None, "instructions") or what not in ("form", "schema"):
            return False
        # a schema that a server does not understand says nothing about other schemas
        self._refused[call.model, call.api_base, _digest(call.schema) if what == "schema" else ""] = form
        return True


# -- litellm ---------------------------------------------------------------------------------------


@functools.cache
def load_litellm() -> Any:
    """Import litellm and make it quiet. Takes seconds. Raises CallFailed where it is missing or a bad version."""
    check_litellm()
    os.environ.update(_SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
        from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

        litellm.ModelResponse()  # its first use warns too, once
    # what it and the libraries below it find to say of their own types, some of it on the first call only
    warnings.filterwarnings("ignore", module=r"(litellm|pydantic|openai)\b")
    # a call that is cancelled before anything left: litellm's half-made coroutine is of no interest
    warnings.filterwarnings("ignore", r"coroutine '.*completion.*' was never awaited", RuntimeWarning)
    for logger in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "openai"):
        logging.getLogger(logger).disabled = True
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_aiohttp_transport = True
    _log_nothing()
    from choreo.players.wire import WireTransport

    # the one function from which all its HTTP clients take their transport (`_...` before 1.100)
    for name in ("create_async_transport", "_create_async_transport"):
        setattr(AsyncHTTPHandler, name, staticmethod(lambda *_, **__: WireTransport()))
    return litellm


def _log_nothing() -> None:
    """Keep litellm from making ready, for each call, a log entry that nobody takes: a third of its work."""
    from litellm.litellm_core_utils.litellm_logging import Logging

    Logging.should_run_logging = lambda *_, **__: False
    Logging.response_cost_calculator = lambda *_, **__: None


async def _ask(litellm: Any, arguments: Mapping[str, Any], deadline: float, wire: Any) -> tuple[Any, Exception | None]:
    """litellm's answer or its error; what really happened is known to `wire`.

    The deadline counts from when the request leaves: the first call to a provider makes litellm build things for a
    second or more, which is no fault of the model's.
    """
    try:
        async with asyncio.timeout(deadline + READY) as clock:
            wire.on_leave = lambda: clock.reschedule(asyncio.get_running_loop().time() + deadline)
            return await litellm.acompletion(**arguments), None
    except TimeoutError as error:
        late = f"no answer within {deadline:g} s from {wire.url or arguments['model']}"
        wire.failure = CallFailed("timeout", late, retriable=True)
        return None, error
    except Exception as error:  # noqa: BLE001 - litellm raises what it likes; `_completion` gives it a code
        return None, error


def address(litellm: Any, call: ModelCall) -> tuple[str, str | None, str | None]:
    """(litellm's model name, base address, key) of a call, none of it taken from ambient redirects."""
    provider, _, rest = call.model.partition("/")
    if provider in ("ollama", "ollama_chat"):  # its OpenAI side gives usage and finish reasons, and is one call
        base = (call.api_base or _OLLAMA).rstrip("/")
        return f"openai/{rest}", base if base.endswith("/v1") else f"{base}/v1", call.api_key or NO_KEY
    if call.api_base:
        return call.model, call.api_base, call.api_key or NO_KEY
    try:
        _, provider, _, _ = litellm.get_llm_provider(model=call.model)
    except Exception as error:
        raise CallFailed(
            "model-unknown",
            f"there is no provider for the model {call.model!r}; write `provider/model` (openai/..., ...)",
        ) from error
    return call.model, _BASES.get(provider), call.api_key


def first_form(litellm: Any, schema: Mapping[str, Any], name: str, own_base: str | None) -> StructuredBy:
    """How structure is asked for at first: what the model is known to have; the most, where nothing is known."""
    if not object_at_top(schema):
        return "instructions"  # providers force objects only
    if litellm.supports_response_schema(model=name):
        return "json_schema"
    try:
        takes = "response_format" in (litellm.get_supported_openai_params(model=name) or ())
    except Exception:  # noqa: BLE001 - litellm raises what it likes for a name it does not know
        takes = True
    if not takes:
        return "instructions"
    known = name in litellm.model_cost or name.partition("/")[2] in litellm.model_cost
    return "json_object" if known and not own_base else "json_schema"


def _arguments(
    call: ModelCall, name: str, base: str | None, key: str | None, form: StructuredBy | None
) -> dict[str, Any]:
    ours = sorted(_OURS.intersection(call.params))
    if ours:
        raise CallFailed("bad-params", f"`params` may not set {', '.join(ours)}: choreo does; remove it from the spec")
    if call.prefill is not None:
        raise CallFailed("no-prefill", f"{call.model} cannot continue an answer that was started for it")
    arguments: dict[str, Any] = {
        **call.params,
        "model": name,
        "messages": [_told(message) for message in call.messages],
        "api_base": base,
        "api_key": key,
        "timeout": call.deadline,
        "max_retries": 0,
        "num_retries": 0,
        "stream": False,
        "drop_params": True,  # what was dropped is told in the facts
    }
    if call.max_tokens is not None:
        arguments["max_tokens"] = call.max_tokens
    if call.top_logprobs is not None:
        arguments.update(logprobs=True, top_logprobs=call.top_logprobs)
    if call.offers:
        # else litellm looks for MCP servers to call by itself, with a library that is not there
        arguments.update(tools=[_tool(offer) for offer in call.offers], _skip_mcp_handler=True)
    if call.offers and not call.may_call:
        arguments["tool_choice"] = "none"
    if form in ("json_schema", "json_object") and call.schema is not None:
        arguments["response_format"] = response_format(form, call.schema, call.schema_name)
    return arguments


def _told(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.answers:
        told["tool_call_id"] = message.answers
    if message.calls:
        told["content"] = message.content or None
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    return told


def _tool(offer: Offer) -> dict[str, Any]:
    function = {"name": offer.name, "description": offer.does, "parameters": dict(offer.schema)}
    return {"type": "function", "function": function}


def response_format(form: StructuredBy, schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`response_format` as OpenAI defines it; strict only where the schema qualifies."""
    if form == "json_object":
        return {"type": "json_object"}
    told = lean(schema)
    plain_name = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": plain_name, "schema": told, "strict": strict(told)}}


# -- the reply -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Exchange:
    """One call with everything that came of it: the wire knows what happened, litellm what it made of it."""

    litellm: Any
    call: ModelCall
    form: StructuredBy | None
    wire: Any
    answer: Any
    error: Exception | None


def _reply(made: _Exchange) -> ModelReply:
    wire, found = made.wire, _completion(made)
    if not found.text and found.finish == "stop" and not found.calls:
        raise _empty(found, wire.url)
    return ModelReply(
        text=found.text or "",
        finish=found.finish,
        request=redact.data(wire.request),
        response=redact.data(wire.response),
        tokens_in=found.tokens_in,
        tokens_out=found.tokens_out,
        cost=cost(made.litellm, made.call, found, made.answer),
        facts=_facts(made, found),
        tokens=found.tokens,
        calls=found.calls,
    )


def _completion(made: _Exchange) -> completion.Completion:
    """What was answered. Raises CallFailed with the code of what happened on the way."""
    wire = made.wire
    if wire.failure is not None:
        raise wire.failure
    if wire.status is not None and wire.status >= 400:
        raise completion.refused_status(wire.status, wire.headers, wire.response, wire.url, time.time())
    if made.error is not None and not wire.url:
        raise _not_sent(made.error, made.call) from made.error
    body = completion.body_of(wire.response)
    found = completion.from_wire(body, offered=bool(made.call.offers))
    if found is None and made.error is None:
        found = completion.from_litellm(made.answer, body)
    if found is None:
        raise completion.no_completion(wire.response, body, wire.url)
    return found


def _empty(found: completion.Completion, url: str) -> CallFailed:
    if found.refusal:
        return CallFailed("refused", f"the model refuses: {redact.text(found.refusal)[:300]}")
    return CallFailed("empty-answer", f"{url} answers without any text", retriable=True)


def _not_sent(error: Exception, call: ModelCall) -> CallFailed:
    """What litellm refused before anything left."""
    said = " ".join(redact.text(str(error)).split())[:300]
    if type(error).__name__ == "AuthenticationError" or "api_key" in said:
        return CallFailed("auth", f"no key for {call.model}: set `api_key: ${{env:NAME}}` in `models:` ({said})")
    return CallFailed("bad-request", f"{call.model} could not be called: {said}")


def _facts(made: _Exchange, found: completion.Completion) -> dict[str, Any]:
    wire = made.wire
    facts: dict[str, Any] = {"structured_by": made.form, "url": redact.text(wire.url), "status": wire.status}
    if found.served_by:
        facts["served_by"] = found.served_by
    sent = completion.body_of(wire.request)
    asked = {*made.call.params, *(("tools",) if made.call.offers else ())}
    dropped = sorted(asked - set(sent)) if isinstance(sent, dict) and "messages" in sent else []
    return {**facts, "params_not_taken": dropped} if dropped else facts


def has_price(model: str) -> bool:
    """Whether the price list knows what a model costs at its provider's own address. Imports litellm."""
    return _listed(load_litellm(), model)


def _listed(litellm: Any, model: str) -> bool:
    prices = litellm.model_cost
    entry = prices.get(model) or prices.get(model.partition("/")[2]) or {}
    return "input_cost_per_token" in entry


def cost(litellm: Any, call: ModelCall, found: completion.Completion, answer: Any) -> float | None:
    """What the call cost, by the spec's price, else litellm's list for a provider's own address; None is unknown."""
    if found.tokens_in is None or found.tokens_out is None:
        return None
    if call.price is not None:
        return (found.tokens_in * call.price[0] + found.tokens_out * call.price[1]) / 1_000_000
    if answer is None or call.api_base or not _listed(litellm, call.model):
        return None
    try:
        return float(litellm.completion_cost(completion_response=answer, model=call.model))
    except Exception:  # noqa: BLE001 - a model without a price raises whatever it likes
        return None


def _digest(schema: Mapping[str, Any]) -> str:
    return digest_of(encode(dict(schema)))


def _after(form: StructuredBy) -> StructuredBy:
    return _STEPS[min(_STEPS.index(form) + 1, len(_STEPS) - 1)]
