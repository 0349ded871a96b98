"""A role played by a model: told what to do, asked, checked, sent back with what is wrong, at most `repair` times."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import structs

from choreo.errors import PlayFailed
from choreo.players import answer, prompt, redact
from choreo.players.base import Played, Record, Visit
from choreo.players.client import CallFailed, Message, ModelCall, ModelClient, ModelReply
from choreo.players.clients import client_for
from choreo.players.retry import Line, Taken
from choreo.players.timing import Timing
from choreo.players.toolbox import Toolbox, at_work
from choreo.players.votes import polled
from choreo.spec import ModelPlayer as Asked
from choreo.spec import ModelSettings
from choreo.trace import Attempt


class ModelPlayer:
    """Implements `choreo.players.base.Player` for `choreo.spec.ModelPlayer`.

    `clients` gives the client for a model's full name. Every HTTP call is one Attempt, recorded at once; the last good
    one goes back in `Played.attempts` (unless measuring the confidence makes further calls: then it is recorded, too).
    Raises PlayFailed with the code of the last call's failure (`rate-limited`, `timeout`, `auth`, ...),
    `finish-<reason>` for an answer that was cut short, or `contract-violation`; never retriable, because all retries
    were made here.
    """

    def __init__(self, clients: Callable[[str], ModelClient] = client_for, timing: Timing | None = None) -> None:
        self._clients = clients
        self._timing = timing or Timing()

    async def play(self, visit: Visit, record: Record) -> Played:
        """Ask the role's model; where its attempts are used up, its `fallback`, and so on."""
        asked = visit.role.player
        if not isinstance(asked, Asked):
            raise PlayFailed("not-a-model", f"role `{visit.role.name}` is not played by a model")
        opening, box = prompt.opening(visit, asked), Toolbox(visit, asked.tools) if asked.tools else None
        try:
            return await self._played(visit, asked, record, opening, box)
        except PlayFailed as failed:
            if box is not None and box.acted:  # what a tool has done stays done, whatever the model makes of it
                raise PlayFailed(failed.code, failed.message, timeout=failed.timeout, unsure=True) from failed
            raise

    async def _played(
        self, visit: Visit, asked: Asked, record: Record, opening: tuple[Message, ...], box: Toolbox | None
    ) -> Played:
        ends, draw = self._timing.clock() + visit.deadline, random.Random(visit.seed)  # noqa: S311 - jitter
        failure, before = None, None
        for settings in chain(asked.model, visit):
            facts: dict[str, Any] = {"fallback_for": before} if before else {}
            client = self._clients(settings.model)
            line = Line(client, settings, visit, record, ends, self._timing, draw, facts)
            votes = _votes(visit) if box is None else None
            try:
                if votes is not None:
                    return await polled(partial(_vote, line, opening, asked.repair), *votes)
                return await _converse(line, opening, asked.repair, box)
            except CallFailed as error:
                failure, before = error, settings.model
        raise _play_failed(visit, before, failure)


def chain(model: str, visit: Visit) -> Iterator[ModelSettings]:
    """The settings of a model and of its fallbacks, each once. A name that is no key of `models:` is a model itself."""
    name: str | None = model
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        place = visit.role.player.place
        settings = visit.models.get(name) or ModelSettings(name=name, place=place, model=name, model_place=place)
        yield settings
        name = settings.fallback


def _votes(visit: Visit) -> tuple[int, str | None] | None:
    """How many answers are asked for, and the field they vote on, where confidence is measured that way."""
    wanted = visit.role.confidence
    return (wanted.votes, wanted.field) if wanted is not None and wanted.votes is not None else None


async def _vote(line: Line, opening: tuple[Message, ...], repair: int, number: int) -> Played:
    """One of several answers, with failures and repairs of its own, all of it on record."""
    draw = random.Random(f"{line.visit.seed}/{number}")  # noqa: S311 - jitter
    own = replace(line, draw=draw, facts={**line.facts, "vote": number})
    played = await _converse(own, opening, repair, None)
    for attempt in played.attempts:
        line.record(attempt)
    return structs.replace(played, attempts=())


async def _converse(line: Line, opening: tuple[Message, ...], repair: int, box: Toolbox | None) -> Played:
    visit, messages, offers = line.visit, opening, box.offers if box is not None else ()
    for answers in range(repair + 1):
        if box is not None and not answers:
            taken, opening = await at_work(line, opening, box)
        else:
            taken = await line.ask(messages, offers, may_call=False)
        facts: dict[str, Any] = {"repair": answers} if answers else {}
        _must_be_whole(line, taken, facts)
        found = answer.read(redact.output_text(taken.reply.text), visit.schema)
        if found.unwrapped:
            facts["unwrapped"] = list(found.unwrapped)
        if not found.violations:
            return await _measured(line, taken, found.value, line.answered(taken, **facts))
        broken = violation_text(found.violations)
        line.record(line.answered(taken, "contract-violation", broken, **facts))
        messages = (*opening, *prompt.sent_back(taken.reply.text, found.violations, prompt.contract_name(visit)))
    raise PlayFailed(
        "contract-violation",
        redact.text(
            f"role `{visit.role.name}`: the answer of {line.settings.model} breaks {prompt.contract_name(visit)} "
            f"({repair + 1} answers, none good): {broken}"
        ),
    )


def _must_be_whole(line: Line, taken: Taken, facts: dict[str, Any]) -> None:
    """Only `stop` is an answer: what was cut short, filtered or turned into something else is no handoff."""
    finish = taken.reply.finish
    if finish == "stop":
        return
    code = "finish-" + re.sub(r"[^a-z0-9]+", "-", finish.lower())[:40].strip("-")
    message = f"role `{line.visit.role.name}`: {line.settings.model} ended its answer with `{finish[:40]}`, not `stop`"
    if finish == "length":
        message += "; give it more room (`params: {max_tokens: ...}`) or a smaller contract"
    line.record(line.answered(taken, code, message, **facts))
    raise PlayFailed(code, message)


def violation_text(violations: tuple[answer.Violation, ...]) -> str:
    """Violations as one line: `at /amount: ...; at /action: ...`, the first three."""
    shown = [f"at {pointer or 'the top'}: {sentence[:200]}" for pointer, sentence in violations[:3]]
    more = len(violations) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


async def _measured(line: Line, taken: Taken, value: Any, attempt: Attempt) -> Played:
    """The answer, with its confidence where the role has it measured from token probabilities."""
    wanted = line.visit.role.confidence
    if wanted is None or wanted.source != "logprobs" or wanted.field is None or not isinstance(value, dict):
        return Played(value, attempts=(attempt,))
    from choreo.players.confidence import measure

    line.record(attempt)  # measuring makes further calls: the answer must not be lost with them
    options = options_of(line.visit.schema or {}, wanted.field)
    found = await measure(_Recorded(line), taken.call, value, wanted.field, options, reply=taken.reply)
    return Played(value, found.confidence, found.source, found.detail)


class _Recorded:
    """A line's client whose every call is on record: what `measure` asks on the side."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.continues_prefill = getattr(line.client, "continues_prefill", False)

    async def complete(self, call: ModelCall) -> ModelReply:
        taken = await self._line.once(call)
        self._line.record(self._line.answered(taken, measures="confidence"))
        return taken.reply


def options_of(schema: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """The texts that a contract allows in a top-level field; none where it is not an enum of texts."""
    part = schema.get("properties", {}).get(field, {})
    reference = part.get("$ref", "") if isinstance(part, Mapping) else ""
    if reference.startswith("#/$defs/"):
        part = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
    options = part.get("enum", ()) if isinstance(part, Mapping) else ()
    return tuple(options) if all(isinstance(option, str) for option in options) else ()


def _play_failed(visit: Visit, model: str | None, failure: CallFailed | None) -> PlayFailed:
    if failure is None:
        return PlayFailed("model-unknown", f"role `{visit.role.name}` names no model")
    said = redact.text(failure.message)
    return PlayFailed(failure.code, f"role `{visit.role.name}`: {model}: {said}", timeout=failure.code == "timeout")
