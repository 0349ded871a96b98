"""The form in which a request leaves, with the messages left open: what can be filled in without asking litellm again.

litellm works for milliseconds on every call, most of it to find out again what it found out for the call before. So
its work is remembered: where two calls that differ in nothing but the text of their messages left in the same form,
and that form is OpenAI's with the messages in it untouched, the third is written into it. What litellm drops, renames
or adds is in there by itself, whatever its version. All else stays with litellm: messages with calls of tools, other
shapes, keys that are not plain, requests of which no two are alike.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo.players.client import CallFailed, Message, ModelCall, StructuredBy
from choreo.players.schema_text import told
from choreo.players.wire import KEY_HEADERS, Wire

PATH = "/chat/completions"
_OF_ONE_CALL = frozenset({"x-stainless-read-timeout"})
"""Headers that tell the deadline of the call that taught the form."""
_WITH_TOOLS = ("tools", "tool_choice", "functions", "function_call")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_MOST_KNOWN = 1000


@dataclass(frozen=True)
class Shape:
    """One form of request. `before` and `after` are the body around the list of messages; `names` its top keys.

    `variable` names the environment's variable that the key in it came from: the form holds as long as that does.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # a key is in them
    before: str
    after: str
    names: frozenset[str]
    variable: str | None = None

    @classmethod
    def of(
        cls, url: str, headers: Iterable[tuple[str, str]], body: Mapping[str, Any], variable: str | None = None
    ) -> Shape:
        """The form of a request with this body, whatever its `messages` are."""
        names = list(body)
        place = names.index("messages")
        parts = [f"{_text(name)}:{_text(value)}" for name, value in body.items() if name != "messages"]
        before = "{" + "".join(f"{part}," for part in parts[:place]) + '"messages":'
        after = "".join(f",{part}" for part in parts[place:]) + "}"
        return cls(url, tuple(headers), before, after, frozenset(names), variable)

    def holds(self) -> bool:
        """Whether the key in it is still the environment's."""
        if self.variable is None:
            return True
        value = os.environ.get(self.variable)
        return any(told.rpartition(" ")[2] == value for _, told in self.headers)

    def filled(self, messages: Sequence[Message]) -> bytes:
        """The body with these messages. Raises CallFailed where they hold what JSON cannot."""
        listed = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return f"{self.before}{_text(listed)}{self.after}".encode()
        except UnicodeEncodeError as error:
            raise CallFailed("bad-request", f"the messages cannot be sent: {error}") from error


class Shapes:
    """The forms that a client knows, by the kind of call. Lives as long as the client, and is written nowhere."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Shape] = {}
        self._seen: dict[Hashable, Shape] = {}

    def of(self, kind: Hashable) -> Shape | None:
        """The form for this kind of call, if there is one that can be relied on."""
        found = self._known.get(kind)
        return found if found is not None and found.holds() else None

    def keep(self, kind: Hashable, shape: Shape) -> Shape:
        """Rely on a form from now on."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[kind] = shape
        return shape

    def learn(self, kind: Hashable, shape: Shape | None) -> None:
        """Take note of a form in which litellm made a call that was answered: two alike in a row are relied on."""
        before = self._seen.pop(kind, None)
        if shape is None:
            return
        if shape == before:
            self.keep(kind, shape)
            return
        if len(self._seen) >= _MOST_KNOWN:
            self._seen.clear()
        self._seen[kind] = shape


def kind_of(call: ModelCall, form: StructuredBy | None) -> Hashable | None:
    """What calls of one form have in common: all but the text of their messages. None: the call is like no other."""
    if call.offers or any(message.calls or message.answers or not message.content for message in call.messages):
        return None
    try:
        params = _text(dict(call.params))
    except (TypeError, ValueError):
        return None
    schema = told(call.schema).contract.digest if call.schema is not None else None
    return (
        *(call.model, call.api_base, call.api_key, params, call.max_tokens, call.top_logprobs),
        *(form, schema, call.schema_name, "".join(message.role[0] for message in call.messages)),
    )


def taught(call: ModelCall, wire: Wire, key: str | None) -> Shape | None:
    """The form of a request that litellm sent; None where it must not be filled in by others."""
    if not wire.target.endswith(PATH):
        return None
    try:
        body = json.loads(wire.request)
    except ValueError:
        return None
    listed = [{"role": message.role, "content": message.content} for message in call.messages]
    if not isinstance(body, dict) or body.get("messages") != listed or body.get("stream"):
        return None
    if any(name in body for name in _WITH_TOOLS):
        return None
    keys = {value.rpartition(" ")[2] for name, value in wire.asked if name.lower() in KEY_HEADERS} - {key}
    variable = _variable(keys)
    if keys and variable is None:  # made for this call, or soon to expire
        return None
    headers = [(name, value) for name, value in wire.asked if name.lower() not in _OF_ONE_CALL]
    return Shape.of(wire.target, headers, body, variable)


def _variable(keys: set[str]) -> str | None:
    """The variable of the environment that holds the one key there is."""
    if len(keys) != 1:
        return None
    (key,) = keys
    return next((name for name, value in os.environ.items() if value == key), None)


def _text(value: Any) -> str:
    return _ENCODER.encode(value)
