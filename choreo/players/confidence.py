"""Measured confidence: how much of the model's probability stood behind the option it answered.

Two ways, the same sums. Where the client continues a prefill, the answer is cut before the field's
value and the model is asked for one token, with its alternatives, once more for every prefix that
options share. Where it does not, the alternatives recorded with the answer's own tokens are read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from choreo.players.client import CallFailed, ModelCall, ModelClient, ModelReply, TokenChoice

TOP = 20
"""Alternatives asked for at each token: what common providers give at most."""
MIN_MASS = 0.5
"""Below this share of probability on any option at all, a ratio between options says nothing."""
_MIN_BRANCH = 0.001
_MAX_CALLS = 12


@dataclass(frozen=True)
class Measured:
    """Numbers are shares from 0 to 1, None where they could not be had (`detail["reason"]` says why).

    `confidence`: of the answered option, among all options. `margin`: to the best other option, negative
    where another one was likelier. `mass`: probability that fell on any option. `replies` are the
    calls that measuring took.
    """

    confidence: float | None
    margin: float | None
    mass: float | None
    source: Literal["logprob", "none"]
    detail: Mapping[str, Any] = field(default_factory=dict)
    replies: tuple[ModelReply, ...] = ()


async def measure(
    client: ModelClient,
    call: ModelCall,
    answer: Mapping[str, Any],
    field: str,
    options: tuple[str, ...],
    *,
    reply: ModelReply | None = None,
) -> Measured:
    """Measure the confidence of `answer[field]`, one of `options`.

    `call` is the call that was answered; `reply` its answer, needed for clients that do not continue a
    prefill (and asked with `top_logprobs=TOP`). Never raises: what cannot be had is None, with a reason.
    """
    if not isinstance(answer.get(field), str) or answer[field] not in options:
        return _none(f"the answer's {field!r} is not one of the options")
    tails = {option: json.dumps(option, ensure_ascii=False)[1:] for option in options}
    if getattr(client, "continues_prefill", False):
        return await _by_prefill(client, call, answer, field, tails)
    if reply is None or not any(token.top for token in reply.tokens):
        return _none("the model's provider returned no log probabilities")
    return _by_reply(reply.tokens, answer[field], field, tails)


def _none(reason: str, mass: float | None = None, replies: tuple[ModelReply, ...] = ()) -> Measured:
    return Measured(None, None, mass, "none", {"reason": reason}, replies)


# -- asking on from a prefill --------------------------------------------------------------------

Ask = Callable[[str], Awaitable[tuple[tuple[str, float], ...]]]


async def _by_prefill(
    client: ModelClient, call: ModelCall, answer: Mapping[str, Any], field: str, tails: Mapping[str, str]
) -> Measured:
    begun = _text_before(answer, field)
    replies: list[ModelReply] = []

    async def ask(written: str) -> tuple[tuple[str, float], ...]:
        one = replace(call, schema=None, prefill=begun + written, max_tokens=1, top_logprobs=TOP)
        reply = await client.complete(one)
        replies.append(reply)
        return reply.tokens[0].top if reply.tokens else ()

    try:
        shares = await _walk(ask, tails)
    except CallFailed as failure:
        return _none(f"the measuring call failed ({failure.code}): {failure.message}", replies=tuple(replies))
    return _result(shares, answer[field], {"how": "prefill", "calls": len(replies)}, tuple(replies))


def _text_before(answer: Mapping[str, Any], field: str) -> str:
    """The answer's JSON text up to and with the opening quote of the field's value."""
    before: dict[str, Any] = {}
    for key, value in answer.items():
        if key == field:
            break
        before[key] = value
    text = json.dumps(before, ensure_ascii=False)[:-1]
    return f"{text}{', ' if before else ''}{json.dumps(field, ensure_ascii=False)}: " + '"'


async def _walk(ask: Ask, tails: Mapping[str, str]) -> dict[str, float]:
    """The probability of each option: tokens that fit one option count for it, those that fit several are followed."""
    shares = dict.fromkeys(tails, 0.0)
    open_ends: list[tuple[float, str]] = [(1.0, "")]
    for _ in range(_MAX_CALLS):
        if not open_ends:
            break
        open_ends.sort()
        mass, written = open_ends.pop()
        for text, logprob in await ask(written):
            here = mass * math.exp(logprob)
            fits = _fitting(written + text, tails) if text else []
            if len(fits) == 1:
                shares[fits[0]] += here
            elif fits and here >= _MIN_BRANCH:
                open_ends.append((here, written + text))
    return shares


def _fitting(written: str, tails: Mapping[str, str]) -> list[str]:
    """The options this text begins, or has behind it already."""
    return [option for option, tail in tails.items() if tail.startswith(written) or written.startswith(tail)]


# -- reading the answer's own tokens -------------------------------------------------------------


def _by_reply(tokens: tuple[TokenChoice, ...], answered: str, field: str, tails: Mapping[str, str]) -> Measured:
    text = "".join(token.text for token in tokens)
    start = _value_start(text, field)
    if start is None:
        return _none(f"the value of {field!r} was not found in the answer's tokens")
    return _result(_read(tokens, start, tails), answered, {"how": "reply"}, ())


def _read(tokens: tuple[TokenChoice, ...], start: int, tails: Mapping[str, str]) -> dict[str, float]:
    """The probability of each option along the answered path. `start` is the offset of the opening quote.

    Tokens that decide nothing (every option still fits) are passed over; a token off the path that fits
    several options counts for none of them.
    """
    shares = dict.fromkeys(tails, 0.0)
    path, offset, written = 1.0, 0, ""
    for token in tokens:
        begin, offset = offset, offset + len(token.text)
        if offset <= start:
            continue
        lead = token.text[: max(0, start - begin)]
        grown = _after_quote(written + token.text[len(lead) :])
        fits = _fitting(grown, tails)
        if len(fits) < len(tails):
            for other, logprob in _others(token):
                found = _fitting(_after_quote(written + _without(lead, other)), tails)
                if len(found) == 1:
                    shares[found[0]] += path * math.exp(logprob)
            path *= math.exp(token.logprob)
        written += token.text[len(lead) :]
        if len(fits) <= 1:
            for option in fits:
                shares[option] += path
            break
    return shares


def _others(token: TokenChoice) -> list[tuple[str, float]]:
    return [(text, logprob) for text, logprob in token.top if text and text != token.text]


def _without(lead: str, text: str) -> str:
    return text.removeprefix(lead) if lead.strip() else text.lstrip()


def _after_quote(text: str) -> str:
    return text[1:] if text.startswith('"') else "\0"  # what does not open a string fits no option


def _value_start(text: str, field: str) -> int | None:
    """Where the string value of a top-level key begins in a JSON text (perhaps with words or a fence around it)."""
    decoder = json.JSONDecoder()
    place = text.find("{") + 1
    try:
        while place:
            place = _skip(text, place, ",")
            key, place = decoder.raw_decode(text, place)
            place = _skip(text, place, ":")
            if key == field:
                return place if text[place] == '"' else None
            _, place = decoder.raw_decode(text, place)
    except (ValueError, IndexError):
        return None
    return None


def _skip(text: str, place: int, mark: str) -> int:
    while place < len(text) and (text[place].isspace() or text[place] == mark):
        place += 1
    return place


# -- the figures ---------------------------------------------------------------------------------


def _result(
    shares: Mapping[str, float], answered: str, detail: dict[str, Any], replies: tuple[ModelReply, ...]
) -> Measured:
    mass = min(1.0, sum(shares.values()))
    if mass < MIN_MASS:
        return _none(f"only {mass:.0%} of the probability fell on any option", mass, replies)
    even = {option: share / sum(shares.values()) for option, share in shares.items()}
    best_other = max((share for option, share in even.items() if option != answered), default=0.0)
    detail["options"] = {option: round(share, 6) for option, share in even.items()}
    detail["margin"] = round(even[answered] - best_other, 6)
    detail["mass"] = round(mass, 6)
    return Measured(
        confidence=round(even[answered], 6),
        margin=detail["margin"],
        mass=detail["mass"],
        source="logprob",
        detail=detail,
        replies=replies,
    )
