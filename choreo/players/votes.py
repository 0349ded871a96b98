"""`confidence: {votes: 5, field: action}`: a model is asked several times, and the share that agrees is the confidence.

What most answers have in the field is the answer (of a tie the value that came first), with the rest of the first
answer that has it. An answer that could not be had agrees with nobody. Where a model always says the same (temperature
0, a server that remembers), the share is 1 and says nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from choreo.canonical import encode
from choreo.errors import PlayFailed
from choreo.players.base import Played
from choreo.players.client import CallFailed


async def polled(ask: Callable[[int], Awaitable[Played]], votes: int, field: str | None) -> Played:
    """Ask `votes` times at once; `ask` takes the number of the vote, from 1. Raises what `ask` does if none is cast."""
    cast = await asyncio.gather(*(ask(number) for number in range(1, votes + 1)), return_exceptions=True)
    for one in cast:
        if isinstance(one, BaseException) and not isinstance(one, PlayFailed | CallFailed):
            raise one
    played = [one for one in cast if isinstance(one, Played)]
    if not played:
        raise next(one for one in cast if isinstance(one, BaseException))
    said = [_voted(one.value, field) for one in played]
    winner, count = Counter(said).most_common(1)[0]
    chosen = played[said.index(winner)]
    detail = {"votes": votes, "counts": dict(Counter(said)), "not_cast": votes - len(played)}
    return replace(chosen, confidence=count / votes, confidence_source="votes", confidence_detail=detail)


def _voted(value: Any, field: str | None) -> str:
    whole = field is None or not isinstance(value, dict)
    return encode(value if whole else value.get(field)).decode()
