from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

import pytest

from choreo.players.client import CallFailed, Message, ModelCall, ModelReply, TokenChoice
from choreo.players.confidence import TOP, Measured, measure

CALL = ModelCall("local/any", (Message("user", "?"),), schema={"type": "object"})
Top = dict[str, float]


def chosen(text: str, top: Top) -> TokenChoice:
    """A token with its alternatives as probabilities."""
    logs = tuple((name, math.log(share)) for name, share in top.items())
    return TokenChoice(text, math.log(top.get(text, 1.0)), logs)


def reply_of(*tokens: TokenChoice) -> ModelReply:
    return ModelReply("".join(part.text for part in tokens), "stop", b"", b"", tokens=tokens)


@dataclass
class Continuing:
    """A client that continues a prefill: what comes next is looked up by the prefill's text."""

    tops: dict[str, Top]
    asked: list[ModelCall] = field(default_factory=list)
    continues_prefill: bool = True

    async def complete(self, call: ModelCall) -> ModelReply:
        self.asked.append(call)
        top = self.tops[call.prefill or ""]
        return reply_of(chosen(next(iter(top)), top))


class Remote:
    """A client that does not continue a prefill, and must not be asked again."""

    async def complete(self, call: ModelCall) -> ModelReply:
        raise AssertionError("asked again")


def by_prefill(client: Continuing, answer: dict[str, object], options: tuple[str, ...]) -> Measured:
    return asyncio.run(measure(client, CALL, answer, "action", options))


def by_reply(reply: ModelReply | None, action: str, options: tuple[str, ...]) -> Measured:
    return asyncio.run(measure(Remote(), CALL, {"action": action}, "action", options, reply=reply))


# -- from a prefill ----------------------------------------------------------------------------


def test_the_tokens_that_begin_each_option_are_summed_and_renormalised() -> None:
    client = Continuing({'{"action": "': {"pay": 0.6, "pa": 0.1, "decl": 0.1, "d": 0.1, "buy": 0.1}})
    found = by_prefill(client, {"action": "pay"}, ("pay", "decline"))
    assert found.confidence == pytest.approx(7 / 9, abs=1e-5)
    assert found.margin == pytest.approx(5 / 9, abs=1e-5)
    assert found.mass == pytest.approx(0.9)
    assert found.source == "logprob"


def test_the_answer_is_cut_before_the_value_and_one_token_is_asked_for() -> None:
    prefill = '{"reason": "kaputt – \\"neu\\"", "amount": 4, "action": "'
    client = Continuing({prefill: {"pay": 1.0}})
    answer = {"reason": 'kaputt – "neu"', "amount": 4, "action": "pay", "later": 1}
    assert by_prefill(client, answer, ("pay", "decline")).confidence == 1.0
    (asked,) = client.asked
    assert (asked.max_tokens, asked.top_logprobs, asked.schema) == (1, TOP, None)
    assert asked.messages == CALL.messages


def test_options_that_share_a_prefix_are_followed_to_where_they_part() -> None:
    client = Continuing(
        {
            '{"action": "': {"pay": 0.8, "ask": 0.2},
            '{"action": "pay': {'"': 0.25, '",': 0.25, "_part": 0.5},
        }
    )
    found = by_prefill(client, {"action": "pay"}, ("pay", "pay_part", "ask"))
    assert found.detail["options"] == pytest.approx({"pay": 0.4, "pay_part": 0.4, "ask": 0.2})
    assert found.margin == pytest.approx(0.0)
    assert len(found.replies) == 2


def test_a_likelier_other_option_gives_a_negative_margin() -> None:
    client = Continuing({'{"action": "': {"decl": 0.7, "pay": 0.3}})
    assert by_prefill(client, {"action": "pay"}, ("pay", "decline")).margin == pytest.approx(-0.4)


def test_too_little_mass_on_the_options_is_no_measure() -> None:
    client = Continuing({'{"action": "': {"banana": 0.9, "pay": 0.1}})
    found = by_prefill(client, {"action": "pay"}, ("pay", "decline"))
    assert (found.confidence, found.margin, found.source) == (None, None, "none")
    assert found.mass == pytest.approx(0.1)
    assert "10%" in found.detail["reason"]


def test_a_token_without_text_does_not_turn_in_circles() -> None:
    client = Continuing({'{"action": "': {"": 0.3, "pay": 0.7}})
    assert by_prefill(client, {"action": "pay"}, ("pay", "decline")).mass == pytest.approx(0.7)
    assert len(client.asked) == 1


def test_an_option_with_a_quote_in_it_is_met_as_json_writes_it() -> None:
    client = Continuing({'{"action": "': {"say": 0.5, "ask": 0.5}})
    found = by_prefill(client, {"action": 'say "no"'}, ('say "no"', "ask"))
    assert found.confidence == pytest.approx(0.5)


def test_a_measuring_call_that_fails_is_a_reason_and_no_exception() -> None:
    class Failing(Continuing):
        async def complete(self, call: ModelCall) -> ModelReply:
            raise CallFailed("timeout", "too slow")

    found = by_prefill(Failing({}), {"action": "pay"}, ("pay", "decline"))
    assert (found.confidence, found.source) == (None, "none")
    assert "timeout" in found.detail["reason"]


def test_an_answer_outside_the_options_is_not_measured() -> None:
    for action in ("maybe", 3, None):
        found = by_prefill(Continuing({}), {"action": action}, ("pay", "decline"))
        assert found.source == "none"
        assert found.confidence is None


# -- from the reply's own tokens ---------------------------------------------------------------


def test_a_reply_with_alternatives_is_read_where_the_value_stands() -> None:
    reply = reply_of(
        chosen('{"', {}),
        chosen("action", {}),
        chosen('":', {}),
        chosen(' "', {' "': 0.9, " {": 0.1}),
        chosen("pay", {"pay": 0.75, "decl": 0.2, "Pay": 0.05}),
        chosen('"}', {}),
    )
    found = by_reply(reply, "pay", ("pay", "decline"))
    assert found.confidence == pytest.approx(0.75 / 0.95, abs=1e-5)
    assert found.mass == pytest.approx(0.95)
    assert found.detail["how"] == "reply"


def test_a_token_that_holds_the_quote_and_more_is_read_too() -> None:
    reply = reply_of(
        chosen('{"action":', {}), chosen('"pay', {'"pay': 0.8, '"decl': 0.2}), chosen('"}', {'"}': 0.5, '_part"': 0.5})
    )
    found = by_reply(reply, "pay", ("pay", "pay_part", "decline"))
    assert found.detail["options"] == pytest.approx({"pay": 0.4, "pay_part": 0.4, "decline": 0.2})


def test_a_fence_and_an_earlier_field_with_the_same_words_do_not_mislead() -> None:
    reply = reply_of(
        chosen('```json\n{"note": "action: decline", "action": ', {}),
        chosen('"', {}),
        chosen("pay", {"pay": 0.9, "decline": 0.1}),
        chosen('"}\n```', {}),
    )
    assert by_reply(reply, "pay", ("pay", "decline")).confidence == pytest.approx(0.9)


def test_without_log_probabilities_nothing_is_made_up() -> None:
    for reply in (None, reply_of(TokenChoice('{"action": "pay"}', -0.1))):
        found = by_reply(reply, "pay", ("pay", "decline"))
        assert (found.confidence, found.mass, found.source) == (None, None, "none")
        assert "no log probabilities" in found.detail["reason"]


def test_a_reply_whose_tokens_lack_the_field_is_not_measured() -> None:
    for text in ("no json at all", '{"other": "pay"}', '{"action": 3}', '{"action"', '{"a": "b" "action": '):
        reply = reply_of(chosen(text, {"x": 0.5}))
        assert by_reply(reply, "pay", ("pay", "decline")).source == "none"
