"""`cache: true`: a model is not asked again what it has answered before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from choreo.canonical import Payload
from choreo.players.base import Played, Player, Record, Visit
from choreo.players.identity import Identity, asked
from choreo.store.remembered import Remembered
from choreo.trace import Attempt


@dataclass(frozen=True)
class Cached:
    """Plays a role by what `earlier` has on record for the same question, else by its player.

    What the player answers is marked in the attempts (fact `cache_key`), so that a later hop finds it. An answer of a
    fallback is not: it stands in for the model only as long as that is away.
    """

    player: Player
    earlier: Callable[[str], Remembered | None]
    role: Identity

    async def play(self, visit: Visit, record: Record) -> Played:
        key = asked(self.role, visit, any_run=True)
        found = self.earlier(key)
        if found is not None:
            return from_record("cached", visit.input, found)
        played = await self.player.play(visit, lambda attempt: record(_marked(attempt, key)))
        return replace(played, attempts=tuple(_marked(attempt, key) for attempt in played.attempts))


def _marked(attempt: Attempt, key: str) -> Attempt:
    if attempt.code is not None or "fallback_for" in attempt.facts or "measures" in attempt.facts:
        return attempt
    return replace(attempt, facts={**attempt.facts, "cache_key": key})


def from_record(kind: str, given: Payload, earlier: Remembered) -> Played:
    """The output of an earlier hop as that of this one, with an attempt that says where it is from (`run`, `hop`)."""
    link = Attempt(
        kind=kind,
        request=given.data,
        response=earlier.output.data,
        started=time.time(),
        seconds=0.0,
        cost=0.0,
        facts={"run": earlier.run, "hop": earlier.hop, **({"code": earlier.code} if earlier.code else {})},
    )
    return Played(
        earlier.output, earlier.confidence, earlier.confidence_source, earlier.confidence_detail, attempts=(link,)
    )
