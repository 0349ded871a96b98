"""Every expression of a spec, with where it stands and what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.spec import (
    CommandService,
    Expr,
    Fields,
    Fixed,
    Form,
    HttpService,
    HumanPlayer,
    Items,
    ModelPlayer,
    Player,
    Role,
    SetPlayer,
)

Purpose = Literal["condition", "value", "text", "show", "names", "list", "questions", "number", "duration"]


class Use(Struct, frozen=True):
    """`purpose`: a condition must be a boolean, a text must not be null, `show` may be anything that is not an error,
    `names` are the targets of a `pick`, a `list` is that of `each`, `questions` is a list that a person answers, a
    `number` a confidence, a `duration` that of `after`.
    """

    expr: Expr
    scope: Scope
    purpose: Purpose


def uses(survey: Survey) -> Iterator[Use]:
    """In no particular order. A handoff `from: {any: [...]}` gives its expressions once per source."""
    spec = survey.spec
    if spec.trigger.once_per is not None:
        yield Use(spec.trigger.once_per, Scope("trigger"), "value")
    for role in spec.roles.values():
        yield from _of_role(role)
    for edge in survey.edges:
        yield from uses_of(edge, survey)
    for gate in spec.touchpoints.values():
        lane = survey.flow.lanes.of.get(gate.name, ())
        scope = Scope("touchpoint", gate=gate, lane=lane[-1] if lane else None)
        if gate.when is not None:
            yield Use(gate.when, scope, "condition")
        yield from (Use(expr, scope, "text") for expr in gate.ask.expressions)
        yield from (Use(expr, scope, "show") for _, _, form in gate.show for expr in expressions(form))
    if spec.result is not None and spec.result.passes is not None:
        yield from (Use(expr, Scope("result"), "value") for expr in expressions(spec.result.passes))


def _of_role(role: Role) -> Iterator[Use]:
    scope, player = Scope("role", role=role), role.player
    if isinstance(player, SetPlayer):
        yield from (Use(expr, scope, "value") for expr in expressions(player.form))
    elif isinstance(player, HumanPlayer) and player.asks is not None:
        yield Use(player.asks, scope, "questions")
    elif isinstance(player, ModelPlayer):
        prompt = player.prompt.expressions if player.prompt is not None else ()
        yield from (Use(expr, Scope("prompt", role=role), "text") for expr in prompt)
        for tool in player.tools:
            yield from _of_service(tool.service, Scope("tool", role=role, tool=tool))
    yield from _of_service(player, scope)
    if role.key is not None:
        yield Use(role.key, scope, "value")
    if role.confidence is not None and role.confidence.expression is not None:
        yield Use(role.confidence.expression, Scope("confidence", role=role), "number")


def _of_service(player: Player, scope: Scope) -> Iterator[Use]:
    if isinstance(player, CommandService):
        yield from (Use(expr, scope, "text") for word in player.argv for expr in word.expressions)
    elif isinstance(player, HttpService):
        texts = (player.url, *(text for _, text in player.headers))
        yield from (Use(expr, scope, "text") for text in texts for expr in text.expressions)
        forms = (form for form in (player.query, player.body) if form is not None)
        yield from (Use(expr, scope, "value") for form in forms for expr in expressions(form))


def uses_of(edge: Edge, survey: Survey) -> Iterator[Use]:
    """The expressions of one handoff."""
    before, behind = survey.flow.lanes.before(edge), survey.flow.lanes.behind(edge)
    handoff = edge.handoff
    scope = Scope("handoff", edge=edge, lane=before[-1] if before else None)
    if handoff.when is not None:
        yield Use(handoff.when, scope, "condition")
    if handoff.passes is not None:
        built = Scope("handoff", edge=edge, lane=behind[-1] if behind else None)
        yield from (Use(expr, built, "value") for expr in expressions(handoff.passes))
    if handoff.pick is not None:
        yield Use(handoff.pick, scope, "names")
    if handoff.each is not None:
        yield Use(handoff.each, scope, "list")
    if isinstance(handoff.after, Expr):
        yield Use(handoff.after, scope, "duration")


def expressions(form: Form) -> Iterator[Expr]:
    """The expressions at the leaves of a form."""
    match form:
        case Expr():
            yield form
        case Fields(entries=entries):
            for _, _, part in entries:
                yield from expressions(part)
        case Items(entries=parts):
            for part in parts:
                yield from expressions(part)
        case Fixed():
            pass
