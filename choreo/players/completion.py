"""What came back from a model's server, read from the bytes themselves where they have OpenAI's shape.

litellm reports a missing finish reason as `stop`, empty `choices` as success and missing usage as 0 tokens; the bytes
know better. Other shapes (Anthropic's, Google's, ...) are read through litellm's own translation.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from choreo.players import redact
from choreo.players.client import CallFailed, TokenChoice, ToolCall

_MOST_TOKENS = 10**12
"""A count above it is none."""
_USAGE_KEYS = ("usage", "usageMetadata", "prompt_eval_count", "meta")
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "structured output", "guided_json", "output_format")


@dataclass(frozen=True)
class Completion:
    """One completion. `text` is None where there is none; `finish` is `missing` where no reason was given."""

    text: str | None
    finish: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    refusal: str | None = None
    served_by: str | None = None
    tokens: tuple[TokenChoice, ...] = ()
    calls: tuple[ToolCall, ...] = ()


def body_of(response: bytes) -> Any:
    """The JSON of a response body, or None where it is not JSON."""
    try:
        return json.loads(response)
    except (ValueError, RecursionError):
        return None


def from_wire(body: Any, offered: bool = False) -> Completion | None:
    """The completion in a body of OpenAI's shape; None where it has another shape or its text lies elsewhere.

    `offered`: whether tools were; where none were, a call is some provider's way to carry the answer.
    """
    choice = _first(body.get("choices")) if isinstance(body, dict) else None
    message = choice.get("message") if choice else None
    if choice is None or not isinstance(message, dict) or (message.get("tool_calls") and not offered):
        return None
    text, finish, usage = message.get("content"), choice.get("finish_reason"), body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Completion(
        text=text if isinstance(text, str) else None,
        finish=finish if isinstance(finish, str) and finish else "missing",
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        refusal=message["refusal"] if isinstance(message.get("refusal"), str) else None,
        served_by=body["model"] if isinstance(body.get("model"), str) else None,
        tokens=_tokens(choice.get("logprobs")),
        calls=_calls(message.get("tool_calls")),
    )


def from_litellm(answer: Any, body: Any) -> Completion | None:
    """The completion as litellm translated it; None where it holds none."""
    choices = getattr(answer, "choices", None)
    if not choices:
        return None
    usage = getattr(answer, "usage", None) if isinstance(body, dict) and any(map(body.get, _USAGE_KEYS)) else None
    return Completion(
        text=choices[0].message.content,
        finish=choices[0].finish_reason or "missing",
        tokens_in=_count(getattr(usage, "prompt_tokens", None)),
        tokens_out=_count(getattr(usage, "completion_tokens", None)),
        served_by=getattr(answer, "model", None),
        calls=_calls([_plain_call(call) for call in getattr(choices[0].message, "tool_calls", None) or ()]),
    )


def _plain_call(call: Any) -> dict[str, Any]:
    named = getattr(call, "function", None)
    function = {"name": getattr(named, "name", None), "arguments": getattr(named, "arguments", None)}
    return {"id": getattr(call, "id", None), "function": function}


def _calls(found: Any) -> tuple[ToolCall, ...]:
    """The calls in an answer; what is no call becomes one of a tool without a name, which is refused."""
    listed = found if isinstance(found, list) else []
    return tuple(_call(number, call if isinstance(call, dict) else {}) for number, call in enumerate(listed, 1))


def _call(number: int, call: dict[str, Any]) -> ToolCall:
    named, told = call.get("function"), call.get("id")
    function: dict[str, Any] = named if isinstance(named, dict) else {}
    name, given = function.get("name"), function.get("arguments")
    arguments = given if isinstance(given, str) else "" if given is None else json.dumps(given)
    known = told if isinstance(told, str) and told else f"call-{number}"
    return ToolCall(known, name if isinstance(name, str) else "", arguments)


def _first(found: Any) -> dict[str, Any] | None:
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def _count(found: Any) -> int | None:
    return found if type(found) is int and 0 <= found < _MOST_TOKENS else None


def _tokens(logprobs: Any) -> tuple[TokenChoice, ...]:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    try:
        return tuple(
            TokenChoice(
                token["token"],
                _logprob(token),
                tuple((other["token"], _logprob(other)) for other in token.get("top_logprobs") or ()),
            )
            for token in content or ()
        )
    except (KeyError, TypeError, ValueError):
        return ()


def _logprob(token: Any) -> float:
    """Raises ValueError where it is none: it is at most 0, but for what rounding adds."""
    found = float(token["logprob"])
    if not found < 0.01:
        raise ValueError(found)
    return found


# -- what went wrong -------------------------------------------------------------------------------


def refused_status(status: int, headers: Mapping[str, str], response: bytes, url: str, now: float) -> CallFailed:
    """The failure that a status of 400 and above means."""
    said = message_in(response)
    text = f"{url} answers {status}" + (f": {said}" if said else "")
    if status == 429:
        wait = retry_after(headers.get("retry-after"), now)
        asked = f" (asks to wait {wait:g} s)" if wait is not None else ""
        return CallFailed("rate-limited", text + asked, retriable=True, retry_after=wait, status=status)
    if status >= 500 or status == 408:
        wait = retry_after(headers.get("retry-after"), now)
        return CallFailed("server-error", text, retriable=True, retry_after=wait, status=status)
    if status in (401, 403, 407):
        return CallFailed("auth", f"{text}; check the key (`api_key: ${{env:NAME}}`)", status=status)
    return CallFailed("bad-request", text, status=status)


def refused_part(response: bytes) -> Literal["logprobs", "schema", "form"] | None:
    """What a bad request is about, as far as choreo can do without it: told by the words of the error."""
    said = response[:20_000].decode("utf-8", "replace").lower()
    if "logprobs" in said:
        return "logprobs"
    if not any(word in said for word in _FORMAT_WORDS):
        return None
    return "schema" if "invalid schema" in said else "form"


def no_completion(response: bytes, body: Any, url: str) -> CallFailed:
    """The failure that a good status without a completion means."""
    if body is None:
        page = " (a web page: a login page, a proxy or a wrong address?)" if b"<html" in response[:2000].lower() else ""
        start = response[:80].decode("utf-8", "replace")
        return CallFailed("not-json", f"{url} answers with something that is not JSON{page}: {start!r}", retriable=True)
    if isinstance(body, dict) and body.get("error"):
        return CallFailed("server-error", f"{url} answers with an error: {message_in(response)}", retriable=True)
    if isinstance(body, dict) and "choices" in body:
        return CallFailed("empty-answer", f"{url} answers without any choice", retriable=True)
    return CallFailed("bad-answer", f"{url} answers with JSON that is no completion: is it the right address?")


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date seen from `now`; None for neither."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d{1,18}(\.\d*)?\s*", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def message_in(response: bytes) -> str:
    """The sentence in an error body, without secrets and control characters, at most 300 characters."""
    body = body_of(response)
    said = (
        body.get("error", body.get("message", ""))
        if isinstance(body, dict)
        else response[:600].decode("utf-8", "replace")
    )
    if isinstance(said, dict):
        said = said.get("message", "")
    plain = "".join(character if character.isprintable() else " " for character in str(said))
    return redact.text(" ".join(plain.split()))[:300]
