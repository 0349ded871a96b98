"""The tools of a model: what it may call while it works on one hop, and what becomes of each call.

The list is all there is: a name that is not on it is refused. Arguments are held against the tool's contract before
anything is called; what a tool answers goes back as data. Every call is one Attempt of the hop, refused ones too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from choreo.canonical import NotData, Payload, decode
from choreo.errors import PlayFailed
from choreo.players import player_for, prompt, redact
from choreo.players.base import Player, Visit
from choreo.players.client import Message, Offer, ToolCall
from choreo.players.retry import Line, Taken
from choreo.players.schema_text import contract_of, lean
from choreo.spec import HttpService, Role, Tool
from choreo.trace import Attempt
from choreo.verify import the_checker

ROUNDS = 8
"""Answers that may be calls; after them the model is asked for its answer and may call nothing."""
MOST_AT_ONCE = 16
"""Calls in one answer."""
MOST_TOLD = 50_000
"""Bytes of a tool's answer that a model is told."""
CALL_TIMEOUT = 120.0
"""Seconds for one call."""
ANY_OBJECT = {"type": "object"}

_CALLING = ("tool_calls", "function_call", "stop")
_BROKEN = ("env-missing", "service-missing", "command-missing")
"""Failures that are the spec's, not the call's: no other call would help."""


class _Refused(Exception):
    """A call that is not made. `more` is told to the model beside the reason."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.more = code, message, more


class Toolbox:
    """The tools of one visit, shared by its model and that one's fallbacks. `acted`: an effect may have happened."""

    def __init__(self, visit: Visit, tools: tuple[Tool, ...]) -> None:
        self._visit = visit
        self._tools = {tool.name: tool for tool in tools}
        self._done: dict[str, Payload] = {}
        self.acted = False
        self.offers = tuple(
            Offer(tool.name, tool.does, ANY_OBJECT if contract is None else lean(contract.schema))
            for tool, contract in ((tool, visit.tools.get(tool.name)) for tool in tools)
        )

    async def answered(self, line: Line, call: ToolCall) -> Message:
        """Make one call; the message with what came of it. Raises PlayFailed where the visit cannot go on."""
        started, began = line.timing.now(), line.timing.clock()
        try:
            tool = self._named(call)
            said = await self._played(line, tool, call, self._arguments(tool, call))
        except _Refused as refused:
            seconds = line.timing.clock() - began
            line.record(_attempt(call, refused, started, seconds))
            said = _error(refused.code, refused.message, **refused.more)
        if len(said.data) > MOST_TOLD:
            size = f"the tool's answer has {len(said.data):,} bytes, and at most {MOST_TOLD:,} are told"
            said = _error("output-too-large", f"{size}: ask for less")
        return prompt.told_by_tool(self._visit, call.id, said)

    def _named(self, call: ToolCall) -> Tool:
        tool = self._tools.get(call.name)
        if tool is None:
            raise _Refused("no-such-tool", f"there is no tool `{call.name[:80]}`; there are: {', '.join(self._tools)}")
        if tool.name in self._done:
            earlier = self._done[tool.name].value
            message = f"`{tool.name}` was called before, and it acts at most once; `earlier` is what it answered then"
            raise _Refused("once-done", message, earlier=earlier)
        return tool

    def _arguments(self, tool: Tool, call: ToolCall) -> Payload:
        try:
            given = Payload.of(decode(call.arguments or "{}"))
        except (NotData, ValueError) as error:
            raise _Refused("no-arguments", f"the arguments are no JSON: {error}") from error
        contract = self._visit.tools.get(tool.name) or _OBJECT
        verdict = the_checker()(contract, given)
        if not verdict.ok:
            broken = "; ".join(f"at {pointer or 'the top'}: {why[:200]}" for pointer, why in verdict.violations[:8])
            raise _Refused("no-arguments", f"the arguments break the contract of `{tool.name}`: {broken}")
        return given

    async def _played(self, line: Line, tool: Tool, call: ToolCall, given: Payload) -> Payload:
        """What the tool answers, or its failure as data."""
        left = line.ends - line.timing.clock()
        if left <= 0:
            raise PlayFailed("timeout", f"the deadline of {self._visit.deadline:g} s has passed", timeout=True)
        once = self._visit.role.effect == "once" and not _reads_only(tool)

        def record(attempt: Attempt) -> None:
            facts = {**attempt.facts, "tool": tool.name, "service": attempt.kind, "call": redact.text(call.id)}
            line.record(msgspec.structs.replace(attempt, kind="tool", facts=facts))

        try:
            player = cast(Player, player_for(tool.service))
            played = await player.play(self._inside(tool, given, left), record)
            said = played.value if isinstance(played.value, Payload) else Payload.of(played.value)
        except PlayFailed as failed:
            in_doubt = once and (failed.timeout or failed.unsure)
            self.acted = self.acted or in_doubt
            if in_doubt or failed.code in _BROKEN:
                raise
            return _error(failed.code, failed.message)
        for attempt in played.attempts:
            record(attempt)
        if once:
            self.acted = True
            self._done[tool.name] = said
        return said

    def _inside(self, tool: Tool, given: Payload, left: float) -> Visit:
        """The visit that the tool's service sees: the arguments, and nothing else of what the role was handed."""
        role = self._visit.role
        return msgspec.structs.replace(
            self._visit,
            role=Role(f"{role.name}.{tool.name}", tool.place, role.kind, tool.service, effect=role.effect),
            input=given,
            trigger=None,
            previous=None,
            feedback=None,
            schema=None,
            emits=None,
            deadline=min(left, CALL_TIMEOUT),
            turns=(),
            call=f"{tool.name}/{given.digest[7:23]}",
        )


async def at_work(line: Line, messages: tuple[Message, ...], box: Toolbox) -> tuple[Taken, tuple[Message, ...]]:
    """The first answer that is no call, and the talk that led to it. After `ROUNDS` of calls no more are taken."""
    for _ in range(ROUNDS):
        taken = await line.ask(messages, box.offers)
        calls = taken.reply.calls
        if not calls or taken.reply.finish not in _CALLING:
            return taken, messages
        if len(calls) > MOST_AT_ONCE:
            message = f"{line.settings.model} wants {len(calls)} calls at once; at most {MOST_AT_ONCE} are made"
            line.record(line.answered(taken, "too-many-calls", message))
            raise PlayFailed("too-many-calls", f"role `{line.visit.role.name}`: {message}")
        line.record(line.answered(taken, calls=[call.name for call in calls]))
        said = [await box.answered(line, call) for call in calls]
        messages = (*messages, Message("assistant", taken.reply.text, calls=calls), *said)
    return await line.ask(messages, box.offers, may_call=False), messages


def _reads_only(tool: Tool) -> bool:
    return isinstance(tool.service, HttpService) and tool.service.reads_only


def _error(code: str, message: str, **more: Any) -> Payload:
    return Payload.of({"error": {"code": code, "message": redact.text(message)}, **more})


def _attempt(call: ToolCall, refused: _Refused, started: float, seconds: float) -> Attempt:
    told: Mapping[str, str] = {"tool": call.name[:80], "call": call.id[:80]}
    return Attempt(
        kind="tool",
        request=redact.data(call.arguments.encode("utf-8", "replace")),
        response=None,
        started=started,
        seconds=seconds,
        code=refused.code,
        message=redact.text(refused.message),
        cost=0.0,
        facts={key: redact.text(value) for key, value in told.items()},
    )


_OBJECT = contract_of(ANY_OBJECT, "arguments")
