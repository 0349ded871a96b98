"""Effects that happen once over all runs (`key`): the key is claimed before the effect, or a receipt is taken."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from choreo.canonical import Payload
from choreo.engine.keys import effect_key
from choreo.engine.position import HopState, OpenQuestion, Position
from choreo.errors import PlayFailed
from choreo.expression import ExpressionError
from choreo.plan import Plan
from choreo.players.base import Played
from choreo.store import Store
from choreo.store.claims import Claim
from choreo.trace import EffectKey

POLL = 0.1


class Claims(Protocol):
    """The run as this module sees it."""

    plan: Plan
    position: Position

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    async def claim(self, fact: EffectKey) -> bool: ...


class InDoubt(Exception):
    """An earlier hop has the key, and nobody knows whether its effect happened: a person decides."""


async def once_over_all(runner: Claims, hop: HopState, deadline: float) -> Played | None:
    """The receipt of the hop that did this before; None where the key was claimed and the effect is to be done now.

    Where another process is at it now, its result is awaited for `deadline` seconds. Raises InDoubt, or PlayFailed
    where the key cannot be told.
    """
    name, ends = _key_of(runner, hop), time.monotonic() + deadline
    if name is None:
        return None
    scope, key = name
    while True:
        now = runner.clock()
        earlier = runner.store.claim(name, now)
        mine = earlier is not None and (earlier.run, earlier.hop) == (runner.position.run, hop.number)
        if earlier is not None and not mine and earlier.output is not None and earlier.status == "done":
            # Also where a person has said `redo`: they did not know of it.
            await runner.claim(EffectKey(now, hop.number, scope, key, earlier.run, earlier.hop))
            return Played(earlier.output)
        if earlier is None or hop.redo or (_may_be_done_again(earlier) and not mine):
            before = (earlier.run, earlier.hop) if earlier is not None and not mine else ("", 0)
            if await runner.claim(EffectKey(now, hop.number, scope, key, *before, over=earlier is not None)):
                return None
        elif mine or earlier.asked or not earlier.played or earlier.status is not None or time.monotonic() > ends:
            raise InDoubt(f"`{hop.role}` was begun for {key} by hop {earlier.hop} of run {earlier.run}, {_WHY}")
        else:
            await asyncio.sleep(POLL)


def receipts(runner: Claims) -> Iterator[tuple[OpenQuestion, Payload, str]]:
    """Questions about effects whose key another hop has had since: what that one's effect gave, and which hop it is."""
    for question in runner.position.questions.values():
        hop = runner.position.hops.get(question.asked.hop)
        if question.asked.kind != "in_doubt" or hop is None:
            continue
        with contextlib.suppress(PlayFailed):
            name = _key_of(runner, hop)
            found = runner.store.claim(name, runner.clock()) if name is not None else None
            if found is not None and found.status == "done" and found.output is not None:
                yield question, found.output, f"hop {found.hop} of run {found.run} has done it"


_WHY = "and it is not on record whether it happened"


def _key_of(runner: Claims, hop: HopState) -> tuple[str, str] | None:
    try:
        return effect_key(runner.plan, runner.position, hop)
    except ExpressionError as error:
        raise PlayFailed("key-error", f"the key of the effect: {error}") from error


def _may_be_done_again(earlier: Claim) -> bool:
    """An effect that failed and was not left in doubt did not happen."""
    return earlier.status == "failed" and earlier.code != "in-doubt"
