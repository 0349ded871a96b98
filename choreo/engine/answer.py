"""A person's answer as a fact: bound to the hash of what was on the screen."""

from __future__ import annotations

from choreo.canonical import Payload
from choreo.engine.position import OpenQuestion, Position
from choreo.engine.react import Check
from choreo.errors import ChoreoError, ExpiredError, HeldError, UsageError
from choreo.plan import Plan
from choreo.spec import END
from choreo.trace import Decided, DecisionKind

ANSWERS: dict[str, tuple[str, ...]] = {
    "approve": ("approve", "edit", "reject"),
    "fill": ("fill", "reject"),
    "in_doubt": ("done", "redo", "stop"),
}


def decided(
    plan: Plan,
    position: Position,
    number: int,
    decision: DecisionKind,
    shown: str,
    *,
    check: Check,
    at: float,
    by: str,
    payload: Payload | None = None,
    reason: str = "",
    seconds: float = 0.0,
) -> Decided:
    """The event of an answer that was given at `at`. Raises HeldError when the question is no longer open, was not
    answered in time or the payload has changed since it was shown, UsageError when the answer does not fit it."""
    question = position.questions.get(number)
    if question is None:
        raise HeldError("already-decided", f"question {number} is not open any more", "see `choreo trace`")
    in_time(question, at)
    if shown != question.asked.payload.digest:
        raise HeldError(
            "stale-answer", "the payload has changed since it was shown", "look at it again and answer anew"
        )
    _allowed(plan, question, decision)
    if decision in ("edit", "fill", "done"):
        _check_payload(plan, position, question, payload, check)
    return Decided(at, number, decision, shown, by, payload, reason, seconds)


def in_time(question: OpenQuestion, at: float) -> None:
    """Raises ExpiredError for what is answered when `within` is over: nobody may have booked that yet."""
    due = question.asked.due
    if due is not None and due <= at:
        message = f"`{question.asked.touchpoint}` expired before it was answered (`within` was over)"
        raise ExpiredError(message, "see `choreo trace`", due)


def _allowed(plan: Plan, question: OpenQuestion, decision: str) -> None:
    choices = ANSWERS[question.asked.kind]
    if question.asked.kind == "approve":
        choices = plan.touchpoints[question.asked.touchpoint][0].may
    if decision not in choices:
        name = question.asked.touchpoint
        raise UsageError(
            "not-allowed", f"`{name}` cannot be answered with {decision}", f"it takes: {', '.join(choices)}"
        )


def _check_payload(
    plan: Plan, position: Position, question: OpenQuestion, payload: Payload | None, check: Check
) -> None:
    if payload is None:
        raise UsageError("no-payload", "this answer needs a payload")
    for pointer, sentence in violations(plan, position, question, payload, check):
        raise ChoreoError("contract-violation", f"the answer breaks its contract at {pointer or '/'}: {sentence}")


def violations(
    plan: Plan, position: Position, question: OpenQuestion, payload: Payload, check: Check
) -> tuple[tuple[str, str], ...]:
    """What an edited payload or a filled-in form breaks: (JSON pointer, sentence) pairs."""
    if question.arrival is not None:
        target, handoff = question.arrival.target, plan.edges[question.arrival.edge].handoff
        given = None if handoff.fails(target) else plan.result
        contract = given if target == END else plan.roles[target].accepts
    else:
        contract = plan.roles[position.hops[question.asked.hop].role].emits
    return check(contract, payload).violations if contract is not None else ()
