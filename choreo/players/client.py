"""The one small protocol behind which every model stands: remote through litellm, or embedded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

StructuredBy = Literal["json_schema", "json_object", "instructions"]


@dataclass(frozen=True)
class ToolCall:
    """A tool that a model wants to have called. `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Offer:
    """A tool as a model is told of it. `schema` is the JSON Schema of its arguments, an object."""

    name: str
    does: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """`calls` are those in an assistant's answer; `answers` is the id of the call that a tool's message answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""


@dataclass(frozen=True)
class ModelCall:
    """One call, as choreo means it. `deadline` is wall-clock seconds for the whole call.

    `schema` is the JSON Schema the answer must meet (None: free text). `prefill` starts the
    assistant's answer; `top_logprobs` asks for the alternatives of each answered token.
    """

    model: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    schema_name: str = "answer"
    params: Mapping[str, Any] = field(default_factory=dict)
    deadline: float = 60.0
    max_bytes: int = 10_000_000
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    price: tuple[float, float] | None = None
    """(input, output) per million tokens, overriding any price list."""
    prefill: str | None = None
    max_tokens: int | None = None
    top_logprobs: int | None = None
    offers: tuple[Offer, ...] = ()
    may_call: bool = True
    """Whether a tool may be called in this answer. While it may, structure is asked for by instructions alone: many
    servers that force a shape can then no longer answer with a call."""


@dataclass(frozen=True)
class TokenChoice:
    """One answered token with the alternatives the model weighed: (token text, natural log probability)."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ModelReply:
    """One answer. Unknown numbers are None, never 0. `request` and `response` are what went over the
    wire (or its nearest equivalent), keys redacted, as bytes to be stored.

    `finish` is the provider's reason; only `stop` is accepted by the caller. `facts` go into the trace
    (weight hash, runtime version, threads, how the structure was enforced).
    """

    text: str
    finish: str
    request: bytes
    response: bytes
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    tokens: tuple[TokenChoice, ...] = ()
    calls: tuple[ToolCall, ...] = ()


class CallFailed(Exception):
    """One call that gave no usable answer. `code` is stable (`rate-limited`, `server-error`, `timeout`,
    `connection`, `tls`, `auth`, `bad-request`, `not-json`, `empty-answer`, `answer-too-large`,
    `model-missing`, ...)."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retriable: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
        request: bytes = b"",
        response: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retriable = retriable
        self.retry_after = retry_after
        self.status = status
        self.request = request
        self.response = response


class ModelClient(Protocol):
    """Makes exactly one call per `complete`; raises CallFailed. Cancelling the coroutine stops the call."""

    async def complete(self, call: ModelCall) -> ModelReply: ...
