"""Models in this process: `local/<name>` and `local/<path to a GGUF file>`, without a server.

The answer to a call with a schema is sampled under a grammar made of that schema, so it always has
the right shape; whether it is true is another matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from choreo.contract.grammar import Grammar, grammar_of
from choreo.errors import ChoreoError
from choreo.players.client import CallFailed, ModelCall, ModelReply, TokenChoice
from choreo.players.local_grammar import grammar_text
from choreo.players.local_runtime import Setting, Stopped, infer, threads_to_use, version
from choreo.weights import digest_of_file, locate, read_catalogue
from choreo.weights.gguf import NotGguf, read_head

PREFIX = "local/"
CTX = 8192
MAX_TOKENS = 2048
"""Answer tokens where nobody set a limit: a weak model in a loop must end."""

_PASSED_ON = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
T = TypeVar("T")


@dataclass
class _Answer:
    """An answer as it comes in, piece by piece."""

    limit: int
    text: list[str] = field(default_factory=list)
    size: int = 0
    tokens: list[TokenChoice] = field(default_factory=list)
    finish: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        self.error = chunk.get("error", self.error)
        self.usage = chunk.get("usage") or self.usage
        self.timings = chunk.get("timings") or self.timings
        for choice in chunk.get("choices", ()):
            piece = choice.get("delta", {}).get("content") or ""
            self.text.append(piece)
            self.size += len(piece.encode("utf-8", "replace"))
            self.finish = choice.get("finish_reason") or self.finish
            self.tokens += [_choice_of(token) for token in (choice.get("logprobs") or {}).get("content", ())]

    def response(self) -> bytes:
        """What is stored as the response: the nearest there is to bytes on a wire."""
        fields = {"text": "".join(self.text), "finish": self.finish, "usage": self.usage, "timings": self.timings}
        return _bytes(fields if self.error is None else {**fields, "error": self.error})


class LocalClient:
    """Plays models with the embedded runtime. One inference at a time; others wait for their turn."""

    continues_prefill = True
    """A `prefill` is really continued, token by token."""

    async def complete(self, call: ModelCall) -> ModelReply:
        """One answer. Raises CallFailed. Cancelling stops the inference at the next token (or prompt batch)."""
        if call.offers:
            raise CallFailed("no-tools", f"{call.model} runs in this process and cannot call tools")
        stop = threading.Event()
        answer = _Answer(call.max_bytes)
        request = _request(call)
        try:
            async with asyncio.timeout(call.deadline):
                return await _in_thread(lambda: _play(call, request, answer, stop))
        except TimeoutError as error:
            message = f"no complete answer from {call.model} within {call.deadline:g} s (waiting for its turn included)"
            raise CallFailed("timeout", message, request=_bytes(request), response=answer.response()) from error
        finally:
            stop.set()


def _play(call: ModelCall, request: dict[str, Any], answer: _Answer, stop: threading.Event) -> ModelReply:
    """The whole call, in a worker thread. Raises CallFailed, Stopped."""
    facts: dict[str, Any] = {}
    sent = _bytes(request)
    try:
        setting = _setting(call, facts)
        facts["runtime"] = version()
        grammar = _grammar(call)
        text = {} if grammar is None else {"grammar": grammar_text(grammar)}

        def take(chunk: Mapping[str, Any]) -> None:
            answer.add(chunk)
            if answer.size > call.max_bytes:
                stop.set()

        loading = infer(setting, {**request, **text}, take, stop)
    except Stopped:
        if answer.size > call.max_bytes:
            raise CallFailed("answer-too-large", f"the answer passed {call.max_bytes} bytes", request=sent) from None
        raise
    except ChoreoError as error:
        raise CallFailed(error.code, f"{error.message}: {error.help}", request=sent) from error
    if answer.error is not None:
        raise _refused(answer, sent)
    if loading:
        facts["load_seconds"] = round(loading, 2)
    return _reply(call, answer, sent, {**facts, **_structure(grammar, call, answer)})


# -- before the inference ------------------------------------------------------------------------


def _setting(call: ModelCall, facts: dict[str, Any]) -> Setting:
    """Which file, with how much context and how many threads; `facts` are filled in. Raises ChoreoError."""
    name = call.model.removeprefix(PREFIX)
    path = locate(name)
    if path is None:
        raise ChoreoError(
            "model-missing", f"the weights of local/{name} are not on this machine", f"run `choreo models pull {name}`"
        )
    try:
        head = read_head(path)
        sha256 = digest_of_file(path)
    except (NotGguf, OSError) as error:
        raise ChoreoError("model-unusable", str(error), "name a complete GGUF model file") from error
    entry = read_catalogue().find(name)
    if entry is not None and entry.sha256 != sha256:
        raise ChoreoError(
            "model-changed",
            f"{path} is no longer the official file (SHA-256 {sha256})",
            f"run `choreo models rm {name}`, then `choreo models pull {name}`",
        )
    ctx = _whole(call, "ctx", min(CTX, head.context or CTX))
    threads = _whole(call, "threads", 0) or threads_to_use()
    facts.update(weights_sha256=sha256, weights_file=path.name, threads=threads, ctx=ctx)
    return Setting(path, ctx, threads)


def _whole(call: ModelCall, key: str, default: int) -> int:
    if key not in call.params:
        return default
    value = call.params[key]
    if type(value) is not int or value < 1:
        raise ChoreoError("bad-request", f"params.{key} is {value!r}", "give a whole number above 0")
    return value


def _request(call: ModelCall) -> dict[str, Any]:
    """The chat request as the runtime gets it, without the grammar's text (the schema stands in for it)."""
    messages = [{"role": message.role, "content": message.content} for message in call.messages]
    if call.prefill is not None:
        messages.append({"role": "assistant", "content": call.prefill})
    request: dict[str, Any] = {"messages": messages, "temperature": 0, "seed": 0}
    request.update({key: call.params[key] for key in _PASSED_ON if key in call.params})
    request["max_tokens"] = call.max_tokens or call.params.get("max_tokens") or MAX_TOKENS
    if call.top_logprobs:
        request.update(logprobs=True, top_logprobs=call.top_logprobs)
    if call.schema is not None:
        request["json_schema_as_grammar"] = call.schema
    # A prompt that is partly remembered is computed in other batches and gives slightly other numbers: the same call
    # must give the same answer, whatever was played before it. Only measuring, which asks on, may remember.
    request["cache_prompt"] = call.prefill is not None
    return {**request, "stream": True, "stream_options": {"include_usage": True}, "return_progress": True}


def _grammar(call: ModelCall) -> Grammar | None:
    """None for free text, and for a continued answer (a grammar would begin anew behind the prefill)."""
    if call.schema is None or call.prefill is not None:
        return None
    return grammar_of(call.schema)


# -- after it ------------------------------------------------------------------------------------


def _refused(answer: _Answer, sent: bytes) -> CallFailed:
    error = answer.error or {}
    message = str(error.get("message", error))
    status = error.get("code")
    if error.get("type") == "exceed_context_size_error":
        message = (
            f"the prompt has {error.get('n_prompt_tokens')} tokens and the model's context holds {error.get('n_ctx')}: "
            "shorten the prompt, or raise params.ctx"
        )
    code = "bad-request" if status == 400 else "server-error"
    return CallFailed(code, message, request=sent, response=answer.response())


def _structure(grammar: Grammar | None, call: ModelCall, answer: _Answer) -> dict[str, Any]:
    """How the shape was enforced. A finished answer that is no JSON means the runtime dropped the grammar."""
    if grammar is None:
        return {"grammar": False}
    if answer.finish == "stop" and not _is_json("".join(answer.text)):
        return {"grammar": False, "grammar_refused": True}
    facts: dict[str, Any] = {"grammar": True, "structured_by": "grammar"}
    if grammar.not_enforced:
        facts["not_enforced"] = list(grammar.not_enforced)
    return facts


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _reply(call: ModelCall, answer: _Answer, sent: bytes, facts: dict[str, Any]) -> ModelReply:
    speeds = {"tokens_per_second": "predicted_per_second", "prompt_tokens_per_second": "prompt_per_second"}
    for fact, key in speeds.items():
        if isinstance(value := answer.timings.get(key), int | float):
            facts[fact] = round(float(value), 1)
    return ModelReply(
        text="".join(answer.text),
        finish=answer.finish or "cut",
        request=sent,
        response=answer.response(),
        tokens_in=answer.usage.get("prompt_tokens"),
        tokens_out=answer.usage.get("completion_tokens"),
        cost=0.0,
        facts=facts,
        tokens=tuple(answer.tokens),
    )


def _choice_of(token: Mapping[str, Any]) -> TokenChoice:
    top = tuple((str(other["token"]), float(other["logprob"])) for other in token.get("top_logprobs", ()))
    return TokenChoice(str(token["token"]), float(token["logprob"]), top)


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def _in_thread(work: Callable[[], T]) -> T:
    """Await work in a thread that nobody waits for when the waiting is given up.

    A thread pool would hold the process at its end until the inference is over.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        outcome: tuple[T | None, BaseException | None]
        try:
            outcome = (work(), None)
        except BaseException as error:  # noqa: BLE001  it is raised again where it is awaited
            outcome = (None, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="choreo-inference", daemon=True).start()
    return await done
