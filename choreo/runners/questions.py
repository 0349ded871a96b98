"""An open question as a person sees it: why they are asked, the facts, and exactly the bytes at stake."""

from __future__ import annotations

from collections.abc import Sequence

from choreo.canonical import NotData, Payload, encode
from choreo.engine.answer import violations
from choreo.engine.limits import told as spent_so_far
from choreo.engine.names import Names
from choreo.engine.position import HopState, OpenQuestion, Position
from choreo.engine.react import Check
from choreo.expression import ExpressionError, compile_expression, compile_form, render_template
from choreo.gates.base import Asking, Question, Violations
from choreo.plan import Plan
from choreo.runners.thread import told_so_far
from choreo.spec import END, Form, HumanPlayer, ModelPlayer, Touchpoint
from choreo.trace import Attempt

_SHORT = 160


def question_for(
    plan: Plan, position: Position, question: OpenQuestion, attempts: Sequence[tuple[int, Attempt]] = ()
) -> Question:
    """The question to be asked, with everything its sender had and nothing more."""
    if question.asked.kind == "approve":
        return _approval(plan, position, question, attempts)
    return _form(plan, position, question, attempts)


def answer_check(plan: Plan, position: Position, question: OpenQuestion, check: Check) -> Violations:
    """What a gate checks an edited payload or a filled-in form with: one sentence a violation."""

    def told(value: object) -> tuple[str, ...]:
        payload = value if isinstance(value, Payload) else Payload.of(value)
        found = violations(plan, position, question, payload, check)
        return tuple(f"{pointer or '/'}: {sentence}" for pointer, sentence in found)

    return told


def _approval(
    plan: Plan, position: Position, question: OpenQuestion, attempts: Sequence[tuple[int, Attempt]]
) -> Question:
    asked, arrival = question.asked, question.arrival
    point = plan.touchpoints[asked.touchpoint][0]
    past = arrival.past if arrival is not None else {}
    target = arrival.target if arrival is not None else ""
    sender = _sender(position, question)
    out = sender.output if sender else None
    names = Names(plan, position, past, asked.scope, out=out, payload=asked.payload)
    contract = plan.result if target == END else plan.roles[target].accepts
    return Question(
        run=position.run,
        number=asked.question,
        kind="approve",
        name=asked.touchpoint,
        ask=_ask_text(point, names),
        why=_why(plan, position, question, point, target),
        facts=_facts(plan, position, asked.scope, sender, attempts, contract.ref if contract else None),
        payload=asked.payload,
        receiver=target,
        contract=contract.ref if contract else None,
        schema=contract.schema if contract else None,
        shows=tuple((label, _shown(form, names)) for label, _, form in point.show),
        sender=sender.role if sender else _from(plan, question),
        sender_input=sender.input if sender else position.trigger,
        who=_person(plan, point.who),
        stakes=point.stakes,
        may=point.may,
    )


def _form(plan: Plan, position: Position, question: OpenQuestion, attempts: Sequence[tuple[int, Attempt]]) -> Question:
    asked = question.asked
    hop = position.hops[asked.hop]
    role = plan.roles[hop.role]
    player = role.role.player
    human = player if isinstance(player, HumanPlayer) else None
    asks, unread = _asks(position, hop, human) if human is not None else (None, ())
    return Question(
        run=position.run,
        number=asked.question,
        kind=asked.kind,
        name=hop.role,
        ask=role.role.does or f"Play the role `{hop.role}`",
        why=(asked.why, *unread),
        facts=_facts(plan, position, asked.scope, None, attempts, role.emits.ref if role.emits else None),
        payload=asked.payload,
        receiver=hop.role,
        contract=role.emits.ref if role.emits else None,
        schema=role.emits.schema if role.emits else None,
        shows=tuple(
            (label, part)
            for label, part in (
                ("the conversation so far", told_so_far(plan, position, hop)),
                ("your earlier answer", hop.previous),
                ("feedback", hop.feedback),
            )
            if part is not None
        ),
        questions=human.questions if human else {},
        asks=asks,
        who=_person(plan, human.who) if human else None,
        may=("approve", "edit", "reject"),
    )


def _asks(position: Position, hop: HopState, human: HumanPlayer) -> tuple[tuple[Asking, ...] | None, tuple[str, ...]]:
    """The questions that are data; where they cannot be read none, and a sentence that says why: the contract is
    asked field by field then.
    """
    if human.asks is None:
        return None, ()
    given = {"input": hop.input, "previous": hop.previous, "feedback": hop.feedback}
    more = {"trigger": position.trigger, "run": {"id": position.run}}
    try:
        value = compile_expression(human.asks.text).evaluate({**given, **more})
        listed = [one if isinstance(one, dict) else {"question": one} for one in value]
        return tuple(Asking(str(one["question"]), tuple(map(str, one.get("choices", ())))) for one in listed), ()
    except (ExpressionError, TypeError, KeyError) as error:
        return None, (f"its questions (`{human.asks.text}`) cannot be read: {error}",)


def _sender(position: Position, question: OpenQuestion) -> HopState | None:
    if question.arrival is None:
        return None
    hops = [position.hops.get(number) for kind, number in question.arrival.sources if kind == "hop"]
    found = [hop for hop in hops if hop is not None]
    return found[-1] if found else None


def _from(plan: Plan, question: OpenQuestion) -> str:
    """Who hands over, where that is no single visit."""
    if question.arrival is None or question.arrival.sources[0][0] != "lanes":
        return "trigger"
    return " and ".join(plan.edges[question.arrival.edge].sources)


def _ask_text(point: Touchpoint, names: Names) -> str:
    try:
        return render_template(point.ask, names)
    except ExpressionError as error:
        written = "".join(part if isinstance(part, str) else "{{ " + part.text + " }}" for part in point.ask.parts)
        return f"{written} ({error})"


def _shown(form: Form, names: Names) -> Payload:
    try:
        return compile_form(form).build(names)
    except (ExpressionError, NotData) as error:
        return Payload.of(f"cannot be shown: {error}")


def _why(plan: Plan, position: Position, question: OpenQuestion, point: Touchpoint, target: str) -> tuple[str, ...]:
    reasons = [question.asked.why]
    if point.stakes == "high":
        reasons.append("the stakes are high")
    goes = "reaches the end" if target == END else f"goes to `{target}`"
    reasons.append(f"approve: exactly this payload {goes}")
    if "edit" in point.may:
        reasons.append(f"edit: what you write is checked, shown again, and then {goes}")
    group = plan.groups.get((point.name, "rejected"))
    if group is None:
        becomes = _becomes(plan, position, question.asked.scope)
        reasons.append("reject: the run ends as rejected" if becomes is None else f"reject: {becomes}")
    else:
        targets = ", ".join(f"`{target}`" for edge in group.edges for target in edge.handoff.targets)
        reasons.append(f"reject: your reason goes to {targets}")
    return tuple(reasons)


def _becomes(plan: Plan, position: Position, scope: str) -> str | None:
    """What becomes of an element that is turned down in its lane; None where that ends the run."""
    while (found := position.lane(scope)) is not None:
        kept = plan.edges[found[0].edge].handoff.on_failure
        if kept in ("drop", "keep"):
            return f"{scope} is left out" if kept == "drop" else f"null stands for {scope}"
        scope = found[0].scope
    return None


def _element(position: Position, scope: str) -> list[tuple[str, str]]:
    found = position.lane(scope)
    if found is None:
        return []
    lanes, index = found
    item = encode(lanes.items[index]).decode("utf-8")
    shown = item if len(item) <= _SHORT else f"{item[:_SHORT]}..."
    return [("element", f"{scope}, {index + 1} of {len(lanes.items)}: {shown}")]


def _facts(
    plan: Plan,
    position: Position,
    scope: str,
    sender: HopState | None,
    attempts: Sequence[tuple[int, Attempt]],
    contract: str | None,
) -> tuple[tuple[str, str], ...]:
    facts: list[tuple[str, str]] = [("run", position.run), ("spec", f"{plan.spec.name} {plan.spec.version}")]
    facts += _element(position, scope)
    if sender is not None:
        role = plan.roles[sender.role].role
        played_by = role.player.model if isinstance(role.player, ModelPlayer) else type(role.player).__name__
        own = [attempt for hop, attempt in attempts if hop == sender.number]
        models = [attempt.model for attempt in own if attempt.model]
        facts.append(("from", f"{sender.role} ({role.kind}), visit {sender.visit}"))
        facts.append(("played by", models[-1] if models else _PLAYED_BY.get(played_by, played_by)))
        if role.confidence is not None:
            measured = "not known" if sender.confidence is None else f"{sender.confidence:.2f}"
            facts.append(("confidence", measured))
        if own:
            facts.append(("attempts", str(len(own))))
    if contract is not None:
        facts.append(("contract", f"{contract}, checked"))
    facts.append(("so far", spent_so_far(position)))
    return tuple(facts)


_PLAYED_BY = {
    "PythonService": "a python service",
    "CommandService": "a command",
    "HttpService": "an http service",
    "SetPlayer": "an expression",
    "HumanPlayer": "a person",
}


def _person(plan: Plan, key: str | None) -> str | None:
    if key is None or plan.spec.map is None:
        return key
    return plan.spec.map.people.get(key, key)
