"""What a provider says of itself is taken for what it is: counts and probabilities that can be, or none."""

from __future__ import annotations

from typing import Any

import pytest
from model_server import completion, token

from choreo.players import redact
from choreo.players.completion import from_wire


@pytest.mark.parametrize("count", [10**30, -1, 1e308, "7", True, None])
def test_a_count_that_cannot_be_is_none(count: Any) -> None:
    found = from_wire(completion("hello", usage={"prompt_tokens": count, "completion_tokens": 3}))
    assert found is not None
    assert (found.tokens_in, found.tokens_out) == (None, 3)


@pytest.mark.parametrize("logprob", [float("nan"), float("inf"), 3.0, "x", None])
def test_probabilities_that_cannot_be_are_none(logprob: Any) -> None:
    whole = completion("hello")
    whole["choices"][0]["logprobs"] = {"content": [{**token("hello"), "logprob": logprob}]}
    found = from_wire(whole)
    assert found is not None
    assert found.tokens == ()


def test_a_key_that_is_echoed_is_taken_out_of_outputs_and_a_plain_word_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_secrets", set()), ("_text_pattern", None), ("_data_pattern", None), ("_key_pattern", None)):
        monkeypatch.setattr(redact, name, value)
    redact.register("localhost")
    assert redact.output(b"at localhost") == b"at localhost"
    redact.register("sk-0123456789abcdef")
    assert redact.output(b"sk-0123456789abcdef at localhost") == b"[redacted] at localhost"
    assert redact.output_text("ü sk-0123456789abcdef") == "ü [redacted]"
