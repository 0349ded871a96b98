"""Deterministic services: python functions, commands and http, played with a deadline and with retries."""

from __future__ import annotations

import asyncio
import random
import time
from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace

from choreo import policy
from choreo.canonical import NotData, Payload
from choreo.errors import PlayFailed
from choreo.players import redact
from choreo.players.base import Played, Record, Visit
from choreo.spec import Retry
from choreo.trace import Attempt


@dataclass(frozen=True)
class Called:
    """What one call of a service gave: its output, what it was asked, and facts for the trace."""

    value: Any
    request: bytes
    response: bytes
    facts: Mapping[str, Any] = field(default_factory=dict)


class CallError(Exception):
    """One call that gave no output. `unsure`: what was asked for may have been done all the same.

    `request` is what was sent, where that is not the visit's input; `retry_after` (seconds) the least wait that the
    other side asks for.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retriable: bool = True,
        request: bytes | None = None,
        response: bytes | None = None,
        retry_after: float | None = None,
        unsure: bool = False,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retriable = retriable
        self.request = request
        self.response = response
        self.retry_after = retry_after
        self.unsure = unsure
        self.facts = facts


class Call(Protocol):
    """One call of a service: takes the visit and the seconds it has, gives Called or raises CallError."""

    kind: str
    ends_in_time: bool
    """Whether a call that takes too long is really over then: it may be made again, so each has its share of the time.
    """

    @abstractmethod
    async def __call__(self, visit: Visit, seconds: float) -> Called: ...


class ServicePlayer:
    """Plays a role by calling a service, again where the role's `retry` allows it."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def play(self, visit: Visit, record: Record) -> Played:
        retry = _retry_of(visit)
        ends: float | None = None
        draw: random.Random | None = None
        for attempt in range(1, retry.attempts + 1):
            started, began = self._starts()
            ends = ends or began + visit.deadline
            try:
                left = self._share(ends - time.monotonic(), retry.attempts - attempt + 1)
                called = await self._within(visit, left)
            except CallError as error:
                record(self._failed(visit, error, started, time.monotonic() - began))
                draw = draw or random.Random(visit.seed)  # noqa: S311 - jitter, not a secret
                wait = policy.delay(retry, attempt, draw.random(), error.retry_after)
                last = not error.retriable or attempt == retry.attempts or time.monotonic() + wait >= ends
                if last:
                    said, late = redact.text(error.message), error.code == "timeout"
                    raise PlayFailed(error.code, said, timeout=late, unsure=error.unsure) from error
                await asyncio.sleep(wait)
            else:
                return self._done(called, started, time.monotonic() - began)
        raise PlayFailed("no-attempt", "the role's `retry` allows no attempt")

    def _starts(self) -> tuple[float, float]:
        """When the attempt that is made now began: seconds UTC, and by the clock that nobody sets."""
        return time.time(), time.monotonic()

    def _share(self, left: float, attempts: int) -> float:
        return left / attempts if self._call.ends_in_time else left

    def _make(self, visit: Visit, seconds: float) -> Awaitable[Called]:
        return self._call(visit, seconds)

    async def _within(self, visit: Visit, seconds: float) -> Called:
        try:
            async with asyncio.timeout(seconds):
                return await self._make(visit, seconds)
        except TimeoutError as error:
            message = f"no result within {min(seconds, visit.deadline):.3g} s"
            raise CallError("timeout", message, retriable=self._call.ends_in_time) from error

    def _done(self, called: Called, started: float, seconds: float) -> Played:
        attempt = Attempt(
            kind=self._call.kind,
            request=redact.data(called.request),
            response=redact.data(called.response),
            started=started,
            seconds=seconds,
            cost=0.0,
            facts=called.facts,
        )
        return Played(called.value, attempts=(attempt,))

    def _failed(self, visit: Visit, error: CallError, started: float, seconds: float) -> Attempt:
        return Attempt(
            kind=self._call.kind,
            request=visit.input.data if error.request is None else redact.data(error.request),
            response=redact.data(error.response) if error.response is not None else None,
            started=started,
            seconds=seconds,
            code=error.code,
            message=redact.text(error.message),
            cost=0.0,
            facts={key: redact.text(value) if isinstance(value, str) else value for key, value in error.facts.items()},
        )


def _retry_of(visit: Visit) -> Retry:
    """An effect that may happen once is never tried twice, whatever the spec says."""
    retry = visit.role.retry or Retry()
    return replace(retry, attempts=1) if visit.role.effect == "once" else retry


def output_of(value: Any) -> Payload:
    """A service's output as a payload. Raises CallError where it is not data."""
    try:
        return value if isinstance(value, Payload) else Payload.of(value)
    except NotData as error:
        raise CallError("not-data", f"the output is no JSON data: {error}", retriable=False, unsure=True) from error
