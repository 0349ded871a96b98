"""One model in one play: calls it, again where that may help, and puts every HTTP call on record."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from choreo import policy
from choreo.players import redact
from choreo.players.base import Record, Visit
from choreo.players.client import CallFailed, Message, ModelCall, ModelClient, ModelReply, Offer
from choreo.players.clients import LOCAL, resolve_env
from choreo.players.timing import Timing
from choreo.players.turns import turns_of
from choreo.spec import ModelSettings
from choreo.trace import Attempt

CALL_TIMEOUT = 120.0
"""Seconds for one remote call where its settings give no `timeout`; an embedded model has the whole deadline."""

MOST_FORMS = 3
"""Times a server may refuse what was asked beside the text within one call; these do not count as attempts."""


@dataclass(frozen=True)
class Taken:
    """A reply with the call that it answers, when that was made (UTC seconds), and how long it took."""

    call: ModelCall
    reply: ModelReply
    started: float
    seconds: float


@dataclass
class Line:
    """The way to one model. `ends` is when the play's deadline passes, by the monotonic clock.

    Failed calls share one budget of `retry.attempts` over the whole play, so the number of HTTP calls is bounded by
    attempts + repairs + refused forms.
    """

    client: ModelClient
    settings: ModelSettings
    visit: Visit
    record: Record
    ends: float
    timing: Timing
    draw: random.Random
    facts: Mapping[str, Any] = field(default_factory=dict)
    failures: int = 0

    async def ask(self, messages: tuple[Message, ...], offers: tuple[Offer, ...] = (), may_call: bool = True) -> Taken:
        """One answer. Raises CallFailed when the attempts are used up, help nothing, or would pass the deadline."""
        refused_forms = 0
        while True:
            try:
                return await self.once(replace(self._call(messages), offers=offers, may_call=may_call))
            except CallFailed as failure:
                if failure.code == "format-refused" and refused_forms < MOST_FORMS:
                    refused_forms += 1
                else:
                    await self._wait(failure)

    async def once(self, call: ModelCall) -> Taken:
        """Exactly one call, in its turn. A failed one is recorded before CallFailed is raised."""
        turns = turns_of(self.settings, self.timing)
        if turns is None:
            return await self._made(call)
        async with turns.turn() as waited:
            self.ends += waited
            return await self._made(call)

    async def _made(self, call: ModelCall) -> Taken:
        started, began = self.timing.now(), self.timing.clock()
        try:
            reply = await self.client.complete(call)
        except CallFailed as failure:
            self.record(self._failed(failure, started, self.timing.clock() - began))
            raise
        return Taken(call, reply, started, self.timing.clock() - began)

    def answered(self, taken: Taken, code: str | None = None, message: str = "", **facts: Any) -> Attempt:
        """The attempt of a call that was answered; `code` says why the answer was not taken."""
        reply = taken.reply
        return Attempt(
            kind="model",
            request=reply.request,
            response=reply.response,
            started=taken.started,
            seconds=taken.seconds,
            code=code,
            message=redact.text(message),
            model=self.settings.model,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost=reply.cost,
            finish=reply.finish,
            facts={**reply.facts, **self.facts, **facts},
        )

    def _call(self, messages: tuple[Message, ...]) -> ModelCall:
        left = self.ends - self.timing.clock()
        if left <= 0:
            raise CallFailed("timeout", f"the deadline of {self.visit.deadline:g} s has passed")
        settings = self.settings
        usual = left if settings.model.startswith(LOCAL) else CALL_TIMEOUT
        params = dict(settings.params)
        most = params.pop("max_tokens", None)
        return ModelCall(
            model=settings.model,
            messages=messages,
            schema=self.visit.schema,
            schema_name=self.visit.emits or "answer",
            params=params,
            deadline=min(left, settings.timeout or usual),
            api_base=resolve_env(settings.api_base) if settings.api_base else None,
            api_key=resolve_env(settings.api_key) if settings.api_key else None,
            price=settings.price,
            max_tokens=most,
            top_logprobs=self._alternatives(),
        )

    def _alternatives(self) -> int | None:
        """How many alternatives of each token are asked for: some, where confidence is read from the answer itself."""
        wanted = self.visit.role.confidence
        if wanted is None or wanted.source != "logprobs" or getattr(self.client, "continues_prefill", False):
            return None
        from choreo.players.confidence import TOP

        return TOP

    def _failed(self, failure: CallFailed, started: float, seconds: float) -> Attempt:
        return Attempt(
            kind="model",
            request=redact.data(failure.request),
            response=redact.data(failure.response) if failure.response else None,
            started=started,
            seconds=seconds,
            code=failure.code,
            message=redact.text(failure.message),
            model=self.settings.model,
            facts={**self.facts, **({} if failure.status is None else {"status": failure.status})},
        )

    async def _wait(self, failure: CallFailed) -> None:
        self.failures += 1
        retry = policy.retry_for_model(self.visit.role.retry)
        if not failure.retriable or self.failures >= retry.attempts:
            raise failure
        wait = policy.delay(retry, self.failures, self.draw.random(), failure.retry_after)
        left = self.ends - self.timing.clock()
        if wait >= left:
            late = (
                f"{failure.message}; the next attempt would be in {wait:g} s, the deadline is in {max(left, 0):.3g} s"
            )
            raise CallFailed(failure.code, late, retry_after=failure.retry_after, status=failure.status)
        await self.timing.sleep(wait)
