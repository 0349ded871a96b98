"""litellm: where a model is, what it takes, how a provider is asked, and what it costs.

It is imported here and nowhere else, when it is first needed, with its price list local, without its `.env` reading,
telemetry, retries, logging and streaming.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any

from choreo.players import price_list, redact
from choreo.players.client import CallFailed, Message, ModelCall, Offer, StructuredBy
from choreo.players.completion import Completion
from choreo.players.litellm_release import check_litellm
from choreo.players.schema_text import object_at_top, response_format
from choreo.players.wire import CURRENT, Wire

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
    # half-made coroutines: of a call that is cancelled before anything left, and of the log that nobody takes
    warnings.filterwarnings("ignore", r"coroutine '(.*completion.*|Logging\..*)' was never awaited", RuntimeWarning)
    for logger in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "openai"):
        logging.getLogger(logger).disabled = True
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_aiohttp_transport = True
    _log_nothing()
    from choreo.players.wire_transport import WireTransport

    # the one function from which all its HTTP clients take their transport (`_...` before 1.100)
    for name in ("create_async_transport", "_create_async_transport"):
        setattr(AsyncHTTPHandler, name, staticmethod(lambda *_, **__: WireTransport()))
    return litellm


def _log_nothing() -> None:
    """Keep litellm from making ready, for each call, a log entry that nobody takes: a third of its work."""
    from litellm.litellm_core_utils.litellm_logging import Logging

    Logging.should_run_logging = lambda *_, **__: False
    Logging.response_cost_calculator = lambda *_, **__: None


async def ask(arguments: Mapping[str, Any], deadline: float, wire: Wire) -> tuple[Any, Exception | None]:
    """litellm's answer or its error; what really happened is known to `wire`.

    The deadline counts from when the request leaves: the first call to a provider makes litellm build things for a
    second or more, which is no fault of the model's.
    """
    token = CURRENT.set(wire)
    try:
        async with asyncio.timeout(deadline + READY) as clock:
            wire.on_leave = lambda: clock.reschedule(asyncio.get_running_loop().time() + deadline)
            return await load_litellm().acompletion(**arguments), None
    except TimeoutError as error:
        wire.failure = late(deadline, wire.url or arguments["model"])
        return None, error
    except Exception as error:  # noqa: BLE001 - litellm raises what it likes; `completion` gives it a code
        return None, error
    finally:
        CURRENT.reset(token)


def late(deadline: float, where: str) -> CallFailed:
    """The failure of a call whose deadline has passed."""
    return CallFailed("timeout", f"no answer within {deadline:g} s from {where}", retriable=True)


# -- what is asked, and of whom --------------------------------------------------------------------


def own_address(call: ModelCall) -> tuple[str, str, str] | None:
    """(litellm's model name, base address, key) of a call to a server of one's own; None for a provider's."""
    provider, _, rest = call.model.partition("/")
    if provider in ("ollama", "ollama_chat"):  # its OpenAI side gives usage and finish reasons, and is one call
        base = (call.api_base or _OLLAMA).rstrip("/")
        return f"openai/{rest}", base if base.endswith("/v1") else f"{base}/v1", call.api_key or NO_KEY
    return (call.model, call.api_base, call.api_key or NO_KEY) if call.api_base else None


def address(call: ModelCall) -> tuple[str, str | None, str | None]:
    """(litellm's model name, base address, key) of a call, none of it taken from ambient redirects."""
    return own_address(call) or (call.model, _BASES.get(_provider(call.model)), call.api_key)


@functools.lru_cache(maxsize=1024)
def _provider(model: str) -> str:
    try:
        return str(load_litellm().get_llm_provider(model=model)[1])
    except Exception as error:
        raise CallFailed(
            "model-unknown",
            f"there is no provider for the model {model!r}; write `provider/model` (openai/..., ...)",
        ) from error


def first_form(schema: Mapping[str, Any], name: str, own_base: bool) -> StructuredBy:
    """How structure is asked for at first: what the model is known to have; the most, where nothing is known."""
    return _most(name, own_base) if object_at_top(schema) else "instructions"  # providers force objects only


@functools.lru_cache(maxsize=1024)
def _most(name: str, own_base: bool) -> StructuredBy:
    litellm = load_litellm()
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


def check_params(call: ModelCall) -> None:
    """Raise CallFailed where a call asks for what is not its own to decide, or for what no remote model does."""
    ours = sorted(_OURS.intersection(call.params))
    if ours:
        raise CallFailed("bad-params", f"`params` may not set {', '.join(ours)}: choreo does; remove it from the spec")
    if call.prefill is not None:
        raise CallFailed("no-prefill", f"{call.model} cannot continue an answer that was started for it")


def arguments_of(
    call: ModelCall, name: str, base: str | None, key: str | None, form: StructuredBy | None
) -> dict[str, Any]:
    """The arguments of litellm's `acompletion`."""
    arguments: dict[str, Any] = {
        **call.params,
        "model": name,
        "messages": [told_message(message) for message in call.messages],
        "api_base": base,
        "api_key": key,
        "timeout": call.deadline,
        "max_retries": 0,
        "num_retries": 0,
        "stream": False,
        "drop_params": True,  # what was dropped is told in the facts
        **beside(call, form),
    }
    if call.offers:
        # else litellm looks for MCP servers to call by itself, with a library that is not there
        arguments.update(tools=[_tool(offer) for offer in call.offers], _skip_mcp_handler=True)
    if call.offers and not call.may_call:
        arguments["tool_choice"] = "none"
    return arguments


def beside(call: ModelCall, form: StructuredBy | None) -> dict[str, Any]:
    """What choreo asks for beside the text, in OpenAI's words."""
    asked: dict[str, Any] = {}
    if call.max_tokens is not None:
        asked["max_tokens"] = call.max_tokens
    if call.top_logprobs is not None:
        asked.update(logprobs=True, top_logprobs=call.top_logprobs)
    if form in ("json_schema", "json_object") and call.schema is not None:
        # a copy: litellm changes what it is given, for some providers
        asked["response_format"] = copy.deepcopy(response_format(form, call.schema, call.schema_name))
    return asked


def told_message(message: Message) -> dict[str, Any]:
    """A message in OpenAI's form."""
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


# -- what came of it -------------------------------------------------------------------------------


def not_sent(error: Exception, call: ModelCall) -> CallFailed:
    """What litellm refused before anything left."""
    said = " ".join(redact.text(str(error)).split())[:300]
    if type(error).__name__ == "AuthenticationError" or "api_key" in said:
        return CallFailed("auth", f"no key for {call.model}: set `api_key: ${{env:NAME}}` in `models:` ({said})")
    return CallFailed("bad-request", f"{call.model} could not be called: {said}")


def has_price(model: str) -> bool:
    """Whether the price list knows what a model costs at its provider's own address."""
    known = price_list.has_price(model)
    if known is not None:
        return known
    prices = load_litellm().model_cost
    entry = prices.get(model) or prices.get(model.partition("/")[2]) or {}
    return "input_cost_per_token" in entry


def cost(call: ModelCall, found: Completion, answer: Any) -> float | None:
    """What the call cost, by the spec's price, else litellm's list for a provider's own address; None is unknown.

    `answer` is litellm's, or the body of an answer in OpenAI's shape.
    """
    if found.tokens_in is None or found.tokens_out is None:
        return None
    if call.price is not None:
        return (found.tokens_in * call.price[0] + found.tokens_out * call.price[1]) / 1_000_000
    if answer is None or call.api_base or not has_price(call.model):
        return None
    try:
        litellm = load_litellm()
        whole = litellm.ModelResponse(**answer) if isinstance(answer, dict) else answer
        return float(litellm.completion_cost(completion_response=whole, model=call.model))
    except Exception:  # noqa: BLE001 - a model without a price raises whatever it likes
        return None
