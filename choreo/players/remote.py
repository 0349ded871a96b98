"""Every remote or server model: one HTTP call per `complete`, its exact bytes, a deadline, a size cap.

Providers are litellm's business (`choreo.players.library`); it is asked again only where its answer would be another
one (`choreo.players.shapes`, `choreo.players.own_server`). What an answer means is read from the bytes
(`choreo.players.completion`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, get_args

from choreo.players import completion, library, own_server, redact
from choreo.players.client import CallFailed, ModelCall, ModelReply, StructuredBy
from choreo.players.schema_text import object_at_top, told
from choreo.players.shapes import Shape, Shapes, kind_of, taught
from choreo.players.wire import Wire

_STEPS: tuple[StructuredBy, ...] = get_args(StructuredBy)


@dataclass(frozen=True)
class _Exchange:
    """One call with everything that came of it: the wire knows what happened, litellm what it made of it.

    `shape` is the form that was filled in, where litellm was not asked; `plain`, that it never was.
    """

    call: ModelCall
    form: StructuredBy | None
    wire: Wire
    answer: Any = None
    error: Exception | None = None
    shape: Shape | None = None
    plain: bool = False


class RemoteClient:
    """Implements `choreo.players.client.ModelClient`. Remembers, as long as it lives, which form a server refuses."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str | None, str], StructuredBy] = {}
        self._without_logprobs: set[tuple[str, str | None]] = set()
        self._shapes = Shapes()
        self._loaded = False

    async def complete(self, call: ModelCall) -> ModelReply:
        """Make exactly one HTTP call. Raises CallFailed.

        `format-refused` means that the server does not take what was asked beside the text: the next call asks for
        less (no log probabilities; json_object in place of json_schema; then structure by instructions alone).
        """
        library.check_params(call)
        if (call.model, call.api_base) in self._without_logprobs:
            call = replace(call, top_logprobs=None)
        plain = own_server.is_plain(call)
        if not plain:
            await self._load()
        form = self._form(call, plain)
        made = await self._made(call, form, plain)
        try:
            return _reply(made)
        except CallFailed as failure:
            raise self._finished(failure, made) from None

    async def _load(self) -> None:
        if not self._loaded:
            await asyncio.to_thread(library.load_litellm)
            self._loaded = True

    def _form(self, call: ModelCall, plain: bool) -> StructuredBy | None:
        if call.schema is None:
            return None
        if call.offers and call.may_call:
            return "instructions"
        if plain:  # all that is known of it is that it is asked in OpenAI's way
            first: StructuredBy = "json_schema" if object_at_top(call.schema) else "instructions"
        else:
            name, base, _ = library.address(call)
            first = library.first_form(call.schema, name, own_base=bool(base and call.api_base))
        if not self._refused:
            return first
        parts = ("", told(call.schema).contract.digest)
        known = [self._refused.get((call.model, call.api_base, part)) for part in parts]
        return max([first, *[_after(form) for form in known if form]], key=_STEPS.index)

    async def _made(self, call: ModelCall, form: StructuredBy | None, plain: bool) -> _Exchange:
        kind = kind_of(call, form)
        shape = self._shapes.of(kind) if kind is not None else None
        if shape is None and kind is not None and plain:
            shape = self._shapes.keep(kind, own_server.shape_of(call, form))
        if shape is not None:
            return _Exchange(call, form, await _filled_in(call, shape), shape=shape, plain=plain)
        await self._load()
        name, base, key = library.address(call)
        wire = Wire(call.max_bytes, base, library.NO_KEY)
        answer, error = await library.ask(library.arguments_of(call, name, base, key, form), call.deadline, wire)
        made = _Exchange(call, form, wire, answer, error)
        if kind is not None:
            self._learn_shape(kind, made, key)
        return made

    def _learn_shape(self, kind: Hashable, made: _Exchange, key: str | None) -> None:
        """What litellm makes of this kind of call, where it was answered, and read as well without litellm."""
        wire, call = made.wire, made.call
        if made.error is not None or wire.failure is not None or wire.status != 200:
            return
        body = completion.body_of(wire.response)
        found = completion.from_wire(body)
        if found is None or library.cost(call, found, made.answer) != library.cost(call, found, body):
            self._shapes.learn(kind, None)
            return
        self._shapes.learn(kind, taught(call, wire, key))

    def _finished(self, failure: CallFailed, made: _Exchange) -> CallFailed:
        """The failure with its bytes, secrets removed; what was refused is remembered."""
        wire = made.wire
        refused = failure.code == "bad-request" and self._learn_refusal(made.call, wire.response, made.form)
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
        part = told(call.schema).contract.digest if what == "schema" else ""
        self._refused[call.model, call.api_base, part] = form
        return True


async def _filled_in(call: ModelCall, shape: Shape) -> Wire:
    """One call in a form that is known; what came of it is in the wire."""
    wire = Wire(call.max_bytes, shape.url, library.NO_KEY)
    body = shape.filled(call.messages)
    try:
        async with asyncio.timeout(call.deadline):
            await wire.send("POST", shape.url, shape.headers, body)
    except TimeoutError:
        wire.failure = library.late(call.deadline, wire.url)
    except CallFailed as failure:
        wire.failure = failure
    return wire


def _after(form: StructuredBy) -> StructuredBy:
    return _STEPS[min(_STEPS.index(form) + 1, len(_STEPS) - 1)]


# -- the reply -------------------------------------------------------------------------------------


def _reply(made: _Exchange) -> ModelReply:
    wire, call = made.wire, made.call
    body, found = _completion(made)
    if not found.text and found.finish == "stop" and not found.calls:
        raise _empty(found, wire.url)
    priced = made.answer if made.shape is None else None if made.plain else body
    return ModelReply(
        text=found.text or "",
        finish=found.finish,
        request=redact.data(wire.request),
        response=redact.data(wire.response),
        tokens_in=found.tokens_in,
        tokens_out=found.tokens_out,
        cost=library.cost(call, found, priced),
        facts=_facts(made, found),
        tokens=found.tokens,
        calls=found.calls,
    )


def _completion(made: _Exchange) -> tuple[Any, completion.Completion]:
    """The body of the answer and what it says. Raises CallFailed with the code of what happened on the way."""
    wire = made.wire
    if wire.failure is not None:
        raise wire.failure
    if wire.status is not None and wire.status >= 400:
        raise completion.refused_status(wire.status, wire.headers, wire.response, wire.url, time.time())
    if made.error is not None and not wire.url:
        raise library.not_sent(made.error, made.call) from made.error
    body = completion.body_of(wire.response)
    found = completion.from_wire(body, offered=bool(made.call.offers) or made.shape is not None)
    if found is None and made.shape is None and made.error is None:
        found = completion.from_litellm(made.answer, body)
    if found is None:
        raise completion.no_completion(wire.response, body, wire.url)
    return body, found


def _empty(found: completion.Completion, url: str) -> CallFailed:
    if found.refusal:
        return CallFailed("refused", f"the model refuses: {redact.text(found.refusal)[:300]}")
    return CallFailed("empty-answer", f"{url} answers without any text", retriable=True)


def _facts(made: _Exchange, found: completion.Completion) -> dict[str, Any]:
    wire = made.wire
    facts: dict[str, Any] = {"structured_by": made.form, "url": redact.text(wire.url), "status": wire.status}
    if found.served_by:
        facts["served_by"] = found.served_by
    asked = {*made.call.params, *(("tools",) if made.call.offers else ())}
    dropped = sorted(asked - _sent(made)) if asked else []
    return {**facts, "params_not_taken": dropped} if dropped else facts


def _sent(made: _Exchange) -> frozenset[str]:
    """The names at the top of what was sent; of another shape, those that were asked for."""
    if made.shape is not None:
        return made.shape.names
    body = completion.body_of(made.wire.request)
    known = isinstance(body, dict) and "messages" in body
    return frozenset(body) if known else frozenset({*made.call.params, "tools"})
