"""`advance`: what a runner has to do now, read off the history alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from choreo.canonical import NotData, Payload
from choreo.engine.change import in_last_terms
from choreo.engine.fold import fold
from choreo.engine.position import HopState, OpenQuestion, Position, start
from choreo.engine.react import Check
from choreo.expression import ExpressionError
from choreo.plan import Plan
from choreo.trace import Event, HopFinished, RunFinished, Verdict


class Play(Struct, frozen=True):
    """Play this visit: its start is on record."""

    hop: HopState


class Cancel(Struct, frozen=True):
    """Stop this visit, whose lane is over, and record that it ended (`cancelled`) and what it cost."""

    hop: HopState


class Ask(Struct, frozen=True):
    """Ask a person: the question is on record."""

    question: OpenQuestion


class Finish(Struct, frozen=True):
    """The run is over."""

    event: RunFinished


Action = Play | Cancel | Ask | Finish


def rebuild(plan: Plan, run: str, history: Iterable[Event]) -> Position:
    """The position after a whole history, under the plan that the run has last."""
    position = start(plan, run)
    for event in in_last_terms(history):
        fold(plan, position, event)
    return position


def advance(plan: Plan, position: Position) -> tuple[Action, ...]:
    """Everything that is to be done at this position, in order: visits to play, questions to ask, or the end."""
    return (*in_hand(position), *asks(position))


def in_hand(position: Position) -> tuple[Play | Cancel | Finish, ...]:
    """What is to be done but for the questions. An effect that happens once is never cancelled: it plays to its end.

    A visit whose child run waits is played, too: whether that can go on is seen in the child run.
    """
    if position.finished is not None:
        return (Finish(position.finished),)
    waiting = [position.playing[number] for number, child in position.children.items() if child.state == "waiting"]
    hops = sorted([*position.in_play, *waiting], key=lambda hop: hop.number) if waiting else position.in_play
    return tuple(Cancel(hop) if hop.cancelled and not hop.effect else Play(hop) for hop in hops)


def asks(position: Position) -> Iterator[Ask]:
    """The questions that are to be asked, in order, one after the other: there may be thousands."""
    if position.finished is None:
        yield from map(Ask, position.questions.values())


def finished_hop(
    plan: Plan,
    hop: HopState,
    output: Payload | object,
    check: Check,
    *,
    at: float,
    seconds: float = 0.0,
    cost: float | None = 0.0,
    priced: bool = True,
    measured: tuple[float | None, str, dict[str, object]] | None = None,
    more: Mapping[str, object] | None = None,
) -> HopFinished:
    """The event of a player's output, checked against the role's `emits` contract.

    `output` is a Payload or a JSON value; what is not data, or breaks the contract, is a failure of
    the hop with the output kept where it can be. `more` are further names for a `confidence` expression.
    """
    told = {"at": at, "hop": hop.number, "seconds": seconds, "cost": cost, "priced": priced}
    try:
        payload = output if isinstance(output, Payload) else Payload.of(output)
    except NotData as error:
        return HopFinished(status="failed", code="not-data", message=f"the output holds {error}", **told)  # type: ignore[arg-type]
    contract = plan.roles[hop.role].emits
    verdict: Verdict | None = check(contract, payload) if contract is not None else None
    if verdict is not None and not verdict.ok:
        pointer, sentence = verdict.violations[0]
        message = f"the output breaks {verdict.contract} at {pointer or '/'}: {sentence}"
        return HopFinished(
            status="failed",
            code="contract-violation",
            message=message,
            output=payload,
            verdict=verdict,
            **told,  # type: ignore[arg-type]
        )
    confidence, source, detail = measured or _confidence(plan, hop, payload, more or {})
    return HopFinished(
        status="done",
        output=payload,
        verdict=verdict,
        confidence=confidence,
        confidence_source=source,
        confidence_detail=detail,
        **told,  # type: ignore[arg-type]
    )


def _confidence(
    plan: Plan, hop: HopState, output: Payload, more: Mapping[str, object]
) -> tuple[float | None, str, dict[str, object]]:
    """What the role says of itself, where the spec asks for it; never a guess."""
    expression = plan.roles[hop.role].confidence
    if expression is None:
        return None, "none", {}
    names = {"out": output, "input": hop.input, "previous": hop.previous, "feedback": hop.feedback, **more}
    try:
        value = expression.evaluate(names)
    except ExpressionError as error:
        return None, "none", {"reason": str(error)}
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None, "none", {"reason": f"{value!r} is not a number from 0 to 1"}
    return float(value), "self-report", {}
